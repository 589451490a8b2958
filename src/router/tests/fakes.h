#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/router/router.h"
#include "switchyard/testing/manual_clock.h"
#include "switchyard/testing/seeded_random.h"
#include "switchyard/types/json.h"

namespace switchyard::router {

/// Timers of a manual clock: run() fires what is due.
class ManualTimers final : public Timers {
 public:
  explicit ManualTimers(testing::ManualClock& clock) : clock_(clock) {}
  uint64_t at(int64_t at_us, std::function<void()> action) override {
    std::lock_guard lock(mutex_);
    due_.emplace(std::pair(at_us, ++next_), std::move(action));
    return next_;
  }
  void cancel(uint64_t id) override {
    std::lock_guard lock(mutex_);
    std::erase_if(due_, [id](const auto& each) { return each.first.second == id; });
  }
  /// Moves the clock on, timer by timer.
  void advance(int64_t us) {
    const int64_t to = clock_.monotonic_us() + us;
    while (true) {
      std::function<void()> action;
      {
        std::lock_guard lock(mutex_);
        if (due_.empty() || due_.begin()->first.first > to) break;
        const int64_t wait = due_.begin()->first.first - clock_.monotonic_us();
        if (wait > 0) clock_.advance_us(wait);
        action = std::move(due_.begin()->second);
        due_.erase(due_.begin());
      }
      action();
    }
    clock_.advance_us(to - clock_.monotonic_us());
  }
  size_t waiting() {
    std::lock_guard lock(mutex_);
    return due_.size();
  }

 private:
  testing::ManualClock& clock_;
  std::mutex mutex_;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> due_;
  uint64_t next_ = 0;
};

/// Keeps the calls that are made until the test ends them. A cancelled one ends at once.
class FakeCaller final : public models::Caller {
 public:
  struct Call {
    models::CallRequest request;
    Done done;
    bool cancelled = false;
  };
  /// When set, ends calls of this model within call().
  std::map<std::string, std::function<models::CallOutcome()>> scripts;

  std::function<void()> call(models::CallRequest request, Done done) override {
    const auto script = scripts.find(request.model.to_string());
    auto call = std::make_shared<Call>(Call{std::move(request), std::move(done)});
    calls.push_back(call);
    if (script != scripts.end()) end(*call, script->second());
    return [call] {
      if (!call->done) return;
      call->cancelled = true;
      end(*call, {make_error(ErrorKind::kCancelled, "models.cancelled", "cancelled")});
    };
  }
  static void end(Call& call, models::CallOutcome outcome) {
    auto done = std::exchange(call.done, nullptr);
    call.request.on_part = nullptr;
    done(std::move(outcome));
  }
  /// "model:running" or "model:ended" of all.
  std::string log() const {
    std::string all;
    for (const auto& each : calls)
      all += (all.empty() ? "" : " ") + each->request.model.to_string() +
             (each->done        ? ":running"
              : each->cancelled ? ":cancelled"
                                : "");
    return all;
  }
  void end(size_t index, models::CallOutcome outcome) { end(*calls.at(index), std::move(outcome)); }

  std::vector<std::shared_ptr<Call>> calls;
};

inline models::CallOutcome answers(const std::string& json, models::ModelUsage usage = {}) {
  models::ModelAnswer answer;
  answer.output = parse_json_document(json).value();
  answer.usage = usage;
  return {std::move(answer)};
}

inline models::CallOutcome fails(ErrorKind kind, const std::string& code, int status = 0,
                                 bool may_have_run = true, int64_t retry_after_us = 0) {
  models::CallOutcome outcome{make_error(kind, code, "it failed")};
  outcome.status = status;
  outcome.may_have_run = may_have_run;
  outcome.retry_after_us = retry_after_us;
  return outcome;
}

/// Knows m1@1.0.0 to m9@1.0.0, in EUR: a call of mN costs N cents; chat@1.0.0, priced by token; and
/// embed@1.0.0, which embeds texts for a cent.
class FakeResolver final : public Resolver {
 public:
  const ModelFacts* model(const models::ModelName& model) override {
    const std::string text = model.to_string();
    facts_ = {};
    facts_.output_type = expression::Type::real();
    facts_.backend = "backend-" + model.name;
    facts_.prices.currency = "EUR";
    if (text == "chat@1.0.0") {
      facts_.prices.input_tokens = Money::parse("2").value();
      facts_.prices.output_tokens = Money::parse("10").value();
      return &facts_;
    }
    if (text == "embed@1.0.0") {
      facts_.prices.call = Money{Money::kUnit / 100};
      facts_.output_type =
          expression::Type::object({{"embedding", expression::Type::list(expression::Type::real()), true}});
      return &facts_;
    }
    if (text.size() != 8 || text[0] != 'm' || text.substr(2) != "@1.0.0") return nullptr;
    facts_.prices.call = Money{(text[1] - '0') * Money::kUnit / 100};
    return &facts_;
  }
  std::vector<std::string> models() override { return {"m1@1.0.0", "m2@1.0.0", "m3@1.0.0", "chat@1.0.0"}; }

 private:
  ModelFacts facts_;
};

inline RouteOutcome outcome_of(const std::string& text) {
  const auto parsed = document::parse(text, "r.yaml");
  FakeResolver resolver;
  return compile(*parsed.root, "r.yaml", resolver);
}

inline std::shared_ptr<const Route> route_of(const std::string& text) {
  const auto outcome = outcome_of(text);
  for (const auto& diagnostic : outcome.diagnostics) ADD_FAILURE() << diagnostic.to_string();
  return outcome.route;
}

}  // namespace switchyard::router
