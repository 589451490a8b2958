#include "common_fields.h"

#include <algorithm>
#include <utility>

#include "../limits.h"
#include "names.h"
#include "template.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;
using expression::Type;
using expression::TypeKind;

std::string step_suggestion(const Context& context, const std::string& word,
                            std::vector<std::string> further = {}) {
  std::vector<std::string> known = context.step_names();
  known.insert(known.end(), further.begin(), further.end());
  const std::string near = did_you_mean(word, known);
  return near.empty() ? "name one of the steps: " + word_list(known) : near;
}

bool read_after_name(Context& context, const Place& place) {
  const auto name = read_text(context, place, "`after`");
  if (!name.has_value()) return false;
  const auto found = context.find_step(*name);
  if (!found.has_value()) {
    context.error(place, "pipeline.unknown_step", "there is no step '" + *name + "'",
                  step_suggestion(context, *name));
    return false;
  }
  context.need(*found);
  return true;
}

bool read_after(Context& context, const Place& place) {
  if (!place.node->is(Node::Kind::kSequence)) return read_after_name(context, place);
  bool complete = true;
  for (size_t i = 0; i < place.node->items.size(); ++i) complete &= read_after_name(context, place.item(i));
  return complete;
}

/// "50ms..1s" or "50ms".
bool read_backoff(Context& context, const Place& place, RetryPolicy& policy) {
  if (place.node->is(Node::Kind::kString)) {
    const std::string_view text = place.node->text;
    const size_t dots = text.find("..");
    const auto first = parse_duration(text.substr(0, dots));
    const auto most = dots == std::string_view::npos ? first : parse_duration(text.substr(dots + 2));
    if (first.has_value() && most.has_value() && *first <= *most) {
      policy.backoff_first_us = *first;
      policy.backoff_max_us = *most;
      return true;
    }
  }
  context.error(place, "pipeline.bad_backoff", "`backoff` cannot be " + place.node->describe(),
                "write the first and the longest pause: backoff: 50ms..1s");
  return false;
}

bool read_retry(Context& context, const Place& place, RetryPolicy& policy) {
  Fields fields(context, place, "`retry`");
  bool complete = fields.is_mapping();
  if (const auto attempts = fields.require("attempts", "say how often in all: retry: { attempts: 3 }")) {
    const auto count = read_integer(context, *attempts, "`attempts`", 1, kMaxAttempts);
    complete &= count.has_value();
    policy.attempts = static_cast<uint16_t>(count.value_or(1));
  } else {
    complete = false;
  }
  if (const auto backoff = fields.find("backoff")) complete &= read_backoff(context, *backoff, policy);
  if (const auto jitter = fields.find("jitter")) {
    const auto share = read_number(context, *jitter, "`jitter`", 0, 1);
    complete &= share.has_value();
    policy.jitter = share.value_or(0);
  }
  fields.finish();
  return complete;
}

std::string no_meaning_mend(const KindInfo& kind, std::string_view word) {
  if (word == "timeout" && kind.kind == StepKind::kReview) return "write `due` inside `review`";
  if (word == "timeout" && kind.kind == StepKind::kWait) return "remove it; a wait ends by itself";
  if (word == "on_error") return "remove it; a `fail` step always ends the run";
  return "remove it; this kind of step gives the same result every time";
}

void report_no_meaning(Context& context, const Fields& fields, const KindInfo& kind, const char* word) {
  context.error_at(fields.key_position(word), document::child_path(fields.place().path, word),
                   "pipeline.no_meaning",
                   "`" + std::string(word) + "` has no meaning for a `" + std::string(kind.word) + "` step",
                   no_meaning_mend(kind, word));
}

bool join_fallback(Context& context, const Place& place, Step& step, const Type& fallback,
                   const std::string& whose) {
  if (!may_stand_in(step.result_type, fallback)) {
    context.error(
        place, "pipeline.fallback_type",
        whose + " is " + fallback.to_string() + " and cannot stand in for " + step.result_type.to_string(),
        "give a fallback of the same shape");
    return false;
  }
  if (!step.result_type.is_error()) {
    step.result_type = fallback.is_error() ? fallback : expression::join(step.result_type, fallback);
  }
  return true;
}

bool read_fallback_step(Context& context, const Place& place, Step& step, const std::vector<Step>& steps) {
  const std::string& name = place.node->text;
  const auto found = context.find_step(name);
  if (!found.has_value()) {
    context.error(place, "pipeline.unknown_step", "`on_error` knows no '" + name + "'",
                  step_suggestion(context, name, {"fail", "skip"}));
    return false;
  }
  // Only a step of the same block runs in the same frame.
  if (!context.in_current_block(*found)) {
    context.error(place, "pipeline.bad_on_error", "'" + name + "' stands outside of this block",
                  "write on_error: { value: " + name + " }");
    return false;
  }
  context.need(*found);
  step.on_error.action = OnError::Action::kStep;
  step.on_error.step = *found;
  if (context.collecting()) return false;
  const Step& other = steps[found->value];
  if (other.may_be_absent) step.may_be_absent = true;
  return join_fallback(context, place, step, other.result_type, "the result of '" + name + "'");
}

bool read_fallback_value(Context& context, const Place& place, Step& step) {
  Fields fields(context, place, "`on_error`");
  const auto value_place =
      fields.require("value", "write on_error: { value: <template> }, or skip, fail or a step's name");
  fields.finish();
  if (!value_place.has_value()) return false;
  auto value = compile_template(context, *value_place,
                                step.result_type.is_error() ? nullptr : &step.result_type, "`on_error`");
  if (!value.has_value()) return false;
  if (value->type.is(TypeKind::kOptional)) {
    report_type(context, *value_place, value->type, value->type.element(), "`on_error`");
    return false;
  }
  if (!join_fallback(context, *value_place, step, value->type, "this value")) return false;
  step.on_error.action = OnError::Action::kValue;
  step.on_error.value = std::move(value);
  return true;
}

}  // namespace

bool may_stand_in(const Type& own, const Type& other) {
  if (own.is_dyn() || own.is_error() || other.is_dyn() || other.is_error()) return true;
  if (own.kind() == other.kind() || (own.is_number() && other.is_number())) return true;
  if (own.is(TypeKind::kNull) || other.is(TypeKind::kNull)) return true;
  if (own.is(TypeKind::kNullable)) return may_stand_in(own.element(), other);
  if (other.is(TypeKind::kNullable)) return may_stand_in(own, other.element());
  const auto is_record = [](const Type& type) {
    return type.is(TypeKind::kObject) || type.is(TypeKind::kMap);
  };
  return is_record(own) && is_record(other);
}

bool read_common_fields(Context& context, Fields& fields, const KindInfo& kind, Step& step) {
  bool complete = true;
  if (const auto when = fields.find("when")) {
    step.when = context.expression(*when, Type::boolean(), "`when`");
    step.may_be_absent = true;
    complete &= step.when.has_value();
    if (step.when.has_value()) {
      // Behind the guard, what it asks for is there.
      expression::Facts known = context.given();
      known.add(step.when->proves(true));
      context.swap_given(std::move(known));
    }
  }
  if (const auto after = fields.find("after")) complete &= read_after(context, *after);
  if (const auto timeout = fields.find("timeout")) {
    if (!kind.may_retry) {
      report_no_meaning(context, fields, kind, "timeout");
      complete = false;
    } else {
      const auto us = read_duration(context, *timeout, "`timeout`");
      complete &= us.has_value();
      step.timeout_us = us.value_or(0);
    }
  }
  if (const auto retry = fields.find("retry")) {
    if (!kind.may_retry) {
      report_no_meaning(context, fields, kind, "retry");
      complete = false;
    } else {
      complete &= read_retry(context, *retry, step.retry);
    }
  }
  return complete;
}

bool read_on_error(Context& context, Fields& fields, const KindInfo& kind, Step& step,
                   const std::vector<Step>& steps) {
  const auto place = fields.find("on_error");
  if (!place.has_value()) return true;
  if (!kind.may_fail) {
    report_no_meaning(context, fields, kind, "on_error");
    return false;
  }
  if (place->node->is(Node::Kind::kMapping)) return read_fallback_value(context, *place, step);
  if (!place->node->is(Node::Kind::kString)) {
    context.error(*place, "pipeline.bad_on_error", "`on_error` cannot be " + place->node->describe(),
                  "write fail, skip, a step's name or { value: <template> }");
    return false;
  }
  if (place->node->text == "fail") return true;
  if (place->node->text == "skip") {
    step.on_error.action = OnError::Action::kSkip;
    step.may_be_absent = true;
    return true;
  }
  return read_fallback_step(context, *place, step, steps);
}

}  // namespace switchyard::workflow::compiler
