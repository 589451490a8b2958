#include "tensor_call.h"

#include <algorithm>
#include <cmath>

#include "switchyard/expression/program.h"
#include "switchyard/models/limits.h"
#include "switchyard/types/utf8.h"

namespace switchyard::models {
namespace {

using expression::Type;

constexpr std::string_view kAllTensors = "tensors";

// The ids of calls.
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

Value element_value(const TensorView& tensor, size_t index) {
  if (tensor.type != ElementType::kString) return number_at(tensor.type, tensor.bytes, index);
  const Value& text = tensor.strings[index];
  return text.is(Kind::kBytes) && is_valid_utf8(text.as_bytes()) ? Value::string(text.as_bytes()) : text;
}

/// The first row as an expression sees it: without the batch.
Value row_value(const TensorView& tensor, size_t depth, size_t* at, Arena& arena) {
  if (depth == tensor.shape.size()) return element_value(tensor, (*at)++);
  const auto count = static_cast<uint32_t>(tensor.shape[depth]);
  ListBuilder list(arena, count);
  for (uint32_t i = 0; i < count; ++i) list.add(row_value(tensor, depth + 1, at, arena));
  return list.build();
}

TensorView view_of(const TensorInfo& info, const TensorData& data, Arena& arena) {
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

}  // namespace

/// Results by expressions over tensors whose names and types the server tells with each answer.
class TensorCall::Outputs {
 public:
  static Result<std::unique_ptr<Outputs>> compile(const ModelManifest& manifest) {
    auto made = std::make_unique<Outputs>();
    Outputs& outputs = *made;
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
    return made;
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

TensorCall::TensorCall(const ModelManifest& manifest, std::vector<TensorInfo> infos,
                       std::unique_ptr<Outputs> outputs)
    : model_(manifest.remote.model.empty() ? manifest.model.name : manifest.remote.model),
      infos_(std::move(infos)),
      encoder_(manifest, infos_),
      outputs_(std::move(outputs)) {}

TensorCall::~TensorCall() = default;

Type TensorCall::output_type() const { return outputs_->type(); }

Result<std::unique_ptr<TensorCall>> TensorCall::make(const ModelManifest& manifest,
                                                     std::string_view protocol) {
  if (manifest.kind != ModelKind::kTensors) return wrong_kind(manifest, protocol, "tensors");
  auto infos = tensors_of(manifest);
  SY_RETURN_IF_ERROR(check_tensors(manifest, infos, {}));
  SY_ASSIGN_OR_RETURN(auto outputs, Outputs::compile(manifest));
  return std::unique_ptr<TensorCall>(new TensorCall(manifest, std::move(infos), std::move(outputs)));
}

Result<TensorCall::Question> TensorCall::ask(const Value& input, Arena& arena) const {
  Question question;
  if (has_tensors(input)) {
    question.id = kTensorCall;
    SY_ASSIGN_OR_RETURN(question.inputs, read_tensors(input, "inputs", arena));
    SY_ASSIGN_OR_RETURN(question.wanted, wanted_outputs(input));
    return question;
  }
  question.id = kDocumentCall;
  encoder_.prepare(question.row, 1);
  SY_RETURN_IF_ERROR(encoder_.encode(input, question.row, 0));
  for (size_t i = 0; i < question.row.size(); ++i)
    question.inputs.push_back(view_of(infos_[i], question.row[i], arena));
  return question;
}

Result<RemoteReply> TensorCall::reply(Answer answer) const {
  RemoteReply reply;
  reply.served_by = answer.model;
  if (!answer.version.empty()) reply.served_by += "@" + std::string(answer.version);
  if (answer.id == kTensorCall) {
    reply.output = make_tensor_document("outputs", answer.outputs, {}, std::move(answer.arena));
  } else {
    SY_ASSIGN_OR_RETURN(reply.output, outputs_->evaluate(answer.outputs));
  }
  return reply;
}

}  // namespace switchyard::models
