#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fakes.h"
#include "switchyard/router/ledger.h"
#include "switchyard/router/router.h"
#include "switchyard/testing/manual_clock.h"
#include "switchyard/testing/seeded_random.h"
#include "switchyard/types/json.h"

namespace switchyard::router {

/// A router whose clock, timers, chance and models are the test's, with a ledger in memory. All routes are
/// called "r".
class RouterRig : public ::testing::Test {
 protected:
  explicit RouterRig(uint64_t seed) : timers_(clock_), random_(seed) {
    SpendLedger::Options spend;
    spend.clock = &clock_;
    ledger_ = SpendLedger::open(std::move(spend)).value();
    options_.caller = &caller_;
    options_.ledger = ledger_.get();
    options_.clock = &clock_;
    options_.timers = &timers_;
    options_.random = &random_;
    options_.killed = [this](const KillQuery& query) { return killed_ ? killed_(query) : std::string(); };
    options_.on_canary = [this](const CanaryDecision& decision) { canary_.push_back(decision); };
    options_.on_shadow = [this](const ShadowResult& result) { shadows_.push_back(result); };
    make();
  }
  ~RouterRig() override {
    if (router_ != nullptr) router_->stop();
  }

  /// A new router with the options as they are now.
  void make() {
    if (router_ != nullptr) router_->stop();
    router_ = std::make_unique<Router>(options_);
  }
  /// `rest`: what else operators have set of the route.
  void set(const std::string& document, RouteSetting rest = {}) {
    rest.route = route_of(document);
    router_->set_routes({std::move(rest)});
  }
  /// Begins a call; its answer comes to answer_.
  std::function<void()> call(RouteCall call = {}) {
    answer_.reset();
    call.route = "r";
    if (call.input->is_null()) call.input = parse_json_document(R"({"x":1})").value();
    return router_->call(std::move(call), [this](RouteAnswer answer) {
      EXPECT_FALSE(answer_.has_value()) << "answered twice";
      answer_ = std::move(answer);
    });
  }
  std::string code() const {
    if (!answer_) return "waiting";
    return answer_->answer.ok() ? "ok" : answer_->answer.error().code;
  }
  /// The provenance at a JSON Pointer, as JSON.
  std::string told(const std::string& pointer) const {
    const Value* value = answer_->provenance->at_pointer(pointer);
    return value == nullptr ? "absent" : to_json(*value);
  }
  /// What the canary did.
  std::string kinds() const {
    std::string all;
    for (const auto& each : canary_)
      all += (all.empty() ? "" : " ") + std::string(canary_decision_name(each.kind));
    return all;
  }

  testing::ManualClock clock_;
  ManualTimers timers_;
  testing::SeededRandom random_;
  FakeCaller caller_;
  std::unique_ptr<SpendLedger> ledger_;
  Router::Options options_;
  std::function<std::string(const KillQuery&)> killed_;
  std::vector<CanaryDecision> canary_;
  std::vector<ShadowResult> shadows_;
  std::unique_ptr<Router> router_;
  std::optional<RouteAnswer> answer_;
};

}  // namespace switchyard::router
