#include "tensor_rows.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "switchyard/models/backend.h"
#include "switchyard/types/utf8.h"

namespace switchyard::models {

Result<std::shared_ptr<const TensorRows>> TensorRows::read(Document document) {
  auto request = std::make_shared<TensorRows>();
  request->decoded = std::make_unique<Arena>();
  SY_ASSIGN_OR_RETURN(request->tensors, read_tensors(*document, "inputs", *request->decoded));
  SY_ASSIGN_OR_RETURN(request->wanted, wanted_outputs(*document));
  request->rows = static_cast<uint32_t>(request->tensors.front().shape.front());
  request->document = std::move(document);
  return std::shared_ptr<const TensorRows>(std::move(request));
}

Status check_wanted(const TensorRows& request, const std::vector<TensorInfo>& outputs) {
  for (const std::string_view name : request.wanted) {
    if (std::any_of(outputs.begin(), outputs.end(),
                    [&](const TensorInfo& info) { return info.name == name; }))
      continue;
    std::string known;
    for (const TensorInfo& info : outputs) known += (known.empty() ? "" : ", ") + info.name;
    return make_error(ErrorKind::kInvalidArgument, "models.bad_input",
                      "the model has no output tensor '" + std::string(name) + "'; it has " + known,
                      std::string(name));
  }
  return {};
}

Document tensor_output(const TensorRows& request, const std::vector<TensorInfo>& infos,
                       const std::vector<TensorData>& outputs, uint32_t first, uint32_t rows) {
  auto arena = std::make_shared<Arena>(1024);
  std::vector<TensorView> views;
  const auto add = [&](size_t i) {
    const TensorData& data = outputs[i];
    TensorView view;
    view.name = infos[i].name;
    view.type = data.type;
    view.shape = data.shape;
    view.shape.front() = rows;
    const size_t count = view.elements();
    const size_t from = rows == 0 ? 0 : count / rows * first;
    if (const size_t width = TensorData::element_bytes(data.type); width > 0) {
      view.bytes =
          arena->copy({reinterpret_cast<const char*>(data.bytes.data()) + from * width, count * width});
    } else {
      Value* texts = arena->allocate<Value>(count);
      for (size_t e = 0; e < count; ++e) {
        const std::string_view text = arena->copy(data.strings[from + e]);
        texts[e] = is_valid_utf8(text) ? Value::string(text) : Value::bytes(text);
      }
      view.strings = {texts, count};
    }
    views.push_back(std::move(view));
  };
  if (request.wanted.empty()) {
    for (size_t i = 0; i < infos.size(); ++i) add(i);
  }
  for (const std::string_view name : request.wanted)  // in the order that the request names them
    for (size_t i = 0; i < infos.size(); ++i)
      if (infos[i].name == name) add(i);
  return make_tensor_document("outputs", views, {}, std::move(arena));
}

namespace {

/// One output of all parts, in `arena`.
Result<TensorView> join_output(const std::vector<std::vector<TensorView>>& parts, size_t output,
                               Arena& arena) {
  TensorView joined = parts.front()[output];
  const std::vector<int64_t> row(joined.shape.begin() + 1, joined.shape.end());
  size_t bytes = 0;
  joined.shape.front() = 0;
  for (const auto& part : parts) {
    const TensorView& view = part[output];
    if (view.type != joined.type ||
        !std::equal(row.begin(), row.end(), view.shape.begin() + 1, view.shape.end()))
      return make_error(ErrorKind::kInternal, "models.run_failed",
                        "output '" + std::string(joined.name) +
                            "' came with rows of different shapes; send fewer rows at once",
                        std::string(joined.name));
    joined.shape.front() += view.shape.front();
    bytes += view.bytes.size();
  }
  const size_t count = joined.elements();
  if (joined.type == ElementType::kString) {
    Value* texts = arena.allocate<Value>(count);
    Value* end = texts;
    for (const auto& part : parts)
      for (const Value& text : part[output].strings) *end++ = copy_value(text, arena);
    joined.strings = {texts, count};
  } else {
    char* to = arena.allocate<char>(bytes);
    joined.bytes = {to, bytes};
    for (const auto& part : parts) {
      if (part[output].bytes.empty()) continue;
      std::memcpy(to, part[output].bytes.data(), part[output].bytes.size());
      to += part[output].bytes.size();
    }
  }
  return joined;
}

}  // namespace

Result<ModelAnswer> join_answers(std::vector<ModelAnswer> parts) {
  auto arena = std::make_shared<Arena>(1024);
  std::vector<std::vector<TensorView>> outputs;
  ModelAnswer answer = parts.front();
  answer.queue_us = answer.run_us = 0;
  answer.calls = 0;
  answer.batch_size = 0;
  for (const ModelAnswer& part : parts) {
    SY_ASSIGN_OR_RETURN(outputs.emplace_back(), read_tensors(*part.output, "outputs", *arena));
    answer.queue_us = std::max(answer.queue_us, part.queue_us);
    answer.run_us += part.run_us;
    answer.calls += part.calls;
    answer.batch_size += part.batch_size;
  }
  std::vector<TensorView> joined;
  for (size_t i = 0; i < outputs.front().size(); ++i) {
    SY_ASSIGN_OR_RETURN(joined.emplace_back(), join_output(outputs, i, *arena));
  }
  answer.output = make_tensor_document("outputs", joined, {}, std::move(arena));
  return answer;
}

void TensorJoin::add(size_t part, Result<ModelAnswer> result) {
  {
    const std::lock_guard lock(mutex_);
    results_[part] = std::make_unique<Result<ModelAnswer>>(std::move(result));
    if (--left_ > 0) return;
  }
  std::vector<ModelAnswer> answers;
  for (auto& each : results_) {
    if (!each->ok()) return done_(std::move(*each));
    answers.push_back(std::move(*each).value());
  }
  done_(join_answers(std::move(answers)));
}

}  // namespace switchyard::models
