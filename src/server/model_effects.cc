#include "model_effects.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "switchyard/prompts/exchange.h"
#include "switchyard/workflow/panel.h"

namespace switchyard::server {
namespace {

double cost_of(const Document& meta) {
  const Value* cost = meta.root().find("cost");
  return cost != nullptr && cost->is_number() ? cost->to_double() : 0;
}

/// What is told of the last of several calls, with what all cost, and what is told of those before it.
Document of_all_calls(const Document& last, double cost, const std::vector<Document>& earlier) {
  auto arena = std::make_shared<Arena>(512);
  MapBuilder map(*arena);
  if (last.root().is(Kind::kMap)) {
    for (const Member& member : last.root().members()) {
      if (!(member.key.is(Kind::kString) && member.key.as_string() == "cost"))
        map.add(copy_value(member.key, *arena), copy_value(member.value, *arena));
    }
  }
  if (cost != 0) map.add("cost", Value::real(cost));
  if (!earlier.empty()) {
    ListBuilder calls(*arena);
    for (const Document& meta : earlier) calls.add(copy_value(meta.root(), *arena));
    map.add("earlier_calls", calls.build());
  }
  const Value built = map.build();
  return Document(std::move(arena), built);
}

/// One call with a prompt. Lives in the callbacks of the call that is under way; only one is at a time.
class PromptedCall : public std::enable_shared_from_this<PromptedCall> {
 public:
  PromptedCall(prompts::Exchange exchange, const workflow::ModelCall& call, int64_t deadline_us, Infer infer,
               EffectDone done)
      : exchange_(std::move(exchange)),
        call_(call),
        deadline_us_(deadline_us),
        infer_(std::move(infer)),
        done_(std::move(done)) {}

  void ask() {
    infer_(call_, exchange_.request(), deadline_us_,
           [self = shared_from_this()](workflow::EffectResult result) { self->take(std::move(result)); });
  }

 private:
  void take(workflow::EffectResult result) {
    cost_ += cost_of(result.meta);
    if (!result.result.ok()) return end(std::move(result.result), result.meta);
    auto next = exchange_.take(result.result->root());
    if (!next.ok()) return end(std::move(next).error(), result.meta);
    if (*next == prompts::Exchange::Next::kDone) return end(exchange_.result(), result.meta);
    earlier_.push_back(std::move(result.meta));
    ask();
  }

  void end(Result<Document> result, const Document& meta) {
    done_({std::move(result),
           workflow::with_prompt_meta(of_all_calls(meta, cost_, earlier_), exchange_.meta())});
  }

  prompts::Exchange exchange_;
  const workflow::ModelCall call_;
  const int64_t deadline_us_;
  const Infer infer_;
  const EffectDone done_;
  double cost_ = 0;
  std::vector<Document> earlier_;  ///< how the calls went that gave no answer that fits
};

/// One ensemble or cascade. Lives in the callbacks of its members' calls.
class PanelRun : public std::enable_shared_from_this<PanelRun> {
 public:
  PanelRun(const workflow::EffectRequest& request, const runtime::Clock& clock, Infer infer, EffectDone done)
      : panel_(request),
        deadline_us_(request.deadline_us),
        clock_(clock),
        infer_(std::move(infer)),
        done_(std::move(done)) {}

  void go_on() {
    std::vector<size_t> wanted;
    std::optional<workflow::EffectResult> result;
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      ended_ = panel_.done();
      if (ended_)
        result = panel_.result();
      else
        wanted = panel_.next();
    }
    if (result.has_value()) return done_(*std::move(result));
    for (const size_t index : wanted) ask(index);
  }

 private:
  void ask(size_t index) {
    const auto& member = panel_.member(index);  // never changes
    int64_t deadline_us = deadline_us_;
    if (member.timeout_us != 0) deadline_us = std::min(deadline_us, clock_.now_us() + member.timeout_us);
    ask_model(member.call, deadline_us, infer_,
              [self = shared_from_this(), index](workflow::EffectResult answer) {
                {
                  const std::lock_guard lock(self->mutex_);
                  self->panel_.take(index, std::move(answer));
                }
                self->go_on();
              });
  }

  std::mutex mutex_;
  workflow::Panel panel_;  ///< guarded by mutex_, but for its members
  bool ended_ = false;     ///< guarded by mutex_
  const int64_t deadline_us_;
  const runtime::Clock& clock_;
  const Infer infer_;
  const EffectDone done_;
};

}  // namespace

void ask_model(const workflow::ModelCall& call, int64_t deadline_us, const Infer& infer, EffectDone done) {
  if (!call.prompt.has_value()) return infer(call, call.input, deadline_us, std::move(done));
  auto exchange = prompts::Exchange::begin(call.prompt->prompt, call.input.root(), call.prompt->seed);
  if (!exchange.ok()) return done({std::move(exchange).error(), {}});
  std::make_shared<PromptedCall>(*std::move(exchange), call, deadline_us, infer, std::move(done))->ask();
}

void ask_panel(const workflow::EffectRequest& request, const runtime::Clock& clock, Infer infer,
               EffectDone done) {
  std::make_shared<PanelRun>(request, clock, std::move(infer), std::move(done))->go_on();
}

}  // namespace switchyard::server
