// What may be asked of a run: signals it takes, queries it answers.
#include "switchyard/workflow/query.h"

#include "interpret/evaluate.h"
#include "switchyard/base/bytes.h"
#include "switchyard/types/value_codec.h"
#include "switchyard/workflow/limits.h"
#include "switchyard/workflow/signal.h"

namespace switchyard::workflow {
namespace {

template <typename List>
std::string names_of(const List& list) {
  std::string names;
  for (const auto& each : list) names += (names.empty() ? "" : ", ") + each.name;
  return names;
}

size_t bytes_of(const Value& value) {
  std::string bytes;
  ByteWriter out(bytes);
  encode_value(value, out);
  return bytes.size();
}

}  // namespace

const Signal* Pipeline::find_signal(std::string_view signal) const {
  for (const Signal& each : signals)
    if (each.name == signal) return &each;
  return nullptr;
}

Result<Value> check_signal(const Pipeline& pipeline, std::string_view name, const Value& payload,
                           Arena& arena) {
  const Signal* signal = pipeline.find_signal(name);
  if (signal == nullptr) {
    return make_error(
        ErrorKind::kUnprocessable, "signal.unknown",
        "no step of pipeline " + pipeline.full_name() + " listens to a signal '" +
            std::string(name.substr(0, 64)) + "'; " +
            (pipeline.signals.empty() ? "it takes no signals" : "it takes: " + names_of(pipeline.signals)),
        "name");
  }
  if (signal->schema == nullptr) return payload;
  auto normal = signal->schema->normalize(payload, arena);
  if (normal.ok()) return normal;
  return make_error(ErrorKind::kUnprocessable, "signal.bad_payload",
                    "the payload of '" + signal->name + "' does not fit: " + normal.error().message,
                    "payload" + normal.error().field);
}

Status signal_fits(const RunState& run, const Value& payload) {
  const size_t bytes = bytes_of(payload);
  if (bytes > kMaxSignalBytes) {
    return make_error(
        ErrorKind::kTooLarge, "signal.too_large",
        "a signal's payload may have at most " + std::to_string(kMaxSignalBytes) + " bytes; send a reference",
        "payload");
  }
  size_t pending = bytes;
  for (const PendingSignal& signal : run.signals) pending += bytes_of(signal.payload);
  if (run.signals.size() < kMaxPendingSignals && pending <= kMaxPendingSignalBytes) return {};
  return make_error(ErrorKind::kResourceExhausted, "signal.too_many",
                    "decision " + run.id.to_string() + " keeps " + std::to_string(run.signals.size()) +
                        " signals that no step has taken (at most " + std::to_string(kMaxPendingSignals) +
                        ", and " + std::to_string(kMaxPendingSignalBytes) +
                        " bytes of payload); send it when some are taken",
                    "id");
}

Result<std::vector<QueryAnswer>> query(const RunState& run, std::string_view name, Arena& arena) {
  const Pipeline& pipeline = *run.pipeline;
  std::vector<Value> slots = run.root.slots;
  for (size_t i = 0; i < run.root.steps.size(); ++i) {
    const StepState& step = run.root.steps[i];
    slots[kSlotSteps + i] =
        step.status == StepStatus::kCompleted ? Value::optional(&step.result) : Value::none();
  }
  std::vector<QueryAnswer> answers;
  for (const Query& each : pipeline.queries) {
    if (!name.empty() && each.name != name) continue;
    answers.push_back({each.name, evaluate(each.value, slots, arena)});
  }
  if (name.empty() || !answers.empty()) return answers;
  return make_error(ErrorKind::kNotFound, "query.unknown",
                    "pipeline " + pipeline.full_name() + " has no query '" + std::string(name.substr(0, 64)) +
                        "'; " +
                        (pipeline.queries.empty() ? "it has none" : "it has: " + names_of(pipeline.queries)),
                    "name");
}

}  // namespace switchyard::workflow
