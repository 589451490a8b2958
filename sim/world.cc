#include "world.h"

#include <cstdio>

#include "faulty_store.h"

namespace switchyard::sim {
namespace {

constexpr int kActions = 2000;
// Small, so that logs roll; the host wants 16 MiB of room in the queue, more is what a run of appends may
// fill.
constexpr uint64_t kSegmentBytes = 32u << 10;
constexpr uint64_t kQueuedBytes = (16u << 20) + (48u << 10);

}  // namespace

World::World(const WorldOptions& options)
    : options_(options),
      scenery_(scenery()),
      catalog_(std::make_shared<const Switched>(scenery_)),
      random_(options.seed),
      process_random_(options.seed ^ 0x70726f63),
      now_us_(clock_.now_us()),
      disk_(options.seed ^ 0x6469736b),
      effects_(random_, now_us_),
      history_(*scenery_) {
  partitions_ = random_.one_in(3) ? 1 : static_cast<uint32_t>(1 + random_.below(3));
  durable_.resize(partitions_);
  durable_cursor_.resize(partitions_, 0);
  history_read_.resize(partitions_, 0);
  for (uint32_t p = 0; p < partitions_; ++p)
    stores_.push_back(store::memory_state_store(options.seed * 31 + p));
  if (options.plant == Plant::kLyingDisk) disk_.set_ignore_syncs(true);
  engine_.partitions = partitions_;
  engine_.clock = &clock_;
  engine_.random = &process_random_;
  table_watch() = {};
  engine_.catalog = [this]() -> std::shared_ptr<const workflow::Catalog> {
    if (options_.plant == Plant::kDeafSwitches) return scenery_;
    return catalog_;
  };
  engine_.webhooks = this;
  engine_.executor = &effects_;
  engine_.history_directory = "/history";
  engine_.disk = &cut_disk_;
  // Small, so that much of every kind happens.
  if (options.seed % 3 == 0) engine_.payload_threshold_bytes = 50;
  if (options.seed % 2 == 0) engine_.retention = [] { return simulated_policy(); };
  engine_.offsets_per_chunk = 4;
  engine_.upkeep.log_keep_bytes = 40u << 10;
  engine_.upkeep.archive_after_us = 600'000'000;
  engine_.upkeep.segment_bytes = 16u << 10;
  engine_.open_store = [this](PartitionId partition) -> Result<std::unique_ptr<store::StateStore>> {
    return borrow_store(*stores_[partition.value], options_.plant);
  };
  engine_.observer = [this](PartitionId partition, const Event& event) { see_event(partition, event); };
  effects_.on_begin = [this](const workflow::EffectRequest& request) { see_effect(request); };
}

void World::see_event(PartitionId partition, const Event& event) {
  trace("event " + std::to_string(partition.value) + " " + event.run.to_string() + " " +
        std::to_string(event.step) + " " + std::string(event_type_name(event.type())));
  const auto* started = std::get_if<RunStarted>(&event.body);
  if (started != nullptr &&
      catalog_->killed(ArtefactKind::kPipeline, started->pipeline, started->version) != nullptr)
    fail("a run of the pipeline " + std::string(started->pipeline) + " started while that was switched off");
  if (started != nullptr) priorities_[event.run] = started->priority;
  const auto* step = std::get_if<StepFailed>(&event.body);
  const auto* run = std::get_if<RunFailed>(&event.body);
  const std::string_view code = step != nullptr ? step->error.code : run != nullptr ? run->error.code : "";
  if (code != "governance.killed") return;
  ++outcome_.stopped;
  // A parent hears of its child's end, and a run that undoes its steps ends, when the switch may be back
  // already.
  if (outcome_.switches == 0) fail("something failed for a switch that nobody has thrown");
}

void World::see_effect(const workflow::EffectRequest& request) {
  const std::string attempt = request.run.to_string() + "/" + std::to_string(request.step.step.value) + "." +
                              std::to_string(request.step.frame) + "/" + std::to_string(request.attempt);
  trace("effect " + attempt);
  if (const auto known = priorities_.find(request.run);
      known == priorities_.end() || known->second != request.priority)
    fail("a call has another priority than its run: " + attempt);
  const auto* model = std::get_if<workflow::ModelCall>(&request.call);
  const auto see_model = [&](const workflow::ModelCall& call) {
    if (catalog_->killed(ArtefactKind::kModel, call.name, call.version) != nullptr)
      fail("the model " + call.name + " was called while it was switched off");
  };
  if (model != nullptr) see_model(*model);
  if (const auto* panel = std::get_if<workflow::PanelCall>(&request.call)) {
    for (const auto& member : panel->members)
      if (!member.refused.has_value()) see_model(member.call);
  }
  if (request.effect != workflow::EffectClass::kEffectful) return;
  see_durable();
  if (!durable_begun_.contains(attempt))
    fail("the effectful attempt " + attempt + " began before its record was durable");
  if (!begun_.insert(attempt).second)
    fail("the effectful attempt " + attempt + " began twice in one process");
}

World::~World() { drop_process(); }

WorldOutcome World::run() {
  open();
  for (int i = 0; i < kActions && !failed(); ++i) {
    act();
    if (table_watch().breaches != 0) fail("the rule table was asked while it was switched off");
  }
  if (!failed()) finish();
  if (options_.plant == Plant::kCanary) fail("the canary sings");
  for (const auto& durable : durable_) outcome_.events += durable.size();
  return outcome_;
}

void World::act() {
  const uint64_t roll = random_.below(1000);
  if (roll < 330)
    client();
  else if (roll < 600)
    turn();
  else if (roll < 800)
    step_logs();
  else if (roll < 880)
    effects_.deliver();
  else if (roll < 895)
    answer_hook();
  else if (roll < 900)
    deliver_late();
  else if (roll < 975)
    advance_time();
  else if (roll < 983)
    disk_full(!full_);
  else if (roll < 990)
    crash(random_.below(3) != 0);
  else if (roll < 993)
    restart_in_order();
  else if (roll < 995 && !full_)
    check_all(false);
  else if (roll < 997)
    flip_switch();
  else if (roll < 999)
    look_after(static_cast<uint32_t>(random_.below(partitions_)), true);
  else
    see_durable();
}

// --- the process
// -----------------------------------------------------------------------------------------------------

bool World::open() {
  // An open that finds no space is tried again once there is some, as an operator would.
  for (int attempt = 0; attempt < 8 && !failed(); ++attempt) {
    // Every few starts the process dies before it is open, perhaps several times in a row.
    disk_.die_after(attempt < 3 && random_.one_in(3) ? 1 + random_.below(12) : 0);
    Status status;
    const bool opened = try_open(status);
    if (disk_.died()) {
      trace("died while it opened");
      ++outcome_.early_crashes;
      drop_process();
      random_.one_in(2) ? disk_.crash() : disk_.kill_process();
      for (auto& store : stores_) store->crash();
      continue;
    }
    disk_.die_after(0);
    if (opened) {
      trace("open");
      // As a thread does first: what recovery has begun goes on before anything else can happen.
      for (auto& host : hosts_) host->finish_turn(now_us_);
      return true;
    }
    drop_process();
    for (auto& store : stores_) store->crash();
    if (status.error().kind != ErrorKind::kNoSpace || !full_) {
      fail("a restart failed: " + status.error().code + ": " + status.error().message);
      return false;
    }
    disk_full(false);
  }
  fail("a restart failed again and again");
  return false;
}

bool World::try_open(Status& status) {
  log::LocalLogOptions log_options;
  log_options.directory = "/logs";
  log_options.limits.queued_bytes = kQueuedBytes;
  log_options.segment_bytes = kSegmentBytes;
  log_options.first_segment_bytes = kSegmentBytes;
  log_options.manual = true;
  log_options.disk = &disk_;
  log_options.random = &process_random_;
  log_options.clock = &clock_;
  auto logs = log::LocalLogs::open(log_options);
  if (logs.ok()) {
    local_logs_ = std::move(*logs);
    logs_ = std::make_unique<SimulatedLogs>(*local_logs_, options_.plant);
    engine_.logs = logs_.get();
    mailbox_ = std::make_unique<partition::CommandBox>(partition::kMailboxCapacity);
    for (uint32_t p = 0; p < partitions_ && status.ok(); ++p) {
      hosts_.push_back(std::make_unique<partition::PartitionHost>(PartitionId(p), engine_, *mailbox_, this));
      status = hosts_.back()->open();
    }
  } else {
    status = logs.error();
  }
  return status.ok();
}

void World::drop_process() {
  effects_.forget();
  delayed_.clear();
  hooks_.clear();
  hosts_.clear();
  logs_.reset();
  local_logs_.reset();
  mailbox_.reset();
  asked_.clear();
  begun_.clear();
}

void World::crash(bool power) {
  see_durable();
  trace(power ? "power lost" : "killed");
  ++outcome_.crashes;
  if (power)
    disk_.crash();
  else
    disk_.kill_process();
  drop_process();
  for (auto& store : stores_) store->crash();
  if (!open()) return;
  if (!full_) check_all(false);
}

void World::restart_in_order() {
  if (full_) return;
  trace("restart");
  for (auto& host : hosts_) host->close();
  see_durable();
  disk_.kill_process();
  drop_process();
  for (auto& store : stores_) store->crash();
  if (open()) check_all(false);
}

void World::turn() {
  std::vector<partition::Command> commands;
  mailbox_->try_drain(commands);
  for (auto& command : commands) {
    const uint32_t partition = command.partition;
    hosts_[partition]->handle(std::move(command), now_us_);
  }
  for (auto& host : hosts_) host->finish_turn(now_us_);
}

bool World::step_logs() {
  const uint32_t first = static_cast<uint32_t>(random_.below(partitions_));
  for (uint32_t i = 0; i < partitions_; ++i) {
    const log::StepResult result = real_log((first + i) % partitions_).step();
    if (result == log::StepResult::kFailed) fail("the log failed");
    if (result != log::StepResult::kIdle && result != log::StepResult::kStalled) return true;
  }
  return false;
}

void World::disk_full(bool full) {
  trace(full ? "disk full" : "space again");
  full_ = full;
  disk_.set_capacity_bytes(full ? disk_.used_bytes() + random_.below(2) * 4096 : UINT64_MAX / 2);
  for (auto& store : stores_) store->set_disk_full(full);
}

void World::advance_time() {
  int64_t by_us = static_cast<int64_t>(random_.below(30'000));
  if (random_.one_in(6)) by_us = static_cast<int64_t>(random_.below(20'000'000));
  if (random_.one_in(40)) by_us = static_cast<int64_t>(random_.below(3'600'000'000));
  clock_.advance_us(by_us);
  now_us_ = clock_.now_us();
}

/// An operator switches something off, or on again.
void World::flip_switch() {
  const auto& kills = catalog_->kills();
  if (!kills.empty() && random_.one_in(2)) {
    const size_t index = random_.below(kills.size());
    trace("revive " + kills[index].name);
    return set_catalog(catalog_->without(index));
  }
  workflow::Kill kill;
  kill.who = "operator";
  kill.why = "a test";
  kill.at_us = now_us_;
  const auto& pipelines = scenery_->pipelines();
  switch (random_.below(4)) {
    case 0: kill.kind = ArtefactKind::kRules, kill.name = "risk-limits"; break;
    case 1: kill.kind = ArtefactKind::kModel, kill.name = "light"; break;
    case 2: kill.kind = ArtefactKind::kModel, kill.name = "heavy", kill.version = "2.0.0"; break;
    default:
      kill.kind = ArtefactKind::kPipeline, kill.name = pipelines[random_.below(pipelines.size())]->name;
  }
  if (catalog_->killed(kill.kind, kill.name, "2.0.0") != nullptr) return;
  trace("kill " + kill.name);
  ++outcome_.switches;
  set_catalog(catalog_->with(std::move(kill)));
}

void World::set_catalog(std::shared_ptr<const Switched> catalog) {
  catalog_ = std::move(catalog);
  table_watch().off = catalog_->killed(ArtefactKind::kRules, "risk-limits", "1.0.0") != nullptr;
}

int64_t World::next_turn_us() {
  int64_t next = 0;
  for (auto& host : hosts_) {
    const int64_t us = host->next_turn_us();
    if (us != 0 && (next == 0 || us < next)) next = us;
  }
  return next;
}

void World::trace(const std::string& text) {
  outcome_.trace = hash64(text, outcome_.trace ^ static_cast<uint64_t>(now_us_));
  if (options_.verbose)
    std::printf("%lld %s\n", static_cast<long long>(now_us_ % 100'000'000'000), text.c_str());
}

void World::fail(const std::string& what) {
  if (failed()) return;
  outcome_.failure = what;
  if (options_.verbose) std::printf("FAILED %s\n", what.c_str());
}

}  // namespace switchyard::sim
