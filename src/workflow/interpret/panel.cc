#include "switchyard/workflow/panel.h"

#include <algorithm>
#include <cmath>

#include "interpret/combine.h"
#include "switchyard/prompts/exchange.h"

namespace switchyard::workflow {
namespace {

using State = Panel::Answer::State;
using Confidence = PanelReading::Confidence;

const PanelReading& reading_of(const EnsembleSpec* ensemble, const CascadeSpec* cascade) {
  return ensemble != nullptr ? ensemble->reading : cascade->reading;
}

std::string dotted(const std::vector<std::string>& path) {
  std::string text;
  for (const std::string& part : path) text += (text.empty() ? "" : ".") + part;
  return text;
}

const Value* at_path(const Value& value, const std::vector<std::string>& path) {
  const Value* found = &value;
  for (const std::string& part : path) {
    found = found->find(part);
    if (found == nullptr) return nullptr;
  }
  return found;
}

bool is_probability(const Value* value) {
  return value != nullptr && value->is_number() && value->to_double() >= 0 && value->to_double() <= 1;
}

bool is_word(const Value& value) {
  return value.is(Kind::kString) || value.is(Kind::kBool) || value.is_number();
}

/// What may pass by itself.
bool may_pass(ErrorKind kind) {
  return kind == ErrorKind::kUnavailable || kind == ErrorKind::kDeadlineExceeded ||
         kind == ErrorKind::kResourceExhausted || kind == ErrorKind::kIo || kind == ErrorKind::kInternal;
}

}  // namespace

Panel::Panel(const EffectRequest& request)
    : call_(std::get<PanelCall>(request.call)),
      pipeline_(request.pipeline),
      ensemble_(std::get_if<EnsembleSpec>(&pipeline_->steps[request.step.step.value].spec)),
      cascade_(std::get_if<CascadeSpec>(&pipeline_->steps[request.step.step.value].spec)),
      answers_(call_.members.size()) {
  SY_CHECK(ensemble_ != nullptr || cascade_ != nullptr);
  SY_CHECK(call_.members.size() ==
           (ensemble_ != nullptr ? ensemble_->members.size() : cascade_->tiers.size()));
  for (size_t i = 0; i < answers_.size(); ++i) {
    if (!call_.members[i].refused.has_value()) continue;
    answers_[i].state = State::kFailed;
    answers_[i].error = *call_.members[i].refused;
  }
  done_ = std::all_of(answers_.begin(), answers_.end(),
                      [](const Answer& answer) { return answer.state == State::kFailed; });
}

std::vector<size_t> Panel::next() {
  std::vector<size_t> named;
  if (done_) return named;
  for (size_t i = 0; i < answers_.size(); ++i) {
    if (cascade_ != nullptr && answers_[i].state == State::kAsked) return {};
    if (answers_[i].state != State::kIdle) continue;
    answers_[i].state = State::kAsked;
    named.push_back(i);
    if (cascade_ != nullptr) break;
  }
  return named;
}

void Panel::take(size_t index, EffectResult answer) {
  Answer& own = answers_[index];
  if (done_ || own.state != State::kAsked) return;
  own.meta = std::move(answer.meta);
  if (answer.result.ok()) {
    own.state = State::kAnswered;
    own.value = *std::move(answer.result);
    read(index);
  } else {
    own.state = State::kFailed;
    own.error = std::move(answer.result).error();
  }
  settle(index);
}

/// Takes out of the answer what the panel works with; an answer without that is none.
void Panel::read(size_t index) {
  Answer& own = answers_[index];
  const PanelReading& reading = reading_of(ensemble_, cascade_);
  const auto refuse = [&](std::string message) {
    own.state = State::kFailed;
    own.error = make_error(ErrorKind::kUnprocessable,
                           ensemble_ != nullptr ? "ensemble.bad_answer" : "cascade.bad_answer",
                           "the answer of '" + call_.members[index].name + "' " + std::move(message));
  };
  const Value& value = own.value.root();
  const Value* of = at_path(value, reading.of);
  if (ensemble_ != nullptr) {
    const bool fits = of != nullptr &&
                      (ensemble_->numbers ? of->is_number() && std::isfinite(of->to_double()) : is_word(*of));
    if (!fits || (ensemble_->probabilities && !is_probability(of))) {
      return refuse("has no " +
                    std::string(ensemble_->probabilities ? "probability"
                                : ensemble_->numbers     ? "number"
                                                         : "text, number or bool") +
                    " at '" + dotted(reading.of) + "'");
    }
    own.of = *of;
  } else if (!value.is(Kind::kMap)) {
    return refuse("is no map");
  }
  if (reading.confidence == Confidence::kNone) return;
  const bool by_field = reading.confidence == Confidence::kField;
  const Value* sure = by_field ? value.find("confidence") : of;
  if (!is_probability(sure))
    return refuse("has no probability at '" + (by_field ? "confidence" : dotted(reading.of)) + "'");
  own.confidence = by_field ? sure->to_double() : std::max(sure->to_double(), 1 - sure->to_double());
}

void Panel::settle(size_t index) {
  if (cascade_ != nullptr && answers_[index].state == State::kAnswered && !goes_on(index)) {
    if (answers_[index].state == State::kAnswered) {
      done_ = true;
      return;
    }
  }
  done_ = std::none_of(answers_.begin(), answers_.end(), [](const Answer& answer) {
    return answer.state == State::kIdle || answer.state == State::kAsked;
  });
}

/// Whether a further tier is asked after this one's answer. A tier whose `until` cannot be evaluated fails.
bool Panel::goes_on(size_t tier) {
  Answer& own = answers_[tier];
  const PanelMember& spec = cascade_->tiers[tier];
  if (spec.until.has_value()) {
    Arena arena;
    const Value slots[] = {own.value.root()};
    auto held = spec.until->evaluate(slots, arena);
    if (!held.ok() || !held->is(Kind::kBool)) {
      own.state = State::kFailed;
      own.error = held.ok() ? make_error(ErrorKind::kUnprocessable, "cascade.bad_answer",
                                         "'" + spec.until->text() + "' gave no bool")
                            : held.error();
      return false;
    }
    own.sure = held->as_bool();
    if (own.sure) return false;
  }
  if (!cascade_->error_cost.has_value()) {
    own.sure = !spec.until.has_value();
    return true;
  }
  // What asking on up to a later tier is expected to save, less what that costs: the best of them.
  double spent = 0;
  for (size_t i = tier + 1; i < answers_.size(); ++i) {
    if (answers_[i].state != State::kIdle) continue;
    spent += call_.members[i].cost;
    const double gain = (cascade_->tiers[i].accuracy - own.confidence) * call_.error_cost - spent;
    own.gain = std::max(own.gain.value_or(gain), gain);
  }
  if (!spec.until.has_value()) own.sure = !own.gain.has_value() || *own.gain <= 0;
  return own.gain.has_value() && *own.gain > 0;
}

EffectResult Panel::result() const {
  SY_CHECK(done_);
  return {ensemble_ != nullptr ? ensemble_result() : cascade_result(), meta()};
}

Document Panel::meta() const {
  auto arena = std::make_shared<Arena>(1024);
  MapBuilder meta(*arena), members(*arena);
  double cost = 0;
  for (size_t i = 0; i < answers_.size(); ++i) {
    const Answer& own = answers_[i];
    if (own.state == State::kIdle || own.state == State::kAsked) continue;
    MapBuilder member(*arena);
    if (own.meta.root().is(Kind::kMap)) {
      for (const Member& entry : own.meta.root().members())
        member.add(copy_value(entry.key, *arena), copy_value(entry.value, *arena));
      const Value* own_cost = own.meta.root().find("cost");
      if (own_cost != nullptr && own_cost->is_number()) cost += own_cost->to_double();
    }
    if (own.meta.root().find("model") == nullptr) {
      const ModelCall& call = call_.members[i].call;
      member.add("model", Value::string(arena->copy(call.name + "@" + call.version)));
    }
    if (own.state == State::kFailed) {
      MapBuilder error(*arena);
      error.add("code", Value::string(arena->copy(own.error.code)));
      error.add("message", Value::string(arena->copy(own.error.message)));
      member.add("error", error.build());
    }
    members.add(Value::string(arena->copy(call_.members[i].name)), member.build());
  }
  if (cost != 0) meta.add("cost", Value::real(cost));
  meta.add("members", members.build());
  const Value built = meta.build();
  return Document(std::move(arena), built);
}

namespace {

/// Too few answers: whether another attempt may help follows from why.
Error too_few(std::string code, std::string message, const PanelCall& call,
              const std::vector<Panel::Answer>& answers) {
  bool passing = false;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].state != State::kFailed) continue;
    passing |= may_pass(answers[i].error.kind);
    message += "; " + call.members[i].name + ": " + answers[i].error.message;
  }
  return make_error(passing ? ErrorKind::kUnavailable : ErrorKind::kUnprocessable, std::move(code),
                    std::move(message));
}

}  // namespace

Result<Document> Panel::ensemble_result() const {
  const auto answered =
      static_cast<uint32_t>(std::count_if(answers_.begin(), answers_.end(), [](const Answer& answer) {
        return answer.state == State::kAnswered;
      }));
  if (answered < ensemble_->quorum) {
    return too_few("ensemble.no_quorum",
                   std::to_string(ensemble_->quorum) + " of " + std::to_string(answers_.size()) +
                       " members must answer, and " + std::to_string(answered) + " did",
                   call_, answers_);
  }
  auto arena = std::make_shared<Arena>(1024);
  MapBuilder result(*arena), members(*arena);
  ListBuilder missing(*arena);
  for (size_t i = 0; i < answers_.size(); ++i) {
    const Value name = Value::string(arena->copy(call_.members[i].name));
    if (answers_[i].state == State::kAnswered) {
      members.add(name, copy_value(answers_[i].value.root(), *arena));
      continue;
    }
    MapBuilder why(*arena);
    why.add("member", name);
    why.add("code", Value::string(arena->copy(answers_[i].error.code)));
    missing.add(why.build());
  }
  result.add("members", members.build());
  combine(*ensemble_, answers_, *arena, result);
  result.add("answered", Value::integer(answered));
  result.add("missing", missing.build());
  const Value built = result.build();
  return Document(std::move(arena), built);
}

Result<Document> Panel::cascade_result() const {
  // Where none was sure, the last that answered is the best there is.
  const Answer* last = nullptr;
  for (const Answer& answer : answers_)
    if (answer.state == State::kAnswered) last = &answer;
  if (last == nullptr) return too_few("cascade.no_answer", "no tier gave an answer", call_, answers_);
  const bool has_confidence = cascade_->reading.confidence != Confidence::kNone;
  auto arena = std::make_shared<Arena>(1024);
  ListBuilder tiers(*arena);
  for (size_t i = 0; i < answers_.size(); ++i) {
    const Answer& own = answers_[i];
    if (own.state == State::kIdle) continue;
    MapBuilder tier(*arena);
    tier.add("tier", Value::string(arena->copy(call_.members[i].name)));
    if (own.state == State::kAnswered) {
      tier.add("answer", copy_value(own.value.root(), *arena));
      tier.add("sure", Value::boolean(own.sure));
      if (has_confidence) tier.add("confidence", Value::real(own.confidence));
      if (own.gain.has_value()) tier.add("gain", Value::real(*own.gain));
    } else {
      tier.add("code", Value::string(arena->copy(own.error.code)));
    }
    tiers.add(tier.build());
  }
  MapBuilder result(*arena);
  for (const Member& member : last->value.root().members()) {
    const std::string_view key = member.key.is(Kind::kString) ? member.key.as_string() : "";
    const bool taken =
        key == "tier" || key == "sure" || key == "tiers" || (has_confidence && key == "confidence");
    if (!taken) result.add(copy_value(member.key, *arena), copy_value(member.value, *arena));
  }
  result.add("tier",
             Value::string(arena->copy(call_.members[static_cast<size_t>(last - answers_.data())].name)));
  result.add("sure", Value::boolean(last->sure));
  if (has_confidence) result.add("confidence", Value::real(last->confidence));
  result.add("tiers", tiers.build());
  const Value built = result.build();
  return Document(std::move(arena), built);
}

EffectResult answer_call(const ModelCall& call, const AskModel& ask) {
  if (!call.prompt.has_value()) return {ask(call.name, call.version, call.input), {}};
  auto exchange = prompts::Exchange::begin(call.prompt->prompt, call.input.root(), call.prompt->seed);
  if (!exchange.ok()) return {std::move(exchange).error(), {}};
  while (true) {
    auto answer = ask(call.name, call.version, exchange->request());
    if (!answer.ok()) return {std::move(answer).error(), with_prompt_meta({}, exchange->meta())};
    auto next = exchange->take(answer->root());
    if (!next.ok()) return {std::move(next).error(), with_prompt_meta({}, exchange->meta())};
    if (*next == prompts::Exchange::Next::kDone)
      return {exchange->result(), with_prompt_meta({}, exchange->meta())};
  }
}

EffectResult answer_panel(const EffectRequest& request,
                          const std::function<EffectResult(const PanelCall::Member&)>& answer) {
  Panel panel(request);
  while (!panel.done()) {
    for (const size_t member : panel.next()) panel.take(member, answer(panel.member(member)));
  }
  return panel.result();
}

Document with_prompt_meta(const Document& meta, const Document& exchange) {
  auto arena = std::make_shared<Arena>(1024);
  MapBuilder map(*arena);
  if (meta.root().is(Kind::kMap)) {
    for (const Member& member : meta.root().members())
      map.add(copy_value(member.key, *arena), copy_value(member.value, *arena));
  }
  map.add("prompt", copy_value(exchange.root(), *arena));
  const Value built = map.build();
  return Document(std::move(arena), built);
}

}  // namespace switchyard::workflow
