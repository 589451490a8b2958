// What is told to runs, and asked of them.
#include "check_why.h"
#include "keys.h"
#include "switchyard/base/bytes.h"
#include "switchyard/base/hash.h"
#include "switchyard/partition/state_machine.h"
#include "switchyard/types/json.h"
#include "switchyard/workflow/query.h"
#include "switchyard/workflow/signal.h"

namespace switchyard::partition {
namespace {

Status check_command(const SignalRun& command) {
  if (command.who.size() > kMaxKeyBytes || command.idempotency_key.size() > kMaxKeyBytes) {
    return make_error(ErrorKind::kTooLarge, "run.key_too_large",
                      "a key may have at most " + std::to_string(kMaxKeyBytes) + " bytes", "Idempotency-Key");
  }
  return check_why(command.why);
}

uint64_t request_hash_of(const SignalRun& command) {
  return hash64(to_canonical_json(command.payload.root()), hash64(command.name));
}

}  // namespace

Result<Signalled> StateMachine::signal_run(const SignalRun& command, int64_t now_us) {
  refresh_catalog();
  SY_RETURN_IF_ERROR(check_command(command));
  SignalReceived body;
  body.name = command.name;
  body.who = command.who;
  body.why = command.why;
  body.idempotency_key = command.idempotency_key;
  body.request_hash = request_hash_of(command);
  if (!command.idempotency_key.empty()) {
    const std::string key = keys::signal_key(command.run, command.who, command.idempotency_key);
    SY_ASSIGN_OR_RETURN(const bool known, environment_.store->get(key, scratch_));
    if (known) {
      if (ByteReader(scratch_).u64() != body.request_hash) {
        return make_error(ErrorKind::kUnprocessable, "signal.idempotency_mismatch",
                          "the Idempotency-Key '" + command.idempotency_key +
                              "' was used before for another signal to this decision; use a new key for a "
                              "new signal",
                          "Idempotency-Key");
      }
      SY_ASSIGN_OR_RETURN(RunView view, run(command.run));
      return Signalled{std::move(view), true};
    }
  }
  SY_ASSIGN_OR_RETURN(HotRun* const hot, find_run(command.run));
  workflow::RunState& state = *hot->state;
  now_us_ = now_us;
  const auto receive = [&]() -> Status {
    Arena checked;
    SY_ASSIGN_OR_RETURN(const Value payload, workflow::check_signal(*state.pipeline, command.name,
                                                                    command.payload.root(), checked));
    SY_RETURN_IF_ERROR(workflow::signal_fits(state, payload));
    body.payload = copy_value(payload, *state.arena);
    if (workflow::receive_signal(state, body, *this, now_us)) return {};
    return make_error(ErrorKind::kTooLarge, "signal.too_large",
                      "the payload is larger than one record of the log may be; send a reference", "payload");
  };
  Status received = receive();
  rest(command.run, now_us);
  SY_RETURN_IF_ERROR(std::move(received));
  SY_ASSIGN_OR_RETURN(RunView view, run(command.run));
  return Signalled{std::move(view), false};
}

void StateMachine::fold_signal(const HotRun& run, const SignalReceived& body) {
  const RunId& id = run.state->id;
  const uint64_t number = run.state->signals_received;
  if (number > kSignalDedupe) {
    const std::string oldest = keys::signal_order(id, number - kSignalDedupe);
    std::string key;
    const auto found = environment_.store->get(oldest, key);
    if (found.ok() && *found) {
      environment_.store->erase(key);
      environment_.store->erase(oldest);
    }
  }
  if (body.idempotency_key.empty()) return;
  const std::string key = keys::signal_key(id, body.who, body.idempotency_key);
  std::string value;
  ByteWriter(value).u64(body.request_hash);
  environment_.store->put(key, value);
  environment_.store->put(keys::signal_order(id, number), key);
}

Result<QueryReply> StateMachine::query(const RunId& id, std::string_view name) {
  refresh_catalog();
  QueryReply reply;
  SY_ASSIGN_OR_RETURN(reply.view, run(id));
  if (workflow::is_final(reply.view.summary.status)) return reply;
  std::unique_ptr<workflow::RunState> parked;
  const workflow::RunState* state = nullptr;
  if (const auto hot = hot_.find(id); hot != hot_.end()) {
    state = hot->second.state.get();
  } else {
    // Looking does not bring it back to memory.
    std::string bytes;
    SY_ASSIGN_OR_RETURN(const bool found, environment_.store->get(keys::of_id(keys::kRun, id), bytes));
    if (!found) return unknown_run(id);
    SY_ASSIGN_OR_RETURN(parked, workflow::decode_run(id, bytes, *catalog_));
    state = parked.get();
  }
  Arena scratch;
  SY_ASSIGN_OR_RETURN(const auto answers, workflow::query(*state, name, scratch));
  auto arena = std::make_shared<Arena>(512);
  MapBuilder values(*arena);
  for (const workflow::QueryAnswer& answer : answers) {
    if (answer.value.ok())
      values.add(Value::string(arena->copy(answer.name)), copy_value(*answer.value, *arena));
    else
      reply.errors.emplace_back(answer.name, answer.value.error());
  }
  const Value root = values.build();
  reply.values = Document(std::move(arena), root);
  return reply;
}

}  // namespace switchyard::partition
