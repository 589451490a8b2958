#include "canary_monitor.h"
#include "evidence_codec.h"

// What a canary knows, over a restart. docs/routing.md, "Evidence", has the grammar.
namespace switchyard::router {
namespace {

/// While keys come, an eighth more are worth another record, so that all records of a step together are not
/// many times as large as the last.
size_t notably_more(size_t keys) { return keys + keys / 8 + 16; }

}  // namespace

/// Who is compared with whom, and over which steps: evidence of anything else says nothing.
std::string CanaryMonitor::subject() const {
  const Canary& canary = *route_->canary;
  std::string text;
  for (const uint32_t side : {canary.candidate, canary.against})
    text += route_->candidates[side].name + "=" + route_->candidates[side].model.to_string() + " ";
  ByteWriter writer(text);
  for (const double step : canary.steps) writer.f64(step);
  return text;
}

void CanaryMonitor::save(bool all, std::vector<Evidence>& out) {
  std::lock_guard lock(mutex_);
  if (state_.started_us == 0) return;
  if (all || changes_ != saved_changes_) {
    saved_changes_ = changes_;
    out.push_back({EvidencePart::kCanary, route_->name, main_bytes()});
  }
  const bool quiet = keys_.size() == seen_keys_;
  seen_keys_ = keys_.size();
  if (keys_.size() == saved_keys_ && state_.step == saved_step_) return;
  if (!all && !quiet && state_.step == saved_step_ && keys_.size() < notably_more(saved_keys_)) return;
  saved_keys_ = keys_.size();
  saved_step_ = state_.step;
  out.push_back({EvidencePart::kCanaryKeys, route_->name, key_bytes()});
}

std::string CanaryMonitor::main_bytes() const {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.bytes(subject());
  writer.i64(state_.started_us);
  writer.u8(static_cast<uint8_t>(state_.phase));
  writer.varint(state_.step);
  writer.i64(state_.step_began_us);
  for (const Tally* tally :
       {&errors_[0], &errors_[1], &overruled_[0], &overruled_[1], &slow_, &disagreements_})
    write(writer, *tally);
  for (const Moments& moments : costs_) write(writer, moments);
  writer.f64(cost_tau2_);
  writer.svarint(slow_above_us_);
  writer.varint(calls_in_step_);
  writer.f64(ratio_evidence_);
  latency_.save(writer);
  return bytes;
}

std::string CanaryMonitor::key_bytes() const {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.bytes(subject());
  writer.i64(state_.started_us);
  writer.varint(state_.step);
  write(writer, ratio_);
  writer.varint(keys_.size());
  for (const uint64_t key : keys_) writer.u64(key);
  return bytes;
}

void CanaryMonitor::restore(const RouteEvidence& kept, int64_t mono_us) {
  std::lock_guard lock(mutex_);
  const auto main = kept.find(EvidencePart::kCanary);
  if (main == kept.end() || !restore_main(main->second, mono_us)) return clear_evidence();
  const auto keys = kept.find(EvidencePart::kCanaryKeys);
  if (keys != kept.end()) restore_keys(keys->second);
}

bool CanaryMonitor::restore_main(std::string_view bytes, int64_t mono_us) {
  ByteReader reader(bytes);
  if (reader.bytes() != subject()) return false;
  CanaryState then;
  then.started_us = reader.i64();
  const uint8_t phase = reader.u8();
  then.phase = static_cast<CanaryState::Phase>(phase);
  then.step = static_cast<uint32_t>(reader.varint());
  then.step_began_us = reader.i64();
  for (Tally* tally : {&errors_[0], &errors_[1], &overruled_[0], &overruled_[1], &slow_, &disagreements_})
    read(reader, *tally);
  for (Moments& moments : costs_) read(reader, moments);
  cost_tau2_ = reader.f64();
  slow_above_us_ = reader.svarint();
  calls_in_step_ = reader.varint();
  ratio_evidence_ = reader.f64();
  latency_.restore(reader, mono_us);
  if (!reader.ok() || !reader.at_end() || phase > 2 || then.step >= route_->canary->steps.size() ||
      then.started_us == 0)
    return false;
  // Of another canary with the same candidates.
  if (state_.started_us != 0 && state_.started_us != then.started_us) return false;
  // What became of the canary is told elsewhere; not told is it of a later version of the route.
  if (state_.started_us == 0) state_ = then;
  if (state_.step != then.step) calls_in_step_ = 0;
  return true;
}

void CanaryMonitor::restore_keys(std::string_view bytes) {
  ByteReader reader(bytes);
  const bool fits = reader.bytes() == subject() && reader.i64() == state_.started_us;
  if (!fits || reader.varint() != state_.step) return;
  Tally ratio;
  read(reader, ratio);
  const uint64_t count = reader.varint();
  if (!reader.ok() || count != ratio.calls || reader.remaining() != count * sizeof(uint64_t)) return;
  ratio_ = ratio;
  for (uint64_t i = 0; i < count; ++i) keys_.insert(reader.u64());
}

}  // namespace switchyard::router
