// The stored form of a run; the grammar is in docs/formats/state.md.
#include "switchyard/types/value_codec.h"
#include "switchyard/workflow/run.h"

namespace switchyard::workflow {
namespace {

constexpr uint8_t kRecordVersion = 1;

/// Waiting: something waits, and nothing could run now. Follows from the folded state alone.
RunStatus effective_status(const RunState& run) {
  if (is_final(run.status)) return run.status;
  bool waits = false;
  for (size_t i = 0; i < run.steps.size(); ++i) {
    switch (run.steps[i].status) {
      case StepStatus::kWaiting: waits = true; break;
      case StepStatus::kStarted:
      case StepStatus::kRetrying: return RunStatus::kRunning;
      case StepStatus::kPending: {
        bool runnable = true;
        for (const StepIndex need : run.pipeline->steps[i].needs)
          runnable &= is_settled(run.steps[need.value].status);
        if (runnable) return RunStatus::kRunning;
        break;
      }
      default: break;
    }
  }
  return waits ? RunStatus::kWaiting : RunStatus::kRunning;
}

void write_summary(const RunState& run, ByteWriter& out) {
  out.u8(kRecordVersion);
  out.u8(static_cast<uint8_t>(effective_status(run)));
  out.bytes(run.pipeline->name);
  out.bytes(run.pipeline->version);
  out.raw(run.pipeline->hash.data(), run.pipeline->hash.size());
  out.bytes(run.key);
  out.bytes(run.principal);
  out.svarint(run.started_us);
  out.svarint(run.ended_us);
  out.u64(run.request_hash);
  out.f64(run.cost);
  out.u8(static_cast<uint8_t>(run.error.kind));
  out.bytes(run.error.code);
  out.bytes(run.error.message);
  out.bytes(run.error.field);
  encode_value(run.search, out);
  out.varint(run.offsets.size());
  uint64_t previous = 0;
  for (const uint64_t offset : run.offsets) {
    out.varint(offset - previous);
    previous = offset;
  }
}

RunSummary read_summary(const RunId& id, ByteReader& in, Arena& arena) {
  RunSummary summary;
  summary.id = id;
  if (in.u8() != kRecordVersion) in.fail();
  summary.status = static_cast<RunStatus>(in.u8());
  summary.pipeline = in.bytes();
  summary.version = in.bytes();
  if (const auto hash = in.raw(summary.pipeline_hash.size()); !hash.empty())
    std::memcpy(summary.pipeline_hash.data(), hash.data(), hash.size());
  summary.key = in.bytes();
  summary.principal = in.bytes();
  summary.started_us = in.svarint();
  summary.ended_us = in.svarint();
  summary.request_hash = in.u64();
  summary.cost = in.f64();
  summary.error.kind = static_cast<ErrorKind>(in.u8());
  summary.error.code = in.bytes();
  summary.error.message = in.bytes();
  summary.error.field = in.bytes();
  summary.search = Document(decode_value(in, arena));
  const uint64_t count = in.varint();
  if (count > in.remaining()) in.fail();
  uint64_t previous = 0;
  for (uint64_t i = 0; in.ok() && i < count; ++i) {
    previous += in.varint();
    summary.offsets.push_back(previous);
  }
  return summary;
}

Error corrupt(const RunId& id) {
  return make_error(ErrorKind::kCorruption, "workflow.corrupt_run",
                    "the stored state of run " + id.to_string() +
                        " cannot be read; stop the server, move the state folder away, and start: it is "
                        "folded anew from the log");
}

}  // namespace

RunSummary summarize(const RunState& run) {
  RunSummary summary;
  summary.id = run.id;
  summary.status = effective_status(run);
  summary.pipeline = run.pipeline->name;
  summary.version = run.pipeline->version;
  summary.pipeline_hash = run.pipeline->hash;
  summary.key = run.key;
  summary.principal = run.principal;
  summary.started_us = run.started_us;
  summary.ended_us = run.ended_us;
  summary.request_hash = run.request_hash;
  summary.cost = run.cost;
  summary.error = run.error;
  summary.search = Document(run.arena, run.search);
  summary.offsets = run.offsets;
  return summary;
}

void encode_run(const RunState& run, std::string& text) {
  ByteWriter out(text);
  write_summary(run, out);
  if (is_final(run.status)) return;
  out.bytes(run.idempotency_key);
  out.bytes(run.trace);
  out.u64(run.seed);
  out.svarint(run.stretch_started_us);
  out.varint(run.pins->governance.value);
  out.varint(run.pins->pins.size());
  for (const Pin& pin : run.pins->pins) {
    out.u8(static_cast<uint8_t>(pin.kind));
    out.bytes(pin.name);
    out.bytes(pin.version);
    out.raw(pin.sha256.data(), pin.sha256.size());
  }
  encode_value(run.input, out);
  out.varint(run.steps.size());
  for (const StepState& step : run.steps) {
    out.u8(static_cast<uint8_t>(step.status));
    out.varint(step.attempt);
    out.svarint(step.due_us);
    // Known of the other attempts only to the process that runs them.
    out.svarint(step.status == StepStatus::kWaiting ? step.attempt_started_us : 0);
    out.u8(step.review.is_zero() ? 0 : 1);
    if (!step.review.is_zero()) out.raw(step.review.view());
    if (step.status == StepStatus::kCompleted) encode_value(step.result, out);
  }
}

Result<RunSummary> decode_summary(const RunId& id, std::string_view bytes) {
  auto arena = std::make_shared<Arena>(256);
  ByteReader in(bytes);
  RunSummary summary = read_summary(id, in, *arena);
  if (!in.ok()) return corrupt(id);
  summary.search = Document(std::move(arena), summary.search.root());
  return summary;
}

Result<std::unique_ptr<RunState>> decode_run(const RunId& id, std::string_view bytes,
                                             const Catalog& catalog) {
  auto arena = std::make_shared<Arena>(bytes.size() * 2 + 256);
  ByteReader in(bytes);
  RunSummary summary = read_summary(id, in, *arena);
  if (!in.ok()) return corrupt(id);
  SY_CHECK(!is_final(summary.status));

  const std::string idempotency_key(in.bytes()), trace(in.bytes());
  const uint64_t seed = in.u64();
  const int64_t stretch_started_us = in.svarint();
  auto pins = std::make_shared<Pins>();
  pins->governance = GovernanceOffset(in.varint());
  const uint64_t pin_count = in.varint();
  for (uint64_t i = 0; in.ok() && i < pin_count; ++i) {
    Pin pin;
    pin.kind = static_cast<ArtefactKind>(in.u8());
    pin.name = in.bytes();
    pin.version = in.bytes();
    if (const auto hash = in.raw(pin.sha256.size()); !hash.empty())
      std::memcpy(pin.sha256.data(), hash.data(), hash.size());
    if (pin.kind == ArtefactKind::kRules) pin.table = catalog.rules(pin.name, pin.version);
    pins->pins.push_back(std::move(pin));
  }
  auto pipeline = catalog.pipeline_by_hash(summary.pipeline_hash);
  if (!in.ok()) return corrupt(id);
  if (pipeline == nullptr) {
    return make_error(
        ErrorKind::kUnprocessable, "workflow.missing_artefact",
        "run " + id.to_string() + " is pinned to " + summary.pipeline + "@" + summary.version +
            ", which this binary could not compile from the governance log; see the start-up log");
  }

  auto run = make_run(id, std::move(pipeline), std::move(pins), arena);
  run->key = std::move(summary.key);
  run->principal = std::move(summary.principal);
  run->idempotency_key = idempotency_key;
  run->trace = trace;
  run->seed = seed;
  run->request_hash = summary.request_hash;
  run->search = summary.search.root();
  run->started_us = summary.started_us;
  run->stretch_started_us = stretch_started_us;
  run->cost = summary.cost;
  run->offsets = std::move(summary.offsets);
  run->input = decode_value(in, *arena);
  const uint64_t step_count = in.varint();
  if (!in.ok() || step_count != run->steps.size()) return corrupt(id);
  for (StepState& step : run->steps) {
    step.status = static_cast<StepStatus>(in.u8());
    step.attempt = static_cast<uint16_t>(in.varint());
    step.due_us = in.svarint();
    step.attempt_started_us = in.svarint();
    if (in.u8() == 1) {
      if (const auto review = in.raw(16); review.size() == 16) step.review = RunId::from_bytes(review);
    }
    if (step.status == StepStatus::kCompleted) step.result = decode_value(in, *arena);
    if (is_settled(step.status)) ++run->settled;
  }
  if (!in.ok()) return corrupt(id);
  rebuild(*run);
  return run;
}

}  // namespace switchyard::workflow
