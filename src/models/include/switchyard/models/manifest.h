#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/schema/schema.h"
#include "switchyard/types/diagnostic.h"
#include "switchyard/types/value.h"

namespace switchyard::models {

/// What the elements of a tensor are.
enum class ElementType : uint8_t { kFloat, kDouble, kInt32, kInt64, kBool, kString };

/// "float", "double", "int32", "int64", "bool", "string": as manifests and messages write them.
std::string_view element_type_name(ElementType type);
/// False when `name` is none of those.
bool parse_element_type(std::string_view name, ElementType* type);

/// A tensor as a model declares it. The first dimension is the batch; -1 means any size.
struct TensorInfo {
  std::string name;
  ElementType type = ElementType::kFloat;
  std::vector<int64_t> shape;

  /// "float[N, 29]"; the name is not part of it.
  std::string to_string() const;
};

/// How one input tensor is filled from the input document: the fields' values one after the other in one row.
struct TensorInput {
  std::string tensor;
  ElementType type = ElementType::kFloat;
  std::vector<std::string> fields;  ///< dotted paths in the input document
  /// True for `field: x`: that one value, or (nested) array, fills the row. False for `fields: [...]`.
  bool single = false;
  /// What a row looks like on a server: of a model on another machine. Absent: [number of fields].
  std::optional<std::vector<int64_t>> row_shape;
};

/// One named result: a CEL expression over the output tensors of one row.
struct OutputField {
  std::string name;
  std::string expression;
};

/// "fraud-light" and "1.2.0" of "fraud-light@1.2.0".
struct ModelName {
  std::string name;
  std::string version;

  std::string to_string() const { return name + "@" + version; }
  /// kInvalidArgument "models.bad_name" unless `name@semver` with a lower-case name of letters, digits, '-',
  /// '_', '/' and '.'.
  static Result<ModelName> parse(std::string_view text);
};

/// What a model takes and gives.
enum class ModelKind : uint8_t {
  kTensors,     ///< named fields in tensors; named results of expressions over tensors
  kChat,        ///< a chat request as OpenAI's API has it; { text, finish_reason, choices, usage }
  kEmbeddings,  ///< { input: text or texts }; { embedding, embeddings, usage }
  kValue,       ///< JSON both ways, by expressions
};
std::string_view model_kind_name(ModelKind kind);

/// The name of the backend that runs in this process.
inline constexpr std::string_view kLocalBackend = "onnx";

/// Of a model on another machine.
struct RemoteModelSpec {
  std::string model;    ///< what the server calls it; empty: as we do
  std::string method;   ///< protocol http: "POST"
  std::string path;     ///< protocol http: below the backend's URL
  std::string body;     ///< protocol http: CEL over `input`; empty: the input itself
  bool binary = false;  ///< protocol oip: tensors in binary form, for servers with that extension
};

/// What a call costs, in the manifest's currency.
struct Prices {
  double per_call = 0;
  double per_second = 0;        ///< of the call's run
  double per_input_token = 0;   ///< written as a price of a million
  double per_cached_token = 0;  ///< of input tokens from the server's cache; as the others where not given
  double per_output_token = 0;
};

/// How the runs of a model in this process share the machine.
struct RunSettings {
  uint32_t instances = 0;         ///< runs of one version at once; 0: as many as the service has workers
  uint32_t intra_op_threads = 1;  ///< of an instance, for the inside of one operator
  uint32_t inter_op_threads = 1;  ///< of an instance, for operators that do not need each other
};

/// What is run before a version takes its first request.
struct WarmUpSpec {
  uint32_t runs = 1;             ///< of each bucket on each session; 0 turns it off, without inputs
  std::string file;              ///< of the inputs, relative to the manifest's folder; empty: there is none
  std::vector<Document> inputs;  ///< recorded ones; empty: blank rows
};

/// What a `*.model.yaml` says; docs/models.md is its reference.
struct ModelManifest {
  ModelName model;
  std::string backend;  ///< kLocalBackend, or the name of a `backend:` document
  ModelKind kind = ModelKind::kTensors;
  RemoteModelSpec remote;
  std::string file;    ///< relative to the manifest's folder; never leaves it
  std::string sha256;  ///< of the file, lower-case hex; empty when the manifest does not pin it
  std::string description;

  schema::SchemaPtr input_schema;  ///< null when not given
  std::vector<TensorInput> inputs;
  std::vector<OutputField> outputs;
  schema::SchemaPtr output_schema;  ///< null when not given

  uint32_t max_batch = 32;
  std::vector<uint32_t> buckets;  ///< ascending, the last is max_batch
  uint32_t queue_limit = 0;       ///< requests waiting; 0: the service's default
  Prices prices;
  std::string currency;     ///< ISO 4217; empty without a cost
  uint32_t timeout_ms = 0;  ///< of a request without deadline; 0: the service's default
  RunSettings run;
  WarmUpSpec warm_up;

  bool is_remote() const { return backend != kLocalBackend; }
};

/// Reads a manifest from a document that was already parsed (YAML or JSON). Everything wrong is reported at
/// once: each Diagnostic has the dotted path, what is wrong and what to write; line and column are the
/// caller's to add. The manifest is usable only when no error was added. Codes: "models.<what>".
ModelManifest parse_manifest(const Value& document, Diagnostics& diagnostics);

/// Takes the recorded inputs from the text of the manifest's warm-up file: a JSON list, each item an input
/// that the manifest's schema accepts. kUnprocessable "models.bad_warm_up" names the item.
Status read_warm_up_file(std::string_view text, ModelManifest& manifest);

}  // namespace switchyard::models
