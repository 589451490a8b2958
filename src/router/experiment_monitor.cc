#include "experiment_monitor.h"

#include <algorithm>
#include <cmath>

#include "evidence_codec.h"

namespace switchyard::router {
namespace {

std::string_view metric_name(Experiment::Metric metric) {
  switch (metric) {
    case Experiment::Metric::kFailure: return "failure";
    case Experiment::Metric::kLatency: return "latency";
    case Experiment::Metric::kCost: return "cost";
    case Experiment::Metric::kReward: return "reward";
    case Experiment::Metric::kOverride: return "override";
  }
  return "reward";
}

}  // namespace

std::vector<ExperimentMonitor::Side> ExperimentMonitor::sides(const Route& route) {
  std::vector<Side> all;
  const auto add = [&](uint32_t candidate) {
    Side side;
    side.candidate = candidate;
    side.name = route.candidates[candidate].name;
    side.model = route.candidates[candidate].model.to_string();
    all.push_back(std::move(side));
  };
  add(route.experiment->control);
  for (const uint32_t arm : route.experiment->arms) add(arm);
  return all;
}

ExperimentMonitor::ExperimentMonitor(const Route& route)
    : settings_(*route.experiment), sides_(sides(route)) {}

bool ExperimentMonitor::fits(const Route& route) const {
  if (!route.experiment) return false;
  const Experiment& other = *route.experiment;
  if (other.name != settings_.name || other.metric != settings_.metric || other.alpha != settings_.alpha ||
      other.min_calls != settings_.min_calls || other.effect != settings_.effect)
    return false;
  const auto theirs = sides(route);
  std::lock_guard lock(mutex_);
  return std::equal(sides_.begin(), sides_.end(), theirs.begin(), theirs.end(),
                    [](const Side& a, const Side& b) {
                      return a.candidate == b.candidate && a.name == b.name && a.model == b.model;
                    });
}

void ExperimentMonitor::observe(uint32_t candidate, Experiment::Metric metric, double value) {
  if (metric != settings_.metric || !std::isfinite(value)) return;
  std::lock_guard lock(mutex_);
  changed_ = true;
  Side& control = sides_.front();
  for (Side& side : sides_)
    if (side.candidate == candidate) side.moments.add(value);
  if (control.moments.n < settings_.min_calls) return;
  for (size_t i = 1; i < sides_.size(); ++i) {
    Side& arm = sides_[i];
    if (arm.moments.n < settings_.min_calls || (arm.candidate != candidate && control.candidate != candidate))
      continue;
    if (arm.tau2 == 0)
      arm.tau2 =
          settings_.effect * settings_.effect * (arm.moments.variance() + control.moments.variance()) / 2;
    arm.evidence = std::max(arm.evidence, evidence_difference(arm.moments, control.moments, 1, arm.tau2));
  }
}

Document ExperimentMonitor::report() const {
  auto arena = std::make_shared<Arena>();
  std::lock_guard lock(mutex_);
  const auto side_value = [&](const Side& side, MapBuilder& map) {
    map.add("candidate", Value::string(arena->copy(side.name)));
    map.add("n", Value::integer(static_cast<int64_t>(side.moments.n)));
    map.add("mean", Value::real(side.moments.mean));
  };
  MapBuilder all(*arena);
  all.add("name", Value::string(arena->copy(settings_.name)));
  all.add("metric", Value::string(metric_name(settings_.metric)));
  MapBuilder control(*arena);
  side_value(sides_.front(), control);
  all.add("control", control.build());
  ListBuilder arms(*arena);
  const auto count = static_cast<double>(sides_.size() - 1);
  for (size_t i = 1; i < sides_.size(); ++i) {
    const Side& side = sides_[i];
    MapBuilder arm(*arena);
    side_value(side, arm);
    const double p = std::min(1.0, count * std::exp(-side.evidence));  // Bonferroni's correction
    arm.add("difference", Value::real(side.moments.mean - sides_.front().moments.mean));
    arm.add("p_value", Value::real(p));
    arm.add("decided", Value::boolean(p <= settings_.alpha));
    arms.add(arm.build());
  }
  all.add("arms", arms.build());
  const Value root = all.build();
  return Document(std::move(arena), root);
}

/// Who is compared, by what and how: evidence of anything else says nothing.
std::string ExperimentMonitor::subject() const {
  std::string text = settings_.name + " " + std::string(metric_name(settings_.metric));
  for (const Side& side : sides_) text += " " + side.name + "=" + side.model;
  ByteWriter writer(text);
  writer.f64(settings_.alpha);
  writer.f64(settings_.effect);
  writer.varint(settings_.min_calls);
  return text;
}

void ExperimentMonitor::save(const std::string& route, bool all, std::vector<Evidence>& out) {
  std::lock_guard lock(mutex_);
  if (!all && !changed_) return;
  changed_ = false;
  Evidence evidence{EvidencePart::kExperiment, route, {}};
  ByteWriter writer(evidence.bytes);
  writer.bytes(subject());
  for (const Side& side : sides_) {
    write(writer, side.moments);
    writer.f64(side.tau2);
    writer.f64(side.evidence);
  }
  out.push_back(std::move(evidence));
}

void ExperimentMonitor::restore(const RouteEvidence& kept) {
  const auto found = kept.find(EvidencePart::kExperiment);
  if (found == kept.end()) return;
  std::lock_guard lock(mutex_);
  ByteReader reader(found->second);
  if (reader.bytes() != subject()) return;
  std::vector<Side> sides = sides_;
  for (Side& side : sides) {
    read(reader, side.moments);
    side.tau2 = reader.f64();
    side.evidence = reader.f64();
  }
  if (reader.ok() && reader.at_end()) sides_ = std::move(sides);
}

}  // namespace switchyard::router
