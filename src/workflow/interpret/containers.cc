// Steps that hold blocks: for_each, repeat, sequence, try.
#include <algorithm>

#include "../limits.h"
#include "interpret/stepper.h"

namespace switchyard::workflow {
namespace {

/// "http.*" covers "http.unexpected_status"; "*" everything.
bool covers(std::string_view pattern, std::string_view code) {
  if (!pattern.ends_with('*')) return pattern == code;
  return code.starts_with(pattern.substr(0, pattern.size() - 1));
}

Value for_each_result(Container& container, uint32_t count, bool has_results, Arena& arena) {
  const auto by_iteration = [](const auto& a, const auto& b) { return a.iteration < b.iteration; };
  std::sort(container.outputs.begin(), container.outputs.end(), by_iteration);
  std::sort(container.failures.begin(), container.failures.end(), by_iteration);
  MapBuilder result(arena);
  if (has_results) {
    ListBuilder results(arena);
    for (const auto& output : container.outputs) results.add(output.value);
    result.add("results", results.build());
  }
  ListBuilder failures(arena);
  for (const auto& failure : container.failures) {
    MapBuilder entry(arena);
    entry.add("index", Value::integer(failure.iteration));
    entry.add("code", Value::string(arena.copy(failure.code)));
    entry.add("message", Value::string(arena.copy(failure.message)));
    failures.add(entry.build());
  }
  result.add("failures", failures.build());
  result.add("count", Value::integer(count));
  return result.build();
}

}  // namespace

void Stepper::open_container(StepAddress at) {
  const Step& what = step(at);
  const Frame& own = frame(at.frame);
  // What the fold will evaluate must not fail there.
  if (const auto* spec = std::get_if<ForEachSpec>(&what.spec)) {
    auto items = spec->items.evaluate(own.slots, *own.arena);
    if (!items.ok()) return fail_attempt(at, items.error());
    if (!items->is(Kind::kList) && !items->is(Kind::kMap)) {
      return fail_attempt(
          at, make_error(ErrorKind::kUnprocessable, "workflow.not_a_list",
                         "'" + spec->items.text() + "' gave " + std::string(kind_name(items->kind())) +
                             "; for_each goes through a list or a map"));
    }
    if (item_count(*items) > kMaxItems) {
      return fail_attempt(at, make_error(ErrorKind::kTooLarge, "workflow.too_many_items",
                                         "for_each goes through at most " + std::to_string(kMaxItems) +
                                             " items, and these are " + std::to_string(item_count(*items)) +
                                             "; split them over several runs"));
    }
  }
  if (const auto* spec = std::get_if<RepeatSpec>(&what.spec); spec != nullptr && spec->from.has_value()) {
    auto from = evaluate(*spec->from, own.slots, *own.arena);
    if (!from.ok()) return fail_attempt(at, from.error());
  }
  StepOpened body;
  body.attempt = state(at).attempt;
  if (what.timeout_us != 0) body.due_us = now_us_ + what.timeout_us;
  emit(at, body);
  continue_container(at);
}

void Stepper::open_block(StepAddress at, BlockIndex block, uint32_t iteration) {
  BlockStarted body;
  body.frame = run_.next_frame;
  body.block = block.value;
  body.iteration = iteration;
  emit(at, body);
}

void Stepper::continue_container(StepAddress at) {
  const StepState* s = find_step(run_, at);
  if (s == nullptr || s->status != StepStatus::kOpen) return;
  switch (step(at).kind) {
    case StepKind::kForEach: return continue_for_each(at);
    case StepKind::kRepeat: return continue_repeat(at);
    default: return continue_try(at);
  }
}

void Stepper::continue_for_each(StepAddress at) {
  const auto& spec = std::get<ForEachSpec>(step(at).spec);
  const Container& c = *state(at).container;
  if (spec.on_item_error == ForEachSpec::ItemError::kFail && !c.failures.empty()) {
    const Container::Failure& first = c.failures.front();
    return fail_container(
        at,
        make_error(c.error.has_value() ? c.error->kind : ErrorKind::kUnprocessable, first.code, first.message,
                   "steps." + step_path(run_, at) + "[" + std::to_string(first.iteration) + "]"));
  }
  const Value* items = container_items(run_, at);
  SY_CHECK(items != nullptr);
  const uint32_t count = item_count(*items);
  while (c.open < spec.concurrency && c.next < count) open_block(at, step(at).blocks[0], c.next);
  if (c.open > 0) return;
  const bool has_results = run_.pipeline->blocks[step(at).blocks[0].value].output.has_value();
  complete(at, for_each_result(*state(at).container, count, has_results, *frame(at.frame).arena), Value());
}

void Stepper::continue_repeat(StepAddress at) {
  const auto& spec = std::get<RepeatSpec>(step(at).spec);
  const Container& c = *state(at).container;
  if (c.error.has_value()) return fail_container(at, to_error(*c.error));
  if (c.open > 0) return;
  const bool over = c.done > 0 && (c.last || c.next >= spec.max);
  if (!over) {
    if (c.done > 0 && spec.pause_us != 0) {
      if (c.pause_until_us == 0) {
        StepWaiting body;
        body.until_us = now_us_ + spec.pause_us;
        return emit(at, body);
      }
      if (c.pause_until_us > now_us_) return;
    }
    return open_block(at, step(at).blocks[0], c.next);
  }
  if (!c.last && spec.fail_on_max) {
    return fail_container(at,
                          make_error(ErrorKind::kUnprocessable, "workflow.repeat_exhausted",
                                     "the condition '" + spec.until.text() + "' did not hold after " +
                                         std::to_string(spec.max) + " rounds; raise max, or say on_max: stop",
                                     "steps." + step_path(run_, at)));
  }
  MapBuilder result(*frame(at.frame).arena);
  if (run_.pipeline->blocks[step(at).blocks[0].value].output.has_value()) result.add("value", c.carry);
  result.add("iterations", Value::integer(c.done));
  result.add("done", Value::boolean(c.last));
  complete(at, result.build(), Value());
}

Result<const TrySpec::Catch*> Stepper::matching_clause(StepAddress at, const TrySpec& spec,
                                                       const RunError& error) {
  const Frame& own = frame(at.frame);
  for (const TrySpec::Catch& clause : spec.clauses) {
    const bool named = clause.codes.empty() ||
                       std::any_of(clause.codes.begin(), clause.codes.end(),
                                   [&](const std::string& code) { return covers(code, error.code); });
    if (!named) continue;
    if (clause.when.has_value()) {
      std::vector<Value> slots = own.slots;
      slots[run_.pipeline->blocks[clause.block.value].value_slot] = error_value(error, *own.arena);
      SY_ASSIGN_OR_RETURN(const bool wanted, evaluate_condition(*clause.when, slots, *own.arena));
      if (!wanted) continue;
    }
    return &clause;
  }
  return nullptr;
}

/// Also a sequence: a body alone.
void Stepper::continue_try(StepAddress at) {
  const Step& what = step(at);
  const Container& c = *state(at).container;
  if (c.open > 0) return;
  if (c.done == 0) return open_block(at, what.blocks[0], 0);
  const auto* spec = std::get_if<TrySpec>(&what.spec);
  const bool in_finally =
      spec != nullptr && spec->finally.has_value() && c.last_block == spec->finally->value;
  const bool caught_by_none = c.last_block == what.blocks[0].value || (in_finally && c.done == 2);
  std::optional<Error>
      unclear;  // a clause's `when` could not be decided: that is the step's error, after finally
  if (spec != nullptr && c.error.has_value() && caught_by_none) {
    auto clause = matching_clause(at, *spec, *c.error);
    if (!clause.ok())
      unclear = std::move(clause).error();
    else if (*clause != nullptr && !in_finally)
      return open_block(at, (*clause)->block, 0);
  }
  if (spec != nullptr && spec->finally.has_value() && !in_finally) return open_block(at, *spec->finally, 0);
  if (unclear.has_value()) return fail_container(at, *unclear);
  if (c.error.has_value()) return fail_container(at, to_error(*c.error));
  complete(at, c.carry, Value());
}

void Stepper::fail_container(StepAddress at, const Error& error) {
  abandon_container(at, "the step around it failed");
  fail_attempt(at, error);
}

void Stepper::finish_frame(uint32_t id) {
  Frame& own = frame(id);
  const Block& block = run_.pipeline->blocks[own.block.value];
  const StepAddress owner{own.parent, StepIndex(own.owner)};
  BlockEnded body;
  body.frame = id;
  if (block.output.has_value()) {
    auto output = evaluate(*block.output, own.slots, *own.arena);
    if (!output.ok()) {
      Error error = std::move(output).error();
      error.field = error.field.empty() ? "output" : "output." + error.field;
      return fail_frame(id, error);
    }
    if (!fits(*output)) return fail_frame(id, too_large("the block's output"));
    body.output = *output;
  }
  if (block.role == Block::Role::kRound) {
    auto until = evaluate_condition(std::get<RepeatSpec>(step(owner).spec).until, own.slots, *own.arena);
    if (!until.ok()) return fail_frame(id, until.error());
    body.last = *until;
  }
  if (!try_emit(owner, body)) return fail_frame(id, too_large("the block's output"));
  after_frame(owner);
}

void Stepper::fail_frame(uint32_t id, const Error& error) {
  if (id == 0) return fail_run(error);
  abandon_frame(id, "a step beside it failed");
  const Frame& own = frame(id);
  const StepAddress owner{own.parent, StepIndex(own.owner)};
  BlockEnded body;
  body.frame = id;
  body.failed = true;
  body.error = view(error);
  if (run_.pipeline->blocks[own.block.value].role == Block::Role::kItem) {
    const auto& spec = std::get<ForEachSpec>(step(owner).spec);
    if (spec.on_item_error == ForEachSpec::ItemError::kValue) {
      auto value = evaluate(*spec.item_value, own.slots, *own.arena);
      if (value.ok() && fits(*value)) {
        body.failed = false;
        body.output = *value;
        if (try_emit(owner, body)) return after_frame(owner);
        body.failed = true;
        body.output = Value();
      }
    }
  }
  emit(owner, body);
  after_frame(owner);
}

void Stepper::after_frame(StepAddress owner) {
  if (owner.step.value == kNoStep || run_.unwinding.has_value()) {
    const bool in_container = owner.step.value != kNoStep && find_step(run_, owner) != nullptr &&
                              state(owner).status == StepStatus::kOpen;
    if (!in_container) return continue_unwinding();
  }
  continue_container(owner);
}

}  // namespace switchyard::workflow
