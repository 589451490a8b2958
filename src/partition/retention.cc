// Legal holds, compaction and deletion: decided as commands, folded from events.
#include "switchyard/partition/retention.h"

#include <algorithm>

#include "keys.h"
#include "search_text.h"
#include "switchyard/partition/state_machine.h"
#include "switchyard/types/time_text.h"
#include "switchyard/types/value_codec.h"

namespace switchyard::partition {
namespace {

Value text_of(Arena& arena, std::string_view text) { return Value::string(arena.copy(std::string(text))); }

std::string member_text(const Value& map, std::string_view name) {
  const Value* value = map.find(name);
  return value != nullptr && value->is(Kind::kString) ? std::string(value->as_string()) : std::string();
}
int64_t member_integer(const Value& map, std::string_view name) {
  const Value* value = map.find(name);
  return value != nullptr && value->is(Kind::kInteger) ? value->as_integer() : 0;
}

std::string encode_hold(const HoldSet& event, int64_t time_us) {
  std::string bytes;
  ByteWriter out(bytes);
  encode_value(event.filter, out);
  out.bytes(event.who);
  out.bytes(event.why);
  out.svarint(time_us);
  return bytes;
}

Hold decode_hold(std::string_view name, std::string_view bytes) {
  Arena arena(256);
  ByteReader in(bytes);
  Hold hold = hold_from_value(name, decode_value(in, arena));
  hold.who = in.bytes();
  hold.why = in.bytes();
  hold.set_us = in.svarint();
  return hold;
}

/// Of a compacted or a deleted run.
std::string encode_end(int64_t time_us, std::string_view policy, std::string_view retention_class,
                       uint32_t dropped) {
  std::string bytes;
  ByteWriter out(bytes);
  out.svarint(time_us);
  out.bytes(policy);
  out.bytes(retention_class);
  out.varint(dropped);
  return bytes;
}
Compaction decode_end(std::string_view bytes) {
  ByteReader in(bytes);
  Compaction end;
  end.at_us = in.svarint();
  end.policy = in.bytes();
  end.retention_class = in.bytes();
  end.dropped = static_cast<uint32_t>(in.varint());
  return end;
}

Error bad_hold(std::string code, std::string message, std::string field) {
  return make_error(ErrorKind::kInvalidArgument, std::move(code), std::move(message), std::move(field));
}

}  // namespace

// --- holds
// ---------------------------------------------------------------------------------------------------------

bool Hold::fits(const workflow::RunSummary& summary) const {
  if (run.has_value() && summary.id != *run) return false;
  if (!pipeline.empty() && !retention::fits_pattern(summary.pipeline, pipeline)) return false;
  if (!key.empty() && summary.key != key) return false;
  if (since_us != 0 && summary.started_us < since_us) return false;
  if (until_us != 0 && summary.started_us >= until_us) return false;
  return std::all_of(search.begin(), search.end(), [&](const auto& wanted) {
    const Value* value = summary.search.root().find(wanted.first);
    return value != nullptr && !value->is_null() && search_text(*value) == wanted.second;
  });
}

bool Hold::same_filter(const Hold& other) const {
  return run == other.run && pipeline == other.pipeline && key == other.key && since_us == other.since_us &&
         until_us == other.until_us && search == other.search;
}

Value hold_filter_to_value(const Hold& hold, Arena& arena) {
  MapBuilder map(arena);
  if (hold.run.has_value()) map.add("run", text_of(arena, hold.run->to_string()));
  if (!hold.pipeline.empty()) map.add("pipeline", text_of(arena, hold.pipeline));
  if (!hold.key.empty()) map.add("key", text_of(arena, hold.key));
  if (hold.since_us != 0) map.add("since_us", Value::integer(hold.since_us));
  if (hold.until_us != 0) map.add("until_us", Value::integer(hold.until_us));
  if (!hold.search.empty()) {
    MapBuilder search(arena);
    for (const auto& [name, value] : hold.search) search.add(arena.copy(name), text_of(arena, value));
    map.add("search", search.build());
  }
  return map.build();
}

Hold hold_from_value(std::string_view name, const Value& filter) {
  Hold hold;
  hold.name = name;
  if (!filter.is(Kind::kMap)) return hold;
  if (const auto run = RunId::parse(member_text(filter, "run")); run.ok()) hold.run = *run;
  hold.pipeline = member_text(filter, "pipeline");
  hold.key = member_text(filter, "key");
  hold.since_us = member_integer(filter, "since_us");
  hold.until_us = member_integer(filter, "until_us");
  const Value* search = filter.find("search");
  if (search != nullptr && search->is(Kind::kMap)) {
    for (const Member& member : search->members())
      hold.search.emplace_back(member.key.as_string(), member.value.as_string());
  }
  return hold;
}

Result<Hold> StateMachine::set_hold(Hold hold, int64_t now_us) {
  if (hold.name.empty() || hold.name.size() > kMaxHoldNameBytes)
    return bad_hold("hold.bad_name", "a hold has a name of 1 to 128 bytes", "name");
  if (hold.same_filter(Hold{}))
    return bad_hold("hold.no_filter",
                    "say what is held: run, pipeline ('*' for all), key, since, until or search", "pipeline");
  if (hold.why.empty() || hold.why.size() > kMaxWhyBytes)
    return bad_hold("hold.no_reason", "say why in at most 1024 bytes: the hold is recorded", "why");
  SY_ASSIGN_OR_RETURN(const auto known, holds());
  for (const Hold& other : known) {
    if (other.name != hold.name) continue;
    if (other.same_filter(hold)) return other;
    return make_error(ErrorKind::kConflict, "hold.exists",
                      "there is a hold '" + hold.name + "' with another filter, set by " + other.who +
                          "; use another name, or release it first",
                      "name");
  }
  if (known.size() >= kMaxHolds) {
    return make_error(ErrorKind::kResourceExhausted, "hold.too_many",
                      "there are " + std::to_string(kMaxHolds) + " holds; release one first");
  }
  hold.set_us = now_us;
  Arena arena;
  SY_RETURN_IF_ERROR(
      record(HoldSet{hold.name, hold_filter_to_value(hold, arena), hold.who, hold.why}, now_us));
  return hold;
}

Result<bool> StateMachine::release_hold(std::string_view name, std::string_view who, std::string_view why,
                                        int64_t now_us) {
  if (why.empty() || why.size() > kMaxWhyBytes)
    return bad_hold("hold.no_reason", "say why in at most 1024 bytes: the release is recorded", "why");
  SY_ASSIGN_OR_RETURN(const auto known, holds());
  const bool is_known =
      std::any_of(known.begin(), known.end(), [&](const Hold& hold) { return hold.name == name; });
  if (is_known) SY_RETURN_IF_ERROR(record(HoldReleased{name, who, why}, now_us));
  return is_known;
}

Result<std::vector<Hold>> StateMachine::holds() {
  SY_ASSIGN_OR_RETURN(const std::vector<Hold>* const known, known_holds());
  return *known;
}

Result<const std::vector<Hold>*> StateMachine::known_holds() {
  if (!holds_.has_value()) {
    std::vector<Hold> all;
    SY_RETURN_IF_ERROR(environment_.store->scan(store::Range::prefix(std::string(1, keys::kHold)),
                                                [&](std::string_view key, std::string_view value) {
                                                  store::KeyReader reader(key);
                                                  reader.tag();
                                                  all.push_back(decode_hold(reader.text(), value));
                                                  return true;
                                                }));
    holds_ = std::move(all);
  }
  return &*holds_;
}

Result<bool> StateMachine::is_held(const workflow::RunSummary& run) {
  SY_ASSIGN_OR_RETURN(const std::vector<Hold>* const known, known_holds());
  return std::any_of(known->begin(), known->end(), [&](const Hold& hold) { return hold.fits(run); });
}

// --- deciding
// ------------------------------------------------------------------------------------------------------

Status StateMachine::record(EventBody body, int64_t now_us) {
  const Event event{RunId{}, kNoStep, now_us, std::move(body)};
  SY_ASSIGN_OR_RETURN(const LogOffset offset, environment_.writer->append(event));
  fold(nullptr, event, offset);
  count(event);
  return {};
}

Result<RetentionPlan> StateMachine::plan_retention(const retention::Policy& policy, int64_t now_us,
                                                   const std::string& after) {
  RetentionPlan plan;
  std::string prefix;
  store::KeyWriter(prefix).tag(keys::kAttribute).text(keys::kPipelineAttribute);
  const std::string end = store::prefix_end(prefix);
  std::string from = after.empty() ? prefix : after;
  for (size_t looked_at = 0; looked_at < kRetentionScan && plan.due.size() < kRetentionBatch;) {
    // The next run of this pipeline, or the first of the next one.
    std::string found;
    SY_RETURN_IF_ERROR(environment_.store->scan(store::Range::between(from, end), {.limit = 1},
                                                [&](std::string_view key, std::string_view) {
                                                  found = key;
                                                  return false;
                                                }));
    if (found.empty()) return plan;
    store::KeyReader reader(found);
    reader.tag();
    reader.text();
    const std::string pipeline = reader.text();
    const std::string of_pipeline = keys::attribute_prefix(keys::kPipelineAttribute, pipeline);
    const std::string next_pipeline = store::prefix_end(of_pipeline);
    const retention::RetentionClass* rule = policy.class_of(pipeline);
    const int64_t first_us = rule == nullptr      ? 0
                             : rule->full_us != 0 ? rule->full_us
                                                  : rule->delete_us;  // of the two the earlier
    if (first_us == 0) {
      from = next_pipeline;
      ++looked_at;
      continue;
    }
    // Ids are in the order of their start, which is before their end.
    const std::string until =
        of_pipeline +
        std::string(
            RunId::make(std::max<int64_t>((now_us - first_us) / 1000 + 1, 0), 0, 0).view().substr(0, 6));
    std::vector<RunId> ids;
    const size_t limit = kRetentionScan - looked_at;
    if (found < until) {
      SY_RETURN_IF_ERROR(
          environment_.store->scan(store::Range::between(found, until), {.limit = limit, .bulk = true},
                                   [&](std::string_view key, std::string_view) {
                                     ids.push_back(RunId::from_bytes(key.substr(key.size() - 16)));
                                     return true;
                                   }));
    }
    from = ids.size() < limit ? next_pipeline : of_pipeline + std::string(ids.back().view()) + '\0';
    looked_at += std::max<size_t>(ids.size(), 1);
    for (size_t i = 0; i < ids.size(); ++i) {
      if (plan.due.size() == kRetentionBatch) {
        from = of_pipeline + std::string(ids[i].view());
        break;
      }
      const int64_t started_us = ids[i].unix_ms() * 1000;
      SY_ASSIGN_OR_RETURN(const auto compaction, compaction_of(ids[i]));
      const bool may_be_removed = rule->delete_us != 0 && started_us <= now_us - rule->delete_us;
      if (!may_be_removed && (compaction.has_value() || rule->full_us == 0)) continue;
      std::string bytes;
      SY_ASSIGN_OR_RETURN(const bool known, environment_.store->get(keys::of_id(keys::kRun, ids[i]), bytes));
      if (!known) continue;
      SY_ASSIGN_OR_RETURN(workflow::RunSummary summary, workflow::decode_summary(ids[i], bytes));
      if (!workflow::is_final(summary.status) || hot_.contains(ids[i])) continue;
      const bool remove = rule->delete_us != 0 && summary.ended_us <= now_us - rule->delete_us;
      const bool compact = !remove && rule->full_us != 0 && !compaction.has_value() &&
                           summary.ended_us <= now_us - rule->full_us;
      if (!remove && !compact) continue;
      SY_ASSIGN_OR_RETURN(const bool held, is_held(summary));
      if (held) {
        ++plan.held;
        continue;
      }
      RetentionCandidate candidate{ids[i], remove, rule, {}, summary.earlier};
      if (remove) candidate.newest = std::move(summary.offsets);
      plan.due.push_back(std::move(candidate));
    }
  }
  plan.after = from;
  return plan;
}

Result<std::optional<workflow::RunSummary>> StateMachine::touchable(const RunId& id) {
  std::optional<workflow::RunSummary> none;
  if (hot_.contains(id)) return none;
  std::string bytes;
  SY_ASSIGN_OR_RETURN(const bool found, environment_.store->get(keys::of_id(keys::kRun, id), bytes));
  if (!found) return none;
  SY_ASSIGN_OR_RETURN(workflow::RunSummary summary, workflow::decode_summary(id, bytes));
  if (!workflow::is_final(summary.status)) return none;
  SY_ASSIGN_OR_RETURN(const bool held, is_held(summary));
  if (held) return none;
  return std::optional(std::move(summary));
}

Result<uint64_t> StateMachine::compact_runs(const CompactRuns& command, int64_t now_us) {
  RunsCompacted event;
  event.policy = command.policy;
  event.retention_class = command.retention_class;
  event.dropped = command.dropped;
  event.who = command.who;
  for (const RunId& id : command.runs) {
    SY_ASSIGN_OR_RETURN(const auto summary, touchable(id));
    if (!summary.has_value()) continue;
    SY_ASSIGN_OR_RETURN(const auto before, compaction_of(id));
    if (!before.has_value()) event.runs.push_back(id);
  }
  const uint64_t recorded = event.runs.size();
  if (recorded != 0) SY_RETURN_IF_ERROR(record(std::move(event), now_us));
  return recorded;
}

Result<uint64_t> StateMachine::delete_runs(const DeleteRuns& command, int64_t now_us) {
  RunsDeleted event;
  event.policy = command.policy;
  event.retention_class = command.retention_class;
  event.who = command.who;
  for (const DeleteRuns::Item& item : command.runs) {
    SY_ASSIGN_OR_RETURN(const auto summary, touchable(item.run));
    if (summary.has_value()) event.runs.push_back({item.run, item.idempotency, item.reviews});
  }
  const uint64_t recorded = event.runs.size();
  if (recorded != 0) SY_RETURN_IF_ERROR(record(std::move(event), now_us));
  return recorded;
}

Result<std::vector<RunFate>> StateMachine::fates(const std::vector<RunId>& runs) {
  std::vector<RunFate> fates(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    SY_ASSIGN_OR_RETURN(fates[i].gone,
                        environment_.store->get(keys::of_id(keys::kDeleted, runs[i]), scratch_));
    if (fates[i].gone) continue;
    SY_ASSIGN_OR_RETURN(const auto compaction, compaction_of(runs[i]));
    fates[i].compacted = compaction.has_value();
    if (compaction.has_value()) fates[i].dropped = compaction->dropped;
  }
  return fates;
}

Result<std::optional<Compaction>> StateMachine::compaction_of(const RunId& id) {
  std::string bytes;
  SY_ASSIGN_OR_RETURN(const bool found, environment_.store->get(keys::of_id(keys::kCompacted, id), bytes));
  return found ? std::optional(decode_end(bytes)) : std::nullopt;
}

Error StateMachine::unknown_run(const RunId& id) {
  std::string bytes;
  const auto deleted = environment_.store->get(keys::of_id(keys::kDeleted, id), bytes);
  if (!deleted.ok() || !*deleted)
    return make_error(ErrorKind::kNotFound, "run.unknown", "there is no decision " + id.to_string(), "id");
  const Compaction end = decode_end(bytes);
  return make_error(ErrorKind::kNotFound, "run.deleted",
                    "decision " + id.to_string() + " was deleted by the retention policy " + end.policy +
                        ", class " + end.retention_class,
                    "id");
}

// --- folding
// -------------------------------------------------------------------------------------------------------

void StateMachine::fold_retention(const Event& event) {
  if (const auto* set = std::get_if<HoldSet>(&event.body)) {
    environment_.store->put(keys::hold(set->name), encode_hold(*set, event.time_us));
    holds_.reset();
  } else if (const auto* released = std::get_if<HoldReleased>(&event.body)) {
    environment_.store->erase(keys::hold(released->name));
    holds_.reset();
  } else if (const auto* compacted = std::get_if<RunsCompacted>(&event.body)) {
    const std::string value =
        encode_end(event.time_us, compacted->policy, compacted->retention_class, compacted->dropped);
    for (const RunId& id : compacted->runs) environment_.store->put(keys::of_id(keys::kCompacted, id), value);
  } else if (const auto* deleted = std::get_if<RunsDeleted>(&event.body)) {
    for (const DeletedRun& run : deleted->runs) fold_deleted(run, *deleted, event.time_us);
    expire_tombstones(event.time_us);
  }
}

void StateMachine::fold_deleted(const DeletedRun& deleted, const RunsDeleted& event, int64_t time_us) {
  store::StateStore& store = *environment_.store;
  const std::string record = keys::of_id(keys::kRun, deleted.run);
  const std::string id(deleted.run.view());
  std::string bytes;
  const auto found = store.get(record, bytes);
  if (found.ok() && *found) {
    if (const auto summary = workflow::decode_summary(deleted.run, bytes); summary.ok()) {
      const auto forget = [&](std::string_view name, std::string_view value) {
        store.erase(keys::attribute_prefix(name, value) + id);
      };
      forget(keys::kPipelineAttribute, summary->pipeline);
      if (!summary->key.empty()) forget(keys::kKeyAttribute, summary->key);
      if (summary->search.root().is(Kind::kMap)) {
        for (const Member& member : summary->search.root().members()) {
          if (!member.value.is_null())
            forget(keys::search_attribute(member.key.as_string()), search_text(member.value));
        }
      }
      if (summary->status != workflow::RunStatus::kCompleted)
        store.erase(keys::status_prefix(summary->status) + id);
      for (uint64_t chunk = 0; chunk * environment_.offsets_per_chunk < summary->earlier; ++chunk)
        store.erase(keys::offsets(deleted.run, chunk));
    }
  }
  std::vector<std::string> signals;
  for (const char table : {keys::kSignalKey, keys::kSignalOrder}) {
    (void)store.scan(store::Range::prefix(keys::of_id(table, deleted.run)),
                     [&](std::string_view key, std::string_view) {
                       signals.emplace_back(key);
                       return true;
                     });
  }
  for (const std::string& key : signals) store.erase(key);
  store.erase(record);
  store.erase(keys::of_id(keys::kCompacted, deleted.run));
  for (const RunId& review : deleted.reviews) store.erase(keys::of_id(keys::kReview, review));
  if (!deleted.idempotency.empty()) {
    // A later run may have the key now.
    const std::string row = keys::idempotency_row(deleted.idempotency);
    const auto known = store.get(row, bytes);
    if (known.ok() && *known && bytes.starts_with(id)) store.erase(row);
  }
  store.put(keys::of_id(keys::kDeleted, deleted.run),
            encode_end(time_us, event.policy, event.retention_class, 0));
}

void StateMachine::expire_tombstones(int64_t now_us) {
  std::vector<std::string> old;
  (void)environment_.store->scan(store::Range::prefix(std::string(1, keys::kDeleted)),
                                 {.limit = kTombstonesPerFold},
                                 [&](std::string_view key, std::string_view value) {
                                   if (decode_end(value).at_us + kTombstoneUs < now_us) old.emplace_back(key);
                                   return true;
                                 });
  for (const std::string& key : old) environment_.store->erase(key);
}

}  // namespace switchyard::partition
