// Servers of the Open Inference Protocol, version 2 (Triton, KServe, MLServer): fields become tensors and
// tensors results as for a model in this process. Tensors go and come in JSON, or in binary form where the
// manifest says that the server has that extension.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>

#include "../row_encoder.h"
#include "protocol.h"
#include "switchyard/expression/program.h"
#include "switchyard/http/url.h"
#include "switchyard/models/limits.h"
#include "switchyard/models/oip.h"
#include "switchyard/types/json.h"
#include "switchyard/types/utf8.h"

namespace switchyard::models {
namespace {

using expression::Type;

constexpr std::string_view kAllTensors = "tensors";

// A server gives a call's id back: so the answer tells in which form it is wanted.
constexpr std::string_view kTensorCall = "tensors";
constexpr std::string_view kDocumentCall = "document";

/// The rows of the tensors as the manifest says: the server is not asked for them.
std::vector<TensorInfo> tensors_of(const ModelManifest& manifest) {
  std::vector<TensorInfo> infos;
  for (const TensorInput& input : manifest.inputs) {
    TensorInfo info{input.tensor, input.type, {-1}};
    if (input.row_shape.has_value())
      info.shape.insert(info.shape.end(), input.row_shape->begin(), input.row_shape->end());
    else
      info.shape.push_back(static_cast<int64_t>(input.fields.size()));
    infos.push_back(std::move(info));
  }
  return infos;
}

template <typename T>
T element(const TensorView& tensor, size_t index) {
  T value;
  std::memcpy(&value, tensor.bytes.data() + index * sizeof value, sizeof value);
  return value;
}

Value element_value(const TensorView& tensor, size_t index) {
  switch (tensor.type) {
    case ElementType::kFloat: return Value::real(element<float>(tensor, index));
    case ElementType::kDouble: return Value::real(element<double>(tensor, index));
    case ElementType::kInt32: return Value::integer(element<int32_t>(tensor, index));
    case ElementType::kInt64: return Value::integer(element<int64_t>(tensor, index));
    case ElementType::kBool: return Value::boolean(element<uint8_t>(tensor, index) != 0);
    case ElementType::kString: {
      const Value& text = tensor.strings[index];
      return text.is(Kind::kBytes) && is_valid_utf8(text.as_bytes()) ? Value::string(text.as_bytes()) : text;
    }
  }
  return Value::null();
}

/// The first row as an expression sees it: without the batch.
Value row_value(const TensorView& tensor, size_t depth, size_t* at, Arena& arena) {
  if (depth == tensor.shape.size()) return element_value(tensor, (*at)++);
  const auto count = static_cast<uint32_t>(tensor.shape[depth]);
  ListBuilder list(arena, count);
  for (uint32_t i = 0; i < count; ++i) list.add(row_value(tensor, depth + 1, at, arena));
  return list.build();
}

/// Results by expressions over tensors whose names and types the server tells with each answer.
class Outputs {
 public:
  static Result<Outputs> compile(const ModelManifest& manifest) {
    Outputs outputs;
    outputs.schema_ = manifest.output_schema;
    expression::Environment environment;
    environment.declare(std::string(kAllTensors), Type::map(Type::string(), Type::dyn()));
    expression::CompileOptions options;
    options.cost_limit = kOutputExpressionCost;
    options.prove_members = false;
    std::vector<expression::Field> fields;
    std::string mistakes;
    // A name that nothing declares is an output tensor. All of them are found first: programs
    // compiled with the same names have the same slots.
    for (const OutputField& output : manifest.outputs) outputs.find_names(output.expression, options);
    for (const std::string& name : outputs.names_) environment.declare(name, Type::dyn());
    for (const OutputField& output : manifest.outputs) {
      auto compiled = expression::compile(output.expression, environment, options);
      for (const auto& mistake : compiled.mistakes)
        mistakes += (mistakes.empty() ? "" : "; ") + ("output '" + output.name + "': " + mistake.to_string());
      if (!compiled.ok()) continue;
      fields.push_back({output.name, compiled.program->result_type(), true});
      outputs.programs_.emplace_back(output.name, *std::move(compiled.program));
    }
    if (!mistakes.empty())
      return make_error(ErrorKind::kUnprocessable, "models.bad_output_expression", mistakes, "output");
    outputs.type_ = Type::object(std::move(fields));
    return outputs;
  }

  const Type& type() const { return type_; }

  Result<Document> evaluate(const std::vector<TensorView>& tensors) const {
    Arena scratch;
    std::vector<Value> slots(names_.size() + 1);
    MapBuilder all(scratch);
    for (const TensorView& tensor : tensors) {
      if (tensor.shape.empty() || tensor.shape.front() < 1)
        return bad_answer("output '" + std::string(tensor.name) + "' has no row");
      size_t at = 0;
      const Value row = row_value(tensor, 1, &at, scratch);
      all.add(Value::string(tensor.name), row);
      const auto name = std::find(names_.begin(), names_.end(), tensor.name);
      if (name != names_.end()) slots[static_cast<size_t>(name - names_.begin()) + 1] = row;
    }
    slots[0] = all.build();
    for (size_t i = 0; i < names_.size(); ++i)
      if (slots[0].find(names_[i]) == nullptr)
        return bad_answer("it has no output tensor '" + names_[i] + "', which the manifest's output names");
    auto arena = std::make_shared<Arena>(512);
    MapBuilder results(*arena);
    for (const auto& [name, program] : programs_) {
      auto value = program.evaluate(slots, scratch);
      if (!value.ok())
        return bad_answer("output '" + name + "' cannot be computed: " + value.error().message);
      if (value->is(Kind::kDouble) && !std::isfinite(value->as_double()))
        return bad_answer("output '" + name + "' is no finite number");
      results.add(Value::string(arena->copy(name)), copy_value(*value, *arena));
    }
    Value root = results.build();
    if (schema_ != nullptr) {
      auto normal = schema_->normalize(root, *arena);
      if (!normal.ok()) return bad_answer("it does not fit output.schema: " + normal.error().message);
      root = *normal;
    }
    return Document(std::move(arena), root);
  }

 private:
  void find_names(const std::string& text, const expression::CompileOptions& options) {
    while (names_.size() < kMaxTensors) {
      expression::Environment environment;
      environment.declare(std::string(kAllTensors), Type::map(Type::string(), Type::dyn()));
      for (const std::string& name : names_) environment.declare(name, Type::dyn());
      const auto compiled = expression::compile(text, environment, options);
      const size_t before = names_.size();
      for (const auto& mistake : compiled.mistakes) {
        const std::string name = text.substr(std::min<size_t>(mistake.offset, text.size()), mistake.length);
        if (mistake.code == "expression.undeclared" && is_name(name) &&
            std::find(names_.begin(), names_.end(), name) == names_.end())
          names_.push_back(name);
      }
      if (names_.size() == before) return;
    }
  }
  static bool is_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
  }

  std::vector<std::string> names_;  // slot 0 is `tensors`, the others follow in this order
  std::vector<std::pair<std::string, expression::Program>> programs_;
  Type type_;
  schema::SchemaPtr schema_;
};

class OpenInference final : public Protocol {
 public:
  static Result<std::unique_ptr<Protocol>> make(const ModelManifest& manifest) {
    const auto infos = tensors_of(manifest);
    SY_RETURN_IF_ERROR(check_tensors(manifest, infos, {}));
    SY_ASSIGN_OR_RETURN(Outputs outputs, Outputs::compile(manifest));
    const std::string model = manifest.remote.model.empty() ? manifest.model.name : manifest.remote.model;
    std::string path = manifest.remote.path;
    if (path.empty()) path = "/v2/models/" + http::percent_encode(model) + "/infer";
    return std::unique_ptr<Protocol>(new OpenInference(manifest, infos, std::move(outputs), std::move(path)));
  }

  Result<Request> request(const Value& input, bool) const override {
    Arena arena;
    std::vector<TensorView> views;
    std::vector<std::string_view> wanted;
    std::vector<TensorData> row;
    if (has_tensors(input)) {
      SY_ASSIGN_OR_RETURN(views, read_tensors(input, "inputs", arena));
      SY_ASSIGN_OR_RETURN(wanted, wanted_outputs(input));
    } else {
      encoder_.prepare(row, 1);
      SY_RETURN_IF_ERROR(encoder_.encode(input, row, 0));
      for (size_t i = 0; i < row.size(); ++i) views.push_back(view_of(infos_[i], row[i], arena));
    }
    Request request;
    request.path = path_;
    std::string behind;
    request.body =
        "{\"id\":\"" + std::string(has_tensors(input) ? kTensorCall : kDocumentCall) + "\",\"inputs\":[";
    for (const TensorView& view : views) {
      if (request.body.back() != '[') request.body += ',';
      SY_RETURN_IF_ERROR(oip::append_wire_tensor(view, binary_, request.body, behind));
    }
    request.body += ']';
    for (size_t i = 0; i < wanted.size(); ++i) {
      request.body += i == 0 ? ",\"outputs\":[{\"name\":" : ",{\"name\":";
      append_json_string(wanted[i], request.body);
      request.body += binary_ ? ",\"parameters\":{\"binary_data\":true}}" : "}";
    }
    if (!wanted.empty()) request.body += ']';
    if (!binary_) {
      request.body += '}';
      return request;
    }
    request.body += ",\"parameters\":{\"binary_data_output\":true}}";
    request.headers = {{std::string(oip::kHeaderLength), std::to_string(request.body.size())},
                       {"Content-Type", "application/octet-stream"},
                       {"Accept", "*/*"}};
    request.body += behind;
    return request;
  }

  Result<RemoteReply> reply(const http::ClientResponse& response) const override {
    std::string_view json = response.body;
    std::string_view behind;
    if (const std::string_view length = response.header(oip::kHeaderLength); !length.empty()) {
      size_t size = 0;
      const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), size);
      if (error != std::errc() || end != length.data() + length.size() || size > json.size())
        return bad_answer("its " + std::string(oip::kHeaderLength) + " is not right");
      behind = json.substr(size);
      json = json.substr(0, size);
    }
    auto arena = std::make_shared<Arena>(response.body.size() + 1024);
    const auto body = parse_json(json, *arena, {kMaxRemoteAnswerBytes, 64});
    if (!body.ok()) return bad_answer("it is no JSON: " + body.error().message);
    const Value* list = body->find("outputs");
    if (list == nullptr) return bad_answer("it has no outputs");
    const auto tensors = oip::read_wire_tensors(*list, behind, oip::Others::kWiden, *arena);
    if (!tensors.ok()) return bad_answer(tensors.error().message);
    RemoteReply reply;
    const Value* model = body->find("model_name");
    const Value* version = body->find("model_version");
    if (model != nullptr && model->is(Kind::kString)) reply.served_by = model->as_string();
    if (version != nullptr && version->is(Kind::kString) && version->size() > 0)
      reply.served_by += "@" + std::string(version->as_string());
    const Value* id = body->find("id");
    if (id != nullptr && id->is(Kind::kString) && id->as_string() == kTensorCall) {
      reply.output = make_tensor_document("outputs", *tensors, {}, std::move(arena));
    } else {
      SY_ASSIGN_OR_RETURN(reply.output, outputs_.evaluate(*tensors));
    }
    return reply;
  }

  Type output_type() const override { return outputs_.type(); }

 private:
  OpenInference(const ModelManifest& manifest, std::vector<TensorInfo> infos, Outputs outputs,
                std::string path)
      : infos_(std::move(infos)),
        encoder_(manifest, infos_),
        outputs_(std::move(outputs)),
        path_(std::move(path)),
        binary_(manifest.remote.binary) {}

  static TensorView view_of(const TensorInfo& info, const TensorData& data, Arena& arena) {
    TensorView view;
    view.name = info.name;
    view.type = data.type;
    view.shape = data.shape;
    view.bytes = {reinterpret_cast<const char*>(data.bytes.data()), data.bytes.size()};
    Value* texts = arena.allocate<Value>(data.strings.size());
    for (size_t i = 0; i < data.strings.size(); ++i) texts[i] = Value::string(data.strings[i]);
    view.strings = {texts, data.strings.size()};
    return view;
  }

  const std::vector<TensorInfo> infos_;
  const RowEncoder encoder_;
  const Outputs outputs_;
  const std::string path_;
  const bool binary_;
};

}  // namespace

Result<std::unique_ptr<Protocol>> make_oip_protocol(const ModelManifest& manifest) {
  if (manifest.kind != ModelKind::kTensors) return wrong_kind(manifest, "oip", "tensors");
  return OpenInference::make(manifest);
}

}  // namespace switchyard::models
