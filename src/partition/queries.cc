// Reading runs: one, or a page of those that fit a filter.
#include <algorithm>

#include "keys.h"
#include "search_text.h"
#include "switchyard/partition/state_machine.h"

namespace switchyard::partition {
namespace {

bool fits(const workflow::RunSummary& run, const RunFilter& filter) {
  if (!filter.pipeline.empty() && run.pipeline != filter.pipeline) return false;
  if (!filter.version.empty() && run.version != filter.version) return false;
  if (!filter.key.empty() && run.key != filter.key) return false;
  if (filter.status.has_value() && run.status != *filter.status) return false;
  if (filter.since_us != 0 && run.started_us < filter.since_us) return false;
  if (filter.until_us != 0 && run.started_us >= filter.until_us) return false;
  for (const auto& [name, wanted] : filter.search) {
    const Value* value = run.search.root().find(name);
    if (value == nullptr || value->is_null() || search_text(*value) != wanted) return false;
  }
  return true;
}

/// The narrowest table that holds every run that fits and is in the store.
std::string choose_table(const RunFilter& filter) {
  if (!filter.search.empty()) {
    const auto& [name, value] = filter.search.front();
    return keys::attribute_prefix(keys::search_attribute(name), value);
  }
  if (!filter.key.empty()) return keys::attribute_prefix(keys::kKeyAttribute, filter.key);
  if (filter.status.has_value() && *filter.status != workflow::RunStatus::kCompleted &&
      *filter.status != workflow::RunStatus::kRunning) {
    const bool parked = *filter.status == workflow::RunStatus::kPaused;
    return keys::status_prefix(parked ? workflow::RunStatus::kWaiting : *filter.status);
  }
  if (!filter.pipeline.empty()) return keys::attribute_prefix(keys::kPipelineAttribute, filter.pipeline);
  return std::string(1, keys::kRun);
}

/// The first six bytes of an id are its milliseconds.
std::string id_floor(int64_t unix_ms) {
  const RunId id = RunId::make(unix_ms, 0, 0);
  return std::string(id.view().substr(0, 6));
}

}  // namespace

Result<RunView> StateMachine::run(const RunId& id) {
  RunView view;
  if (const auto hot = hot_.find(id); hot != hot_.end()) {
    view.summary = workflow::summarize(*hot->second.state);
    return view;
  }
  std::string bytes;
  SY_ASSIGN_OR_RETURN(const bool found, environment_.store->get(keys::of_id(keys::kRun, id), bytes));
  if (!found) return unknown_run(id);
  SY_ASSIGN_OR_RETURN(view.summary, workflow::decode_summary(id, bytes));
  if (workflow::is_final(view.summary.status)) {
    SY_ASSIGN_OR_RETURN(view.compaction, compaction_of(id));
  }
  return view;
}

Result<std::vector<uint64_t>> StateMachine::offsets(const RunId& id, uint64_t first) {
  SY_ASSIGN_OR_RETURN(const RunView view, run(id));
  const workflow::RunSummary& summary = view.summary;
  std::vector<uint64_t> offsets;
  if (first >= summary.earlier) {
    const uint64_t skip = std::min<uint64_t>(first - summary.earlier, summary.offsets.size());
    offsets.assign(summary.offsets.begin() + static_cast<ptrdiff_t>(skip), summary.offsets.end());
    return offsets;
  }
  const uint64_t chunk = first / environment_.offsets_per_chunk;
  std::string bytes;
  SY_ASSIGN_OR_RETURN(const bool found, environment_.store->get(keys::offsets(id, chunk), bytes));
  ByteReader in(bytes);
  uint64_t offset = 0;
  for (size_t i = 0; found && i < environment_.offsets_per_chunk; ++i) {
    offset += in.varint();
    if (i >= first % environment_.offsets_per_chunk) offsets.push_back(offset);
  }
  if (found && in.ok() && in.at_end()) return offsets;
  return make_error(ErrorKind::kCorruption, "partition.corrupt_offsets",
                    "where the events of decision " + id.to_string() +
                        " are cannot be read from the state; bring the state folder back from a backup");
}

Result<RunPage> StateMachine::list(const RunFilter& filter) {
  const size_t limit = std::clamp<size_t>(filter.limit, 1, kMaxListLimit);
  // Runs that only memory knows yet, newest first.
  std::vector<workflow::RunSummary> fresh;
  for (const auto& [id, run] : hot_) {
    if (run.indexed || (filter.before.has_value() && id >= *filter.before)) continue;
    workflow::RunSummary summary = workflow::summarize(*run.state);
    if (fits(summary, filter)) fresh.push_back(std::move(summary));
  }
  std::sort(fresh.begin(), fresh.end(), [](const auto& a, const auto& b) { return a.id > b.id; });

  RunPage page;
  size_t next_fresh = 0;
  const auto full = [&] { return page.runs.size() >= limit; };
  const auto add_fresh_above = [&](const RunId* id) {
    while (!full() && next_fresh < fresh.size() && (id == nullptr || fresh[next_fresh].id > *id))
      page.runs.push_back(fresh[next_fresh++]);
  };

  const std::string prefix = choose_table(filter);
  std::string until = store::prefix_end(prefix);
  if (filter.until_us != 0) until = std::min(until, prefix + id_floor(filter.until_us / 1000 + 1));
  if (filter.before.has_value()) until = std::min(until, prefix + std::string(filter.before->view()));
  const std::string from = filter.since_us != 0 ? prefix + id_floor(filter.since_us / 1000) : prefix;
  size_t scanned = 0;
  while (!full() && from < until) {
    std::vector<RunId> ids;
    SY_RETURN_IF_ERROR(environment_.store->scan(
        store::Range::between(from, until), {.direction = store::Direction::kBackward, .limit = 256},
        [&](std::string_view key, std::string_view) {
          ids.push_back(RunId::from_bytes(key.substr(key.size() - 16)));
          return true;
        }));
    if (ids.empty()) break;
    for (const RunId& id : ids) {
      add_fresh_above(&id);
      if (full()) break;
      SY_ASSIGN_OR_RETURN(RunView view, run(id));
      ++scanned;
      page.scanned_to = id;
      if (fits(view.summary, filter)) {
        if (view.compaction.has_value()) page.compacted.insert(id);
        page.runs.push_back(std::move(view.summary));
      }
      if (full()) break;
    }
    until = prefix + std::string(ids.back().view());
    if (scanned >= kMaxListScan && !full()) {
      page.more = true;
      return page;
    }
  }
  add_fresh_above(nullptr);
  page.more = full();
  if (full()) page.scanned_to.reset();
  return page;
}

}  // namespace switchyard::partition
