// Those who tell runs something, ask them, and take them to another version of their pipeline.
#include <algorithm>

#include "switchyard/types/json.h"
#include "world.h"

namespace switchyard::sim {

using partition::StateMachine;

void World::parcel_work() {
  if (parcels_.empty()) return;
  const uint64_t roll = random_.below(10);
  if (roll < 6)
    signal_run();
  else if (roll < 9)
    migrate_run();
  else
    query_run();
}

void World::signal_run() {
  // A third repeats an earlier request, some of these with another payload.
  if (!asked_signals_.empty() && random_.one_in(3)) {
    Signal again = asked_signals_[random_.below(asked_signals_.size())];
    if (random_.one_in(8)) again.payload = "{\"no\":-1}";
    if (!again.key.empty()) return post_signal(again);
  }
  // The newest first: they are the ones that still listen.
  const size_t back = std::min<size_t>(parcels_.size(), 8);
  Signal signal;
  signal.run = parcels_[parcels_.size() - 1 - random_.below(back)];
  const std::string number = std::to_string(asked_signals_.size());
  if (!random_.one_in(4)) signal.key = "s-" + number;
  signal.payload = "{\"no\":" + number + (random_.one_in(5) ? ",\"good\":false}" : "}");
  asked_signals_.push_back(signal);
  post_signal(signal);
}

void World::post_signal(const Signal& signal) {
  call<partition::Signalled>(
      partition::partition_of(signal.run).value, "signal " + signal.key,
      [signal](StateMachine& machine, int64_t now_us) {
        return machine.signal_run(
            {signal.run, "papers", "client", "", signal.key, *parse_json_document(signal.payload)}, now_us);
      },
      [this, signal](Result<partition::Signalled> told_of) {
        if (!told_of.ok()) {
          if (told_of.error().code == "signal.idempotency_mismatch" && !signal.key.empty())
            return trace("mismatch");
          return refused(told_of.error(), {ErrorKind::kConflict, ErrorKind::kResourceExhausted});
        }
        told_signals_.push_back(signal);
        told(told_of->view);
      });
}

void World::query_run() {
  const RunId id = parcels_[random_.below(parcels_.size())];
  call<partition::QueryReply>(
      partition::partition_of(id).value, "query",
      [id](StateMachine& machine, int64_t) { return machine.query(id, ""); },
      [this](Result<partition::QueryReply> reply) {
        if (!reply.ok()) return refused(reply.error(), {});
        if (!reply->errors.empty()) fail("a query has no value: " + reply->errors.front().second.message);
        told(reply->view);
      });
}

void World::migrate_run() {
  const size_t back = std::min<size_t>(parcels_.size(), 16);
  const RunId id = parcels_[parcels_.size() - 1 - random_.below(back)];
  const auto to = scenery_->pipeline("sim/parcel", random_.one_in(3) ? "1.0.0" : "2.0.0");
  const auto pins = *scenery_->pins_for(*to);
  const bool dry_run = random_.one_in(6);
  call<partition::Migrated>(
      partition::partition_of(id).value, "migrate to " + to->version,
      [=](StateMachine& machine, int64_t now_us) {
        return machine.migrate_run({id, to, pins, "operator", "a test", dry_run}, now_us);
      },
      [this](Result<partition::Migrated> migrated) {
        if (!migrated.ok()) return refused(migrated.error(), {ErrorKind::kConflict});
        for (const std::string& obstacle : migrated->obstacles) trace("stays: " + obstacle);
      });
}

/// A signal that was acknowledged is in its run's log, once. That none is taken twice the history knows.
void World::check_signals(const History& history) {
  std::map<std::pair<RunId, std::string>, size_t> recorded;
  outcome_.signals = outcome_.migrations = 0;
  for (const auto& [id, run] : history.runs()) {
    outcome_.migrations += run.migrations;
    for (const auto& [payload, taken] : run.signals) {
      ++recorded[{id, payload}];
      outcome_.signals += taken ? 1 : 0;
    }
  }
  for (const Signal& signal : told_signals_) {
    const auto run = history.runs().find(signal.run);
    if (run == history.runs().end()) return fail("the run of an acknowledged signal is lost");
    if (run->second.deleted) continue;
    const std::string payload = to_canonical_json(parse_json_document(signal.payload)->root());
    const auto found = recorded.find({signal.run, payload});
    if (found == recorded.end())
      return fail("an acknowledged signal to " + signal.run.to_string() + " is lost: " + payload);
    // The changed payload of a repetition may come with several keys.
    if (found->second != 1 && signal.payload.find("-1") == std::string::npos)
      return fail("a signal to " + signal.run.to_string() + " was recorded twice: " + payload);
  }
}

}  // namespace switchyard::sim
