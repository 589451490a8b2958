#include "admission.h"

#include "keys.h"
#include "switchyard/base/bytes.h"
#include "switchyard/types/priority.h"

namespace switchyard::partition {
namespace {

using OnLimit = workflow::ConcurrencySpec::OnLimit;

std::string described(const workflow::Pipeline& pipeline, std::string_view group) {
  std::string text = "pipeline " + pipeline.full_name();
  if (pipeline.concurrency->key.has_value()) text += ", key '" + std::string(group) + "'";
  return text;
}

}  // namespace

Admission::Group Admission::group(const GroupName& name) {
  Group group;
  std::string row;
  const auto found = store_.get(keys::agent(keys::kGroup, name.first, name.second), row);
  if (!found.ok() || !*found) return group;
  ByteReader in(row);
  group.active = in.varint();
  group.queued = in.varint();
  group.next = in.varint();
  group.last_tenant = in.bytes();
  return group;
}

void Admission::put(const GroupName& name, const Group& group) {
  const std::string key = keys::agent(keys::kGroup, name.first, name.second);
  if (group.active == 0 && group.queued == 0) return store_.erase(key);
  std::string row;
  ByteWriter out(row);
  out.varint(group.active);
  out.varint(group.queued);
  out.varint(group.next);
  out.bytes(group.last_tenant);
  store_.put(key, row);
}

Result<Admission::Verdict> Admission::ask(const workflow::Pipeline& pipeline, std::string_view key) {
  const workflow::ConcurrencySpec& spec = *pipeline.concurrency;
  const Group known = group({pipeline.name, std::string(key)});
  Verdict verdict;
  verdict.place = known.next;
  // Nobody passes those that wait.
  verdict.queued = known.active >= spec.limit || known.queued > 0;
  if (!verdict.queued) return verdict;
  if (spec.on_limit == OnLimit::kRefuse) {
    return make_error(ErrorKind::kConflict, "run.limit_reached",
                      described(pipeline, key) + " has as many runs under way as its concurrency limit of " +
                          std::to_string(spec.limit) + " allows; try again when one of them has ended",
                      "concurrency.limit");
  }
  if (spec.on_limit == OnLimit::kQueue && known.queued >= spec.max_queued) {
    return make_error(ErrorKind::kResourceExhausted, "run.queue_full",
                      described(pipeline, key) + " has " + std::to_string(known.queued) +
                          " runs that wait for a place, and its max_queued is " +
                          std::to_string(spec.max_queued) + "; try again shortly",
                      "concurrency.max_queued");
  }
  if (queued_in_all_ >= kMaxQueuedStarts) {
    return make_error(ErrorKind::kResourceExhausted, "partition.too_many_queued",
                      "in this partition " + std::to_string(kMaxQueuedStarts) +
                          " decisions wait for a place; try again shortly");
  }
  return verdict;
}

void Admission::enforce_latest(const std::string& pipeline, const std::string& key, int64_t now_us) {
  const auto newest_first = [&](size_t limit) {
    std::vector<RunId> runs;
    (void)store_.scan(store::Range::prefix(keys::agent(keys::kMember, pipeline, key)),
                      {.direction = store::Direction::kBackward, .limit = limit},
                      [&](std::string_view, std::string_view row) {
                        runs.push_back(RunId::from_bytes(row.substr(0, 16)));
                        return true;
                      });
    return runs;
  };
  const auto newest = newest_first(1);
  const auto spec = newest.empty() ? nullptr : machine_.pipeline_of(newest.front());
  if (spec == nullptr || !spec->concurrency.has_value() ||
      spec->concurrency->on_limit != OnLimit::kLatestWins)
    return;
  uint32_t left = 0;
  for (const RunId& run : newest_first(kMaxQueuedStarts)) {
    if (machine_.is_ending(run)) continue;
    if (left++ >= spec->concurrency->limit) machine_.supersede(run, newest.front(), now_us);
  }
}

// --- folding
// -------------------------------------------------------------------------------------------------------

std::string Admission::queue_key(const workflow::RunState& run) const {
  const QueueOrder at(run.place, run.priority);
  return keys::queued_start(run.pipeline->name, *run.group, run.tenant, at.order, at.place);
}

void Admission::fold_started(const workflow::RunState& run) {
  if (!run.group.has_value()) return;
  const GroupName name{run.pipeline->name, *run.group};
  Group group = this->group(name);
  group.next = run.place + 1;
  ++(run.queued ? group.queued : group.active);
  put(name, group);
  std::string member(run.id.view());
  ByteWriter(member).u8(run.queued ? 1 : 0);
  store_.put(keys::member(name.first, name.second, run.place), member);
  if (!run.queued) return;
  std::string row(run.id.view());
  // Without: it was moved to a version that sets no limit.
  ByteWriter(row).varint(run.pipeline->concurrency.has_value() ? run.pipeline->concurrency->limit : 1);
  store_.put(queue_key(run), row);
  count(name.first, 1);
  offer(name);
}

void Admission::fold_admitted(const workflow::RunState& run) {
  if (!run.group.has_value()) return;
  const GroupName name{run.pipeline->name, *run.group};
  Group group = this->group(name);
  --group.queued;
  ++group.active;
  group.last_tenant = run.tenant;
  put(name, group);
  std::string member(run.id.view());
  ByteWriter(member).u8(0);
  store_.put(keys::member(name.first, name.second, run.place), member);
  store_.erase(queue_key(run));
  count(name.first, -1);
}

void Admission::fold_ended(const workflow::RunState& run) {
  if (!run.group.has_value()) return;
  const GroupName name{run.pipeline->name, *run.group};
  Group group = this->group(name);
  --(run.queued ? group.queued : group.active);
  put(name, group);
  store_.erase(keys::member(name.first, name.second, run.place));
  if (run.queued) {
    store_.erase(queue_key(run));
    count(name.first, -1);
  }
  if (group.queued > 0) offer(name);
}

// --- giving places
// -------------------------------------------------------------------------------------------------

void Admission::offer(const GroupName& name) {
  if (in_free_.insert(name).second) free_.push_back(name);
}

/// The first of the tenant whose turn it is: the one after the last, by name, and round again.
std::optional<Admission::Next> Admission::next_of(const GroupName& name, const Group& group) {
  const std::string queue = keys::agent(keys::kQueuedStart, name.first, name.second);
  std::string after = queue;
  store::KeyWriter(after).text(group.last_tenant);
  std::optional<Next> next;
  const auto first_of = [&](const std::string& from, const std::string& until) {
    (void)store_.scan(store::Range::between(from, until), {.limit = 1},
                      [&](std::string_view, std::string_view row) {
                        ByteReader in(row);
                        next.emplace();
                        next->run = RunId::from_bytes(in.raw(16));
                        next->limit = in.varint();
                        return false;
                      });
  };
  first_of(store::prefix_end(after), store::prefix_end(queue));
  if (!next.has_value()) first_of(queue, store::prefix_end(queue));
  return next;
}

bool Admission::fill(const GroupName& name, int64_t now_us, size_t* admitted) {
  while (true) {
    const Group group = this->group(name);
    if (group.queued == 0) return false;
    const auto next = next_of(name, group);
    if (!next.has_value() || group.active >= next->limit) return false;
    if (!machine_.may_start() || *admitted >= kAdmissionsPerTurn) return true;
    ++*admitted;
    const Status begun = machine_.admit(next->run, now_us);
    if (begun.ok()) continue;
    // Its pipeline may be missing from this binary's catalogue: nobody passes it, and it is looked at again.
    if (stuck_.empty()) stuck_until_us_ = now_us + kUnreadableRetryUs;
    stuck_.insert(name);
    return false;
  }
}

bool Admission::turn(int64_t now_us) {
  if (!stuck_.empty() && now_us >= stuck_until_us_) {
    for (const GroupName& name : stuck_) offer(name);
    stuck_.clear();
  }
  size_t admitted = 0;
  for (size_t left = free_.size(); left > 0; --left) {
    const GroupName name = std::move(free_.front());
    free_.pop_front();
    in_free_.erase(name);
    if (!fill(name, now_us, &admitted)) continue;
    offer(name);
    return machine_.may_start();
  }
  return !free_.empty();
}

int64_t Admission::next_due_us() const {
  if (!free_.empty() && machine_.may_start()) return 1;
  return stuck_.empty() ? 0 : stuck_until_us_;
}

// --- recovery and what is told
// ------------------------------------------------------------------------------------

void Admission::count(const std::string& pipeline, int64_t change) {
  queued_[pipeline] += static_cast<uint64_t>(change);
  queued_in_all_ += static_cast<uint64_t>(change);
  told_.reset();
}

std::shared_ptr<const std::map<std::string, uint64_t>> Admission::queued() const {
  if (told_ == nullptr) told_ = std::make_shared<const std::map<std::string, uint64_t>>(queued_);
  return told_;
}

Status Admission::load() {
  return store_.scan(store::Range::prefix(std::string(1, keys::kGroup)),
                     [&](std::string_view key, std::string_view row) {
                       store::KeyReader reader(key);
                       reader.tag();
                       ByteReader in(row);
                       in.varint();
                       if (const uint64_t queued = in.varint(); queued > 0)
                         count(reader.text(), static_cast<int64_t>(queued));
                       return true;
                     });
}

void Admission::recover(int64_t now_us) {
  free_.clear();
  in_free_.clear();
  stuck_.clear();
  std::vector<GroupName> waiting;
  (void)store_.scan(store::Range::prefix(std::string(1, keys::kGroup)),
                    [&](std::string_view key, std::string_view row) {
                      store::KeyReader reader(key);
                      reader.tag();
                      GroupName name;
                      name.first = reader.text();
                      name.second = reader.text();
                      ByteReader in(row);
                      in.varint();
                      if (in.varint() > 0) waiting.push_back(std::move(name));
                      return true;
                    });
  for (const GroupName& name : waiting) {
    // The log may have broken off between a start and what it ends.
    enforce_latest(name.first, name.second, now_us);
    offer(name);
  }
}

}  // namespace switchyard::partition
