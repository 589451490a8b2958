// The stored form of a run; the grammar is in docs/formats/state.md.
#include "interpret/frames.h"
#include "switchyard/types/value_codec.h"
#include "switchyard/workflow/run.h"

#include <algorithm>

namespace switchyard::workflow {

RunStatus present_status(const RunState& run) {
  if (is_final(run.status)) return run.status;
  if (run.paused) return RunStatus::kPaused;
  if (run.queued) return RunStatus::kQueued;
  bool waits = false, runs = false;
  for_each_frame(run, [&](const Frame& frame) {
    const Block& block = run.pipeline->blocks[frame.block.value];
    for (uint16_t i = 0; i < block.count; ++i) {
      const StepState& step = frame.steps[i];
      if (step.container != nullptr && step.container->pause_until_us != 0) waits = true;
      switch (step.status) {
        // The other run is at work, or says itself what it waits for.
        case StepStatus::kWaiting: (step.child.is_zero() ? waits : runs) = true; break;
        case StepStatus::kStarted:
        case StepStatus::kRetrying: runs = true; break;
        case StepStatus::kPending: {
          const auto& needs = run.pipeline->steps[block.first.value + i].needs;
          runs |= std::all_of(needs.begin(), needs.end(), [&](StepIndex need) {
            return is_settled(frame.steps[need.value - block.first.value].status);
          });
          break;
        }
        default: break;
      }
    }
  });
  return waits && !runs ? RunStatus::kWaiting : RunStatus::kRunning;
}

namespace {

// Version 1 knew no frames, children and compensations; version 2 no tenants, priorities, groups and signals.
constexpr uint8_t kRecordVersion = 3;

void write_summary(const RunState& run, ByteWriter& out) {
  out.u8(kRecordVersion);
  out.u8(static_cast<uint8_t>(present_status(run)));
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
  out.varint(run.earlier);
  out.varint(run.offsets.size());
  uint64_t previous = 0;
  for (const uint64_t offset : run.offsets) {
    out.varint(offset - previous);
    previous = offset;
  }
  out.bytes(run.tenant);
  out.svarint(run.priority);
  out.u8(static_cast<uint8_t>((run.group.has_value() ? 1 : 0) | (run.queued ? 2 : 0)));
  if (!run.group.has_value()) return;
  out.bytes(*run.group);
  out.varint(run.place);
}

/// What of the front a summary does not tell.
struct Front {
  uint8_t version = 0;
  bool queued = false;
};

RunSummary read_summary(const RunId& id, ByteReader& in, Arena& arena, Front* front = nullptr) {
  RunSummary summary;
  summary.id = id;
  const uint8_t version = in.u8();
  if (version == 0 || version > kRecordVersion) in.fail();
  if (front != nullptr) front->version = version;
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
  if (version > 1) summary.earlier = in.varint();
  const uint64_t count = in.varint();
  if (count > in.remaining()) in.fail();
  uint64_t previous = 0;
  for (uint64_t i = 0; in.ok() && i < count; ++i) {
    previous += in.varint();
    summary.offsets.push_back(previous);
  }
  if (version < 3) return summary;
  summary.tenant = in.bytes();
  summary.priority = static_cast<int32_t>(in.svarint());
  const uint8_t flags = in.u8();
  if (front != nullptr) front->queued = (flags & 2) != 0;
  if ((flags & 1) == 0) return summary;
  summary.group = std::string(in.bytes());
  summary.place = in.varint();
  return summary;
}

void write_id(const RunId& id, ByteWriter& out) {
  out.u8(id.is_zero() ? 0 : 1);
  if (!id.is_zero()) out.raw(id.view());
}
RunId read_id(ByteReader& in) {
  if (in.u8() != 1) return {};
  const auto bytes = in.raw(16);
  return bytes.size() == 16 ? RunId::from_bytes(bytes) : RunId();
}

void write_error(const RunError& error, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(error.kind));
  out.bytes(error.code);
  out.bytes(error.message);
  out.bytes(error.field);
}
RunError read_error(ByteReader& in) {
  RunError error;
  error.kind = static_cast<ErrorKind>(in.u8());
  error.code = in.bytes();
  error.message = in.bytes();
  error.field = in.bytes();
  return error;
}

void write_container(const Container& container, ByteWriter& out) {
  out.varint(container.next);
  out.varint(container.open);
  out.varint(container.done);
  out.u8(container.last ? 1 : 0);
  out.varint(container.last_block);
  out.svarint(container.pause_until_us);
  out.varint(container.outputs.size());
  for (const auto& output : container.outputs) {
    out.varint(output.iteration);
    encode_value(output.value, out);
  }
  out.varint(container.failures.size());
  for (const auto& failure : container.failures) {
    out.varint(failure.iteration);
    out.bytes(failure.code);
    out.bytes(failure.message);
  }
  encode_value(container.carry, out);
  out.u8(container.error.has_value() ? 1 : 0);
  if (container.error.has_value()) write_error(*container.error, out);
}
std::unique_ptr<Container> read_container(ByteReader& in, Arena& arena) {
  auto container = std::make_unique<Container>();
  container->next = static_cast<uint32_t>(in.varint());
  container->open = static_cast<uint32_t>(in.varint());
  container->done = static_cast<uint32_t>(in.varint());
  container->last = in.u8() == 1;
  container->last_block = static_cast<uint16_t>(in.varint());
  container->pause_until_us = in.svarint();
  for (uint64_t n = in.varint(); in.ok() && n > 0; --n) {
    const auto iteration = static_cast<uint32_t>(in.varint());
    container->outputs.push_back({iteration, decode_value(in, arena)});
  }
  for (uint64_t n = in.varint(); in.ok() && n > 0; --n) {
    const auto iteration = static_cast<uint32_t>(in.varint());
    const std::string code(in.bytes());
    container->failures.push_back({iteration, code, std::string(in.bytes())});
  }
  container->carry = decode_value(in, arena);
  if (in.u8() == 1) container->error = read_error(in);
  return container;
}

void write_steps(const Frame& frame, ByteWriter& out) {
  out.varint(frame.steps.size());
  for (const StepState& step : frame.steps) {
    out.u8(static_cast<uint8_t>(step.status));
    out.varint(step.attempt);
    out.svarint(step.due_us);
    // Known of the other attempts only to the process that runs them.
    const bool known = step.status == StepStatus::kWaiting || step.status == StepStatus::kOpen;
    out.svarint(known ? step.attempt_started_us : 0);
    write_id(step.review, out);
    write_id(step.child, out);
    if (step.status == StepStatus::kCompleted) encode_value(step.result, out);
    if (step.status == StepStatus::kOpen) write_container(*step.container, out);
    if (step.status == StepStatus::kFailed)
      write_error(step.error == nullptr ? RunError() : *step.error, out);
  }
}
void read_steps(Frame& frame, ByteReader& in, uint8_t version = kRecordVersion) {
  if (in.varint() != frame.steps.size()) in.fail();
  for (StepState& step : frame.steps) {
    if (!in.ok()) return;
    step.status = static_cast<StepStatus>(in.u8());
    step.attempt = static_cast<uint16_t>(in.varint());
    step.due_us = in.svarint();
    step.attempt_started_us = in.svarint();
    step.review = read_id(in);
    if (version > 1) step.child = read_id(in);
    if (step.status == StepStatus::kCompleted) step.result = decode_value(in, *frame.arena);
    if (step.status == StepStatus::kOpen) step.container = read_container(in, *frame.arena);
    if (step.status == StepStatus::kFailed && version > 1)
      step.error = std::make_unique<RunError>(read_error(in));
    if (is_settled(step.status)) ++frame.settled;
  }
}

void write_frames(const RunState& run, ByteWriter& out) {
  out.varint(run.next_frame);
  out.varint(run.frames.size());
  for (const auto& [id, frame] : run.frames) {
    out.varint(id);
    out.varint(frame.block.value);
    out.varint(frame.parent);
    out.varint(frame.owner);
    out.varint(frame.iteration);
    write_steps(frame, out);
  }
}
void read_frames(RunState& run, ByteReader& in) {
  run.next_frame = static_cast<uint32_t>(in.varint());
  for (uint64_t n = in.varint(); in.ok() && n > 0; --n) {
    const auto id = static_cast<uint32_t>(in.varint());
    const uint64_t block = in.varint();
    const auto parent = static_cast<uint32_t>(in.varint());
    // A frame stands after the one around it.
    const Frame* outer = find_frame(run, parent);
    if (!in.ok() || block >= run.pipeline->blocks.size() || outer == nullptr) {
      in.fail();
      return;
    }
    Frame& frame = run.frames[id];
    frame.id = id;
    frame.block = BlockIndex(static_cast<uint16_t>(block));
    frame.parent = parent;
    frame.owner = static_cast<uint16_t>(in.varint());
    frame.iteration = static_cast<uint32_t>(in.varint());
    frame.steps.resize(run.pipeline->blocks[block].count);
    frame.arena = nested_arena(outer->arena);
    read_steps(frame, in);
  }
}

void write_ending(const RunState& run, ByteWriter& out) {
  out.u8(run.unwinding.has_value() ? static_cast<uint8_t>(*run.unwinding) + 1 : 0);
  out.u8(static_cast<uint8_t>((run.finally_begun ? 1 : 0) | (run.paused ? 2 : 0)));
  if (run.unwinding.has_value()) {
    out.bytes(run.cancelled_by);
    out.bytes(run.cancelled_why);
    encode_value(run.output, out);
  }
  out.varint(run.compensations.size());
  for (const Compensation& entry : run.compensations) {
    out.varint(entry.step.value);
    out.u8(entry.begun ? 1 : 0);
    out.varint(entry.captured.size());
    for (const auto& [slot, value] : entry.captured) {
      out.varint(slot);
      encode_value(value, out);
    }
  }
  write_id(run.parent, out);
  if (run.parent.is_zero()) return;
  out.varint(run.parent_step.frame);
  out.varint(run.parent_step.step.value);
  out.varint(run.depth);
  out.u8(run.detached ? 1 : 0);
}
void read_ending(RunState& run, ByteReader& in, Arena& arena) {
  if (const uint8_t ending = in.u8(); ending != 0) run.unwinding = static_cast<Ending>(ending - 1);
  const uint8_t flags = in.u8();
  run.finally_begun = (flags & 1) != 0;
  run.paused = (flags & 2) != 0;
  if (run.unwinding.has_value()) {
    run.cancelled_by = in.bytes();
    run.cancelled_why = in.bytes();
    run.output = decode_value(in, arena);
  }
  for (uint64_t n = in.varint(); in.ok() && n > 0; --n) {
    Compensation entry;
    entry.step = StepIndex(static_cast<uint16_t>(in.varint()));
    entry.begun = in.u8() == 1;
    for (uint64_t m = in.varint(); in.ok() && m > 0; --m) {
      const auto slot = static_cast<uint32_t>(in.varint());
      if (slot >= run.pipeline->slot_count) {
        in.fail();
        return;
      }
      entry.captured.emplace_back(slot, decode_value(in, arena));
    }
    if (entry.step.value >= run.pipeline->steps.size()) {
      in.fail();
      return;
    }
    run.compensations.push_back(std::move(entry));
  }
  run.parent = read_id(in);
  if (run.parent.is_zero()) return;
  run.parent_step.frame = static_cast<uint32_t>(in.varint());
  run.parent_step.step = StepIndex(static_cast<uint16_t>(in.varint()));
  run.depth = static_cast<uint16_t>(in.varint());
  run.detached = in.u8() == 1;
}

void write_signals(const RunState& run, ByteWriter& out) {
  out.varint(run.signals_received);
  out.varint(run.signals.size());
  for (const PendingSignal& signal : run.signals) {
    out.varint(signal.number);
    out.bytes(signal.name);
    out.bytes(signal.who);
    out.svarint(signal.at_us);
    encode_value(signal.payload, out);
  }
}
void read_signals(RunState& run, ByteReader& in, Arena& arena) {
  run.signals_received = in.varint();
  for (uint64_t n = in.varint(); in.ok() && n > 0; --n) {
    PendingSignal signal;
    signal.number = in.varint();
    signal.name = in.bytes();
    signal.who = in.bytes();
    signal.at_us = in.svarint();
    signal.payload = decode_value(in, arena);
    run.signals.push_back(std::move(signal));
  }
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
  summary.status = present_status(run);
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
  summary.earlier = run.earlier;
  summary.tenant = run.tenant;
  summary.priority = run.priority;
  summary.group = run.group;
  summary.place = run.place;
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
  write_ending(run, out);
  write_steps(run.root, out);
  write_frames(run, out);
  encode_value(run.origin, out);
  write_signals(run, out);
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
  Front front;
  RunSummary summary = read_summary(id, in, *arena, &front);
  const uint8_t version = front.version;
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
    attach(pin, catalog);
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
  run->earlier = summary.earlier;
  run->tenant = std::move(summary.tenant);
  run->priority = summary.priority;
  run->group = std::move(summary.group);
  run->queued = front.queued;
  run->place = summary.place;
  run->input = decode_value(in, *arena);
  if (!in.ok()) return corrupt(id);
  run->error = std::move(summary.error);
  if (version > 1) read_ending(*run, in, *arena);
  read_steps(run->root, in, version);
  if (in.ok() && version > 1) read_frames(*run, in);
  if (in.ok() && version > 1) run->origin = decode_value(in, *arena);
  if (in.ok() && version > 2) read_signals(*run, in, *arena);
  if (!in.ok()) return corrupt(id);
  rebuild(*run);
  return run;
}

}  // namespace switchyard::workflow
