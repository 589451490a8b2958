#include "tensor_call.h"

#include <algorithm>

#include "computed_outputs.h"
#include "switchyard/models/limits.h"
#include "switchyard/types/utf8.h"

namespace switchyard::models {
namespace {

using expression::Type;

constexpr std::string_view kAllTensors = "tensors";

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
    // A name that nothing declares is an output tensor. All of them are found first: programs
    // compiled with the same names have the same slots.
    for (const OutputField& output : manifest.outputs) made->find_names(output.expression);
    SY_ASSIGN_OR_RETURN(made->computed_, ComputedOutputs::compile(manifest, made->environment()));
    return made;
  }

  const Type& type() const { return computed_.type(); }

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
    return computed_.evaluate(slots, scratch);
  }

 private:
  expression::Environment environment() const {
    expression::Environment environment;
    environment.declare(std::string(kAllTensors), Type::map(Type::string(), Type::dyn()));
    for (const std::string& name : names_) environment.declare(name, Type::dyn());
    return environment;
  }
  void find_names(const std::string& text) {
    while (names_.size() < kMaxTensors) {
      const auto compiled = expression::compile(text, environment(), over_an_answer());
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
  ComputedOutputs computed_;
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
    question.form = AnswerForm::kTensors;
    SY_ASSIGN_OR_RETURN(question.inputs, read_tensors(input, "inputs", arena));
    SY_ASSIGN_OR_RETURN(question.wanted, wanted_outputs(input));
    return question;
  }
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
  if (answer.wanted == AnswerForm::kTensors) {
    reply.output = make_tensor_document("outputs", answer.outputs, {}, std::move(answer.arena));
  } else {
    SY_ASSIGN_OR_RETURN(reply.output, outputs_->evaluate(answer.outputs));
  }
  return reply;
}

}  // namespace switchyard::models
