#include "switchyard/router/router.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "canary_watch.h"
#include "flight.h"
#include "switchyard/base/bytes.h"
#include "switchyard/base/hash.h"
#include "switchyard/types/value_codec.h"

namespace switchyard::router {

bool AttemptBudget::take() {
  uint32_t now = left.load(std::memory_order_relaxed);
  while (now != 0)
    if (left.compare_exchange_weak(now, now - 1, std::memory_order_relaxed)) return true;
  return false;
}

class Router::Impl {
 public:
  explicit Impl(Options options)
      : kept(std::move(options.evidence)), core(std::make_shared<Core>(std::move(options))) {
    const auto all = kept.find("");
    if (all == kept.end()) return;
    ByteReader reader(all->second[EvidencePart::kReviewsRead]);
    while (!reader.at_end() && reader.ok()) {
      const auto source = static_cast<uint32_t>(reader.varint());
      const uint64_t position = reader.varint();
      if (reader.ok()) reviews_read[source] = position;
    }
  }

  std::shared_ptr<const RouteState> find(std::string_view name) const {
    std::shared_lock lock(mutex);
    const auto found = routes.find(name);
    return found == routes.end() ? nullptr : found->second;
  }

  /// What was learnt of a model without a route; the oldest are forgotten when there are too many.
  std::shared_ptr<const RouteState> implicit(const std::shared_ptr<const Route>& route) {
    {
      std::shared_lock lock(mutex);
      const auto found = implicits.find(route->name);
      if (found != implicits.end() && found->second->route->sha256 == route->sha256) return found->second;
    }
    std::unique_lock lock(mutex);
    auto& state = implicits[route->name];
    if (state == nullptr || state->route->sha256 != route->sha256) {
      state = RouteState::make({route, {}, {}, false}, state.get());
      order.push_back(route->name);
    }
    auto result = state;
    while (order.size() > kMaxImplicitRoutes) {
      if (order.front() != route->name) implicits.erase(order.front());
      order.erase(order.begin());
    }
    return result;
  }

  std::vector<std::shared_ptr<const RouteState>> all() const {
    std::shared_lock lock(mutex);
    std::vector<std::shared_ptr<const RouteState>> states;
    for (const auto& [name, state] : routes) states.push_back(state);
    return states;
  }

  std::map<std::string, RouteEvidence, std::less<>> kept;  // guarded by mutex; until its route comes
  const std::shared_ptr<Core> core;
  mutable std::shared_mutex mutex;
  // Guarded by mutex.
  std::map<std::string, std::shared_ptr<const RouteState>, std::less<>> routes;
  std::map<std::string, std::shared_ptr<const RouteState>, std::less<>> implicits;
  std::vector<std::string> order;  // of implicits

  std::mutex reviews_mutex;  // held while reviews are counted, and while evidence is told
  // Guarded by reviews_mutex.
  std::map<uint32_t, uint64_t> reviews_read;  // by source
  bool more_read = false;                     // since that was told
};

namespace {

/// The same of an answer and of what a cache gives of it, which has nothing used.
uint64_t hash_of(const Judgement& judgement) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.bytes(judgement.made_for);
  writer.bytes(judgement.model);
  if (!judgement.output.is(Kind::kMap)) {
    encode_value(judgement.output, writer);
    return hash64(bytes);
  }
  for (const Member& member : judgement.output.members()) {
    if (member.key.is(Kind::kString) && member.key.as_string() == "usage") continue;
    encode_value(member.key, writer);
    encode_value(member.value, writer);
  }
  return hash64(bytes);
}

/// Whether the answer was overruled; nothing where the route does not ask that.
Result<std::optional<bool>> overruled(const RouteState& state, const Judgement& judgement) {
  const auto& spec = state.route->overruled;
  if (!spec || spec->review != judgement.review || !(judgement.by_person || spec->on_breach))
    return std::optional<bool>();
  const auto index = state.route->find(judgement.candidate);
  // Another version of the model may have the candidate's name by now.
  if (!index || state.route->candidates[*index].model.to_string() != judgement.model)
    return std::optional<bool>();
  Arena arena;
  const std::array<Value, 2> slots{judgement.answer, judgement.output};
  SY_ASSIGN_OR_RETURN(const Value is, spec->when->evaluate(slots, arena));
  return std::optional<bool>(is.as_bool());
}

}  // namespace

Router::Router(Options options) : impl_(std::make_shared<Impl>(std::move(options))) {}

Router::~Router() {
  stop();
  impl_->core->wait_for_work();
  impl_->core->stop_timers();
}

void Router::set_routes(std::vector<RouteSetting> settings) {
  std::unique_lock lock(impl_->mutex);
  std::map<std::string, std::shared_ptr<const RouteState>, std::less<>> next;
  for (const RouteSetting& setting : settings) {
    const auto before = impl_->routes.find(setting.route->name);
    auto& state = next[setting.route->name];
    state = RouteState::make(setting, before == impl_->routes.end() ? nullptr : before->second.get());
    const auto kept = impl_->kept.find(setting.route->name);
    if (kept == impl_->kept.end()) continue;
    if (state->canary != nullptr) state->canary->restore(kept->second, impl_->core->now_us());
    if (state->experiment != nullptr) state->experiment->restore(kept->second);
    if (state->judged != nullptr) state->judged->restore(kept->second);
    impl_->kept.erase(kept);
  }
  impl_->routes.swap(next);
}

std::shared_ptr<const Route> Router::route(std::string_view name) const {
  const auto state = impl_->find(name);
  return state == nullptr ? nullptr : state->route;
}

std::vector<std::shared_ptr<const Route>> Router::routes() const {
  std::vector<std::shared_ptr<const Route>> routes;
  for (const auto& state : impl_->all()) routes.push_back(state->route);
  return routes;
}

std::function<void()> Router::call(RouteCall call, Done done) {
  auto state = impl_->find(call.route);
  if (state == nullptr && call.implicit != nullptr) state = impl_->implicit(call.implicit);
  const auto refuse = [&](Error error) -> std::function<void()> {
    done({std::move(error), {}, {}, {}, 0, false, false, false});
    return [] {};
  };
  if (state == nullptr)
    return refuse(
        make_error(ErrorKind::kNotFound, "router.no_route",
                   "there is no route or model '" + call.route + "': deploy one, or correct the name"));
  auto flight = std::make_shared<Flight>(impl_->core, std::move(state), std::move(call), std::move(done));
  if (!impl_->core->add(flight)) {
    flight->cancel(make_error(ErrorKind::kUnavailable, "router.stopping", "the server is stopping"));
    return [] {};
  }
  flight->start();
  return [weak = std::weak_ptr(flight)] {
    if (const auto alive = weak.lock())
      alive->cancel(make_error(ErrorKind::kCancelled, "models.cancelled", "the call was cancelled"));
  };
}

void Router::feedback(std::string_view name, std::string_view candidate, std::optional<bool> overruled,
                      std::optional<double> reward) {
  const auto state = impl_->find(name);
  if (state == nullptr) return;
  const auto index = state->route->find(candidate);
  if (!index) return;
  if (overruled && state->canary != nullptr) {
    const Canary& canary = *state->route->canary;
    if (*index == canary.candidate || *index == canary.against)
      watch_canary(*impl_->core, *state,
                   [&] { state->canary->observe_verdict(*index == canary.candidate, *overruled); });
  }
  if (state->experiment == nullptr) return;
  if (overruled) state->experiment->observe(*index, Experiment::Metric::kOverride, *overruled ? 1 : 0);
  if (reward) state->experiment->observe(*index, Experiment::Metric::kReward, *reward);
}

Status Router::judge(const std::vector<Judgement>& judgements, uint32_t source, uint64_t position) {
  const std::lock_guard lock(impl_->reviews_mutex);
  Status failed;
  for (const Judgement& judgement : judgements) {
    const auto state = impl_->find(judgement.route);
    if (state == nullptr) continue;
    auto known = overruled(*state, judgement);
    if (!known.ok()) {
      failed = std::move(known).error();
      continue;
    }
    if (!known->has_value()) continue;
    if (state->judged != nullptr && !state->judged->judge(hash_of(judgement))) continue;
    feedback(judgement.route, judgement.candidate, **known, {});
  }
  const auto [read, is_new] = impl_->reviews_read.try_emplace(source, position);
  impl_->more_read |= is_new || read->second != position;
  read->second = position;
  return failed;
}

std::optional<uint64_t> Router::reviews_read(uint32_t source) const {
  const std::lock_guard lock(impl_->reviews_mutex);
  const auto found = impl_->reviews_read.find(source);
  if (found == impl_->reviews_read.end()) return {};
  return found->second;
}

bool Router::learns_from_reviews() const {
  const auto states = impl_->all();
  return std::any_of(states.begin(), states.end(),
                     [](const auto& state) { return state->route->overruled.has_value(); });
}

void Router::tick() {
  for (const auto& state : impl_->all())
    if (state->canary != nullptr) evaluate_canary(*impl_->core, *state);
}

std::vector<RouteStatus> Router::status() const {
  std::vector<RouteStatus> all;
  const int64_t now_us = impl_->core->now_us();
  for (const auto& state : impl_->all()) {
    RouteStatus status;
    status.route = state->route->name;
    status.version = state->route->version;
    const auto shares = state->shares();
    for (size_t i = 0; i < state->candidates.size(); ++i) {
      CandidateStatus candidate = state->candidates[i]->status(now_us);
      candidate.name = state->route->candidates[i].name;
      candidate.model = state->route->candidates[i].model;
      candidate.cooling_until_us = impl_->core->cooling_until_us(candidate.model);
      candidate.share = shares[i];
      status.candidates.push_back(std::move(candidate));
    }
    for (size_t i = 0; i < state->shadows.size(); ++i) {
      status.shadows.push_back(state->shadows[i]->status());
      status.shadows.back().model = state->route->shadows[i].candidate.model;
    }
    if (state->canary != nullptr) {
      status.canary = state->canary->state();
      status.canary_evidence = state->canary->evidence();
    }
    if (state->experiment != nullptr) status.experiment = state->experiment->report();
    if (state->cache != nullptr) {
      const auto cache = state->cache->stats();
      status.cache_hits = cache.hits;
      status.cache_similar_hits = cache.similar_hits;
      status.cache_misses = cache.misses;
      status.cache_entries = cache.entries;
      status.cache_bytes = cache.bytes;
    }
    all.push_back(std::move(status));
  }
  return all;
}

std::vector<Evidence> Router::evidence(bool all) {
  const std::lock_guard lock(impl_->reviews_mutex);
  std::vector<Evidence> told;
  for (const auto& state : impl_->all()) {
    if (state->canary != nullptr) state->canary->save(all, told);
    if (state->experiment != nullptr) state->experiment->save(state->route->name, all, told);
    if (state->judged != nullptr) state->judged->save(state->route->name, all, told);
  }
  if (!std::exchange(impl_->more_read, false)) return told;
  Evidence read{EvidencePart::kReviewsRead, {}, {}};
  ByteWriter writer(read.bytes);
  for (const auto& [source, position] : impl_->reviews_read) {
    writer.varint(source);
    writer.varint(position);
  }
  told.push_back(std::move(read));
  return told;
}

void Router::stop() {
  const auto flights = impl_->core->stop();
  for (const auto& [key, flight] : flights)
    flight->cancel(make_error(ErrorKind::kUnavailable, "router.stopping", "the server is stopping"));
}

}  // namespace switchyard::router
