#include "switchyard/models/manifest.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>

#include "document_reader.h"
#include "manifest_run.h"
#include "switchyard/models/limits.h"

namespace switchyard::models {
namespace {

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '/';
}

/// MAJOR.MINOR.PATCH, then optionally a pre-release and a build part (semver.org 2.0.0), without counting
/// their parts.
bool is_semver(std::string_view text) {
  const size_t core_end = std::min(text.find_first_of("-+"), text.size());
  int numbers = 1;
  size_t digits = 0;
  for (const char c : text.substr(0, core_end)) {
    if (c == '.') {
      if (digits == 0) return false;
      ++numbers;
      digits = 0;
    } else if (c >= '0' && c <= '9') {
      if (++digits > 9) return false;
    } else {
      return false;
    }
  }
  if (numbers != 3 || digits == 0) return false;
  if (core_end == text.size()) return true;
  const auto rest = text.substr(core_end + 1);
  return !rest.empty() && rest.size() <= 64 && std::all_of(rest.begin(), rest.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '+';
  });
}

/// Reads one manifest and notes each mistake with its path.
class Reader : private DocumentReader {
 public:
  using DocumentReader::DocumentReader;
  ModelManifest read(const Value& document);

 private:
  void read_identity(const Value& root);
  void read_file(const Value& root);
  void read_input(const Value& root);
  void read_tensor(std::string_view name, const Value& tensor, const std::string& path);
  void read_fields(const Value& tensor, const std::string& path, TensorInput& input);
  void read_output(const Value& root);
  void read_batch(const Value& root);
  void read_buckets(const Value& batch);
  void read_row_shape(const Value& tensor, const std::string& path, TensorInput& input);
  void read_remote(const Value& root);
  void read_cost(const Value& root);

  ModelManifest manifest_;
};

void Reader::read_identity(const Value& root) {
  const std::string mend = "write the name and version, e.g. model: fraud-light@1.2.0";
  const std::string name = text(root, "", "model", true, mend.c_str());
  if (!name.empty()) {
    auto parsed = ModelName::parse(name);
    if (parsed.ok())
      manifest_.model = std::move(parsed).value();
    else
      mistake("model", "bad_name", parsed.error().message, mend);
  }
  manifest_.backend =
      text(root, "", "backend", true, "write backend: onnx, or the name of a backend document");
  manifest_.description = text(root, "", "description", false, "write a sentence");
}

void Reader::read_file(const Value& root) {
  const char* mend = "write the model's file name, relative to this document";
  manifest_.file = text(root, "", "file", true, mend);
  const std::string& file = manifest_.file;
  if (leaves_folder(file))
    mistake("file", "file_outside", "'" + file + "' lies outside this document's folder", mend);
  manifest_.sha256 = text(root, "", "sha256", false, "write 64 hexadecimal digits, or leave it out");
  auto& digest = manifest_.sha256;
  std::transform(digest.begin(), digest.end(), digest.begin(),
                 [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (!digest.empty() &&
      (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != std::string::npos))
    mistake("sha256", "bad_sha256", "'sha256' is not 64 hexadecimal digits",
            "write what `sha256sum " + (file.empty() ? "FILE" : file) + "` prints");
}

void Reader::read_input(const Value& root) {
  const bool takes_tensors = manifest_.kind == ModelKind::kTensors;
  const Value* input = member(root, "", "input", Kind::kMap, takes_tensors,
                              takes_tensors ? "write input: { tensors: { NAME: { fields: [...] } } }"
                                            : "write input: { schema: { ... } }");
  if (input == nullptr) return;
  if (takes_tensors)
    check_members(*input, "input", {"schema", "tensors"});
  else
    check_members(*input, "input", {"schema"});
  if (const Value* schema = member(*input, "input", "schema", Kind::kMap, false, "write a JSON Schema"))
    manifest_.input_schema = read_schema(*schema, "input.schema");
  if (!takes_tensors) return;
  const Value* tensors = member(*input, "input", "tensors", Kind::kMap, true,
                                "write tensors: { NAME: { fields: [a, b], type: float } }");
  if (tensors == nullptr) return;
  if (tensors->size() == 0)
    mistake("input.tensors", "missing", "a model needs at least one input tensor",
            "name the model's input tensors");
  if (tensors->size() > kMaxTensors)
    mistake("input.tensors", "too_many",
            std::to_string(tensors->size()) + " tensors are more than kMaxTensors",
            "use at most " + std::to_string(kMaxTensors));
  for (const Member& entry : tensors->members()) {
    const auto name = entry.key.as_string();
    read_tensor(name, entry.value, join_path("input.tensors", name));
  }
}

void Reader::read_tensor(std::string_view name, const Value& tensor, const std::string& path) {
  if (!tensor.is(Kind::kMap)) {
    mistake(path, "wrong_kind", "an input tensor is described by a map",
            "write { fields: [a, b], type: float }");
    return;
  }
  check_members(tensor, path, {"fields", "field", "type", "shape"});
  TensorInput input;
  input.tensor = name;
  const char* mend = "write float, double, int32, int64, bool or string";
  const std::string type = text(tensor, path, "type", false, mend);
  if (!type.empty() && !parse_element_type(type, &input.type))
    mistake(join_path(path, "type"), "bad_type", "'" + type + "' is no element type", mend);
  read_fields(tensor, path, input);
  read_row_shape(tensor, path, input);
  manifest_.inputs.push_back(std::move(input));
}

void Reader::read_row_shape(const Value& tensor, const std::string& path, TensorInput& input) {
  const char* mend = "write the dimensions of one row, e.g. shape: [2, 2], or shape: [] for a single value";
  const Value* shape = member(tensor, path, "shape", Kind::kList, false, mend);
  if (shape == nullptr) return;
  const std::string at = join_path(path, "shape");
  if (!manifest_.is_remote())
    return mistake(at, "unknown_member", "the model's file says which shape its tensors have",
                   "leave it out");
  input.row_shape.emplace();
  uint64_t elements = 1;
  for (const Value& size : shape->items()) {
    const bool good =
        size.is(Kind::kInteger) && size.as_integer() >= 1 && size.as_integer() <= kMaxRowElements;
    elements *= good ? static_cast<uint64_t>(size.as_integer()) : uint64_t{kMaxRowElements} + 1;
    if (elements > kMaxRowElements || input.row_shape->size() + 1 >= kMaxTensorDimensions)
      return mistake(at, "out_of_range",
                     "a row has whole dimensions from 1, and at most " + std::to_string(kMaxRowElements) +
                         " elements (kMaxRowElements)",
                     mend);
    input.row_shape->push_back(size.as_integer());
  }
}

void Reader::read_fields(const Value& tensor, const std::string& path, TensorInput& input) {
  const bool has_field = tensor.find("field") != nullptr;
  const bool has_fields = tensor.find("fields") != nullptr;
  if (has_field == has_fields) {
    mistake(path, "missing", has_field ? "'field' and 'fields' exclude each other" : "'fields' is missing",
            "write fields: [a, b] for values side by side, or field: a for one value or array");
    return;
  }
  if (has_field) {
    input.single = true;
    input.fields.push_back(
        text(tensor, path, "field", true, "write the path of one field, e.g. field: text"));
  } else if (const Value* fields =
                 member(tensor, path, "fields", Kind::kList, true, "write a list of fields")) {
    if (fields->size() == 0 || fields->size() > kMaxFieldsPerTensor)
      mistake(join_path(path, "fields"), "out_of_range", std::to_string(fields->size()) + " fields",
              "name 1 to " + std::to_string(kMaxFieldsPerTensor) + " fields (kMaxFieldsPerTensor)");
    for (size_t i = 0; i < fields->size(); ++i) {
      const Value& field = fields->items()[i];
      const std::string at = join_path(path, "fields") + "[" + std::to_string(i) + "]";
      if (field.is(Kind::kString))
        input.fields.emplace_back(field.as_string());
      else
        mistake(at, "wrong_kind", "a field is named by text", "write the field's path, e.g. payment.amount");
    }
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i < input.fields.size(); ++i) {
    const std::string& field = input.fields[i];
    const std::string at = join_path(path, input.single ? "field" : "fields[" + std::to_string(i) + "]");
    if (field.empty() || field.starts_with('.') || field.ends_with('.') ||
        field.find("..") != std::string::npos)
      mistake(at, "bad_field", "'" + field + "' is no path of names", "write names joined by dots");
    else if (!seen.insert(field).second)
      mistake(at, "duplicate_field", "'" + field + "' is named twice in this tensor", "name each field once");
  }
}

void Reader::read_output(const Value& root) {
  const char* mend = "write output: { score: \"probabilities[1]\" }";
  const bool fixed = manifest_.kind == ModelKind::kChat || manifest_.kind == ModelKind::kEmbeddings;
  if (fixed && root.find("output") != nullptr)
    return mistake("output", "unknown_member",
                   "what a model of kind " + std::string(model_kind_name(manifest_.kind)) + " gives is fixed",
                   "leave it out");
  const Value* output = member(root, "", "output", Kind::kMap, !fixed, mend);
  if (output == nullptr) return;
  for (const Member& entry : output->members()) {
    const std::string name(entry.key.as_string());
    const std::string path = join_path("output", name);
    if (name == "schema" && entry.value.is(Kind::kMap)) {
      manifest_.output_schema = read_schema(entry.value, path);
    } else if (entry.value.is(Kind::kString) && !entry.value.as_string().empty()) {
      manifest_.outputs.push_back({name, std::string(entry.value.as_string())});
    } else {
      mistake(path, "wrong_kind", "an output is a CEL expression over the model's output tensors",
              "write text, e.g. \"probabilities[1]\"");
    }
  }
  if (manifest_.outputs.empty() && output->members().empty())
    mistake("output", "missing", "a model needs at least one output", mend);
  if (manifest_.outputs.size() > kMaxOutputs)
    mistake("output", "too_many",
            std::to_string(manifest_.outputs.size()) + " outputs are more than kMaxOutputs",
            "use at most " + std::to_string(kMaxOutputs));
}

void Reader::read_batch(const Value& root) {
  const Value* batch = member(root, "", "batch", Kind::kMap, false, "write batch: { max: 32 }");
  if (batch != nullptr) {
    check_members(*batch, "batch", {"max", "buckets", "queue"});
    manifest_.max_batch = count(*batch, "batch", "max", manifest_.max_batch, 1, kMaxBatch);
    manifest_.queue_limit = count(*batch, "batch", "queue", 0, 1, 1u << 20);
    if (member(*batch, "batch", "buckets", Kind::kList, false, "write a list of ascending sizes") != nullptr)
      read_buckets(*batch);
  }
  if (!manifest_.buckets.empty()) return;
  for (uint32_t size = 1; size < manifest_.max_batch; size *= 2) manifest_.buckets.push_back(size);
  manifest_.buckets.push_back(manifest_.max_batch);
}

void Reader::read_buckets(const Value& batch) {
  const auto items = batch.find("buckets")->items();
  const bool has_max = batch.find("max") != nullptr;
  const char* mend = "write ascending sizes that end with the largest batch, e.g. [1, 2, 4, 8]";
  if (items.empty() || items.size() > kMaxBuckets) {
    mistake("batch.buckets", "out_of_range",
            std::to_string(items.size()) + " buckets; 1 to " + std::to_string(kMaxBuckets) +
                " (kMaxBuckets) are allowed",
            mend);
    return;
  }
  std::vector<uint32_t> sizes;
  for (size_t i = 0; i < items.size(); ++i) {
    const bool whole = items[i].is(Kind::kInteger) || items[i].is(Kind::kUnsigned);
    const double size = whole ? items[i].to_double() : 0;
    if (size < 1 || size > kMaxBatch || (!sizes.empty() && size <= sizes.back())) {
      mistake(
          "batch.buckets[" + std::to_string(i) + "]", "bad_bucket",
          "a bucket is a whole number from 1 to " + std::to_string(kMaxBatch) + ", above the one before it",
          mend);
      return;
    }
    sizes.push_back(static_cast<uint32_t>(size));
  }
  if (has_max && sizes.back() != manifest_.max_batch) {
    mistake("batch.buckets", "bad_bucket",
            "the last bucket is " + std::to_string(sizes.back()) + ", but batch.max is " +
                std::to_string(manifest_.max_batch),
            mend);
    return;
  }
  manifest_.max_batch = sizes.back();
  manifest_.buckets = std::move(sizes);
}

void Reader::read_remote(const Value& root) {
  const char* mend = "write remote: { model: the name the server knows }";
  if (const Value* remote = member(root, "", "remote", Kind::kMap, false, mend)) {
    check_members(*remote, "remote", {"model", "method", "path", "body", "format"});
    RemoteModelSpec& spec = manifest_.remote;
    spec.model = text(*remote, "remote", "model", false, mend);
    spec.method = word(*remote, "remote", "method", {"POST", "GET", "PUT"});
    spec.binary = word(*remote, "remote", "format", {"json", "binary"}) == "binary";
    spec.path =
        text(*remote, "remote", "path", false, "write the path below the backend's URL, e.g. /predict");
    spec.body = text(*remote, "remote", "body", false, "write an expression over input, e.g. body: input");
    if (!spec.path.empty() && (spec.path.front() != '/' || spec.path.find("..") != std::string::npos))
      mistake("remote.path", "bad_path", "'" + spec.path + "' is no path below the backend's URL",
              "begin with '/', without '..'");
  }
  for (const char* local : {"file", "sha256", "batch", "instances", "threads", "warmup"})
    if (root.find(local) != nullptr)
      mistake(local, "unknown_member",
              std::string("'") + local +
                  "' is for models that run in this process (backend: " + std::string(kLocalBackend) + ")",
              "leave it out");
}

void Reader::read_cost(const Value& root) {
  const char* mend = "write cost: { per_call: 0.00002, currency: EUR }";
  const Value* cost = member(root, "", "cost", Kind::kMap, false, mend);
  if (cost == nullptr) return;
  check_members(*cost, "cost",
                {"per_call", "per_second", "per_million_input_tokens", "per_million_cached_tokens",
                 "per_million_output_tokens", "currency"});
  constexpr double kMillion = 1e6;
  Prices& prices = manifest_.prices;
  prices.per_call = amount(*cost, "cost", "per_call", mend);
  prices.per_second = amount(*cost, "cost", "per_second", mend);
  prices.per_input_token = amount(*cost, "cost", "per_million_input_tokens", mend) / kMillion;
  prices.per_output_token = amount(*cost, "cost", "per_million_output_tokens", mend) / kMillion;
  prices.per_cached_token = cost->find("per_million_cached_tokens") == nullptr
                                ? prices.per_input_token
                                : amount(*cost, "cost", "per_million_cached_tokens", mend) / kMillion;
  manifest_.currency = text(*cost, "cost", "currency", true, mend);
  const auto& currency = manifest_.currency;
  const bool letters =
      std::all_of(currency.begin(), currency.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!currency.empty() && (currency.size() != 3 || !letters))
    mistake("cost.currency", "bad_currency", "'" + currency + "' is no currency",
            "write three capitals, e.g. EUR");
}

ModelManifest Reader::read(const Value& document) {
  if (!document.is(Kind::kMap)) {
    mistake("", "wrong_kind", "a model's manifest is a map", "begin with model: NAME@VERSION");
    return {};
  }
  check_members(document, "",
                {"model", "description", "backend", "kind", "remote", "file", "sha256", "input", "output",
                 "batch", "instances", "threads", "cost", "timeout_ms", "warmup"});
  read_identity(document);
  const std::string kind = word(document, "", "kind", {"tensors", "chat", "embeddings", "value"});
  for (const auto one : {ModelKind::kTensors, ModelKind::kChat, ModelKind::kEmbeddings, ModelKind::kValue})
    if (model_kind_name(one) == kind) manifest_.kind = one;
  const bool tensors = manifest_.kind == ModelKind::kTensors;
  if (manifest_.is_remote()) {
    read_remote(document);
  } else {
    read_file(document);
    if (document.find("remote") != nullptr || !tensors)
      mistake(tensors ? "remote" : "kind", "unknown_member",
              "a model that runs in this process takes and gives tensors",
              "leave it out, or name a backend document");
  }
  read_input(document);
  read_output(document);
  read_batch(document);
  read_cost(document);
  manifest_.timeout_ms = count(document, "", "timeout_ms", 0, 1, kMaxTimeoutMs);
  read_run_settings(*this, document, manifest_.run);
  read_warm_up(*this, document, manifest_);
  return std::move(manifest_);
}

}  // namespace

Result<ModelName> ModelName::parse(std::string_view text) {
  const size_t at = text.find('@');
  const auto name = text.substr(0, at);
  const bool good_name = at != std::string_view::npos && !name.empty() && name.size() <= 128 &&
                         std::all_of(name.begin(), name.end(), is_name_byte) && name.front() >= 'a' &&
                         name.front() <= 'z' && name.back() != '/' &&
                         name.find("//") == std::string_view::npos;
  if (!good_name || !is_semver(text.substr(at + 1))) {
    return make_error(
        ErrorKind::kInvalidArgument, "models.bad_name",
        "'" + std::string(text) + "' is no model name with a version; write e.g. fraud-light@1.2.0", "model");
  }
  return ModelName{std::string(name), std::string(text.substr(at + 1))};
}

std::string_view model_kind_name(ModelKind kind) {
  switch (kind) {
    case ModelKind::kTensors: return "tensors";
    case ModelKind::kChat: return "chat";
    case ModelKind::kEmbeddings: return "embeddings";
    case ModelKind::kValue: return "value";
  }
  return "unknown";
}

ModelManifest parse_manifest(const Value& document, Diagnostics& diagnostics) {
  return Reader(diagnostics).read(document);
}

}  // namespace switchyard::models
