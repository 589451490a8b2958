#include "keeper.h"

#include <chrono>
#include <optional>

namespace switchyard::partition {
namespace {

// How often a wait looks whether the engine stops.
constexpr auto kLook = std::chrono::milliseconds(100);

Error stopping() {
  return make_error(ErrorKind::kUnavailable, "engine.stopped", "the server is stopping; try again shortly");
}

/// Where a call leaves its outcome; shared, because a waiter may give up before the call is made.
struct Outcome {
  std::mutex mutex;
  std::condition_variable told;
  std::optional<Status> status;
  bool given_up = false;

  void tell(Status outcome) {
    std::lock_guard lock(mutex);
    if (!status.has_value()) status = std::move(outcome);
    told.notify_one();
  }
};

}  // namespace

Keeper::Keeper(const EngineOptions& options, std::vector<PartitionHost*> hosts, Post post)
    : options_(options), hosts_(std::move(hosts)), post_(std::move(post)) {}

Keeper::~Keeper() { stop(); }

void Keeper::start() {
  if (options_.upkeep.interval_us != 0) thread_ = std::thread([this] { run(); });
}

void Keeper::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  std::lock_guard pass(pass_mutex_);  // one that somebody asked for ends as well
}

void Keeper::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, std::chrono::microseconds(options_.upkeep.interval_us),
                   [this] { return stopping_.load(); });
    if (stopping_) break;
    lock.unlock();
    (void)apply("retention", false);  // what went wrong is in the figures
    lock.lock();
  }
}

Status Keeper::on_partition(PartitionHost&, uint32_t partition,
                            std::function<Status(StateMachine&, int64_t)> work) {
  auto outcome = std::make_shared<Outcome>();
  Call call;
  call.run = [outcome, work = std::move(work)](PartitionHost& host, int64_t now_us) {
    Status status;
    {
      // The waiter's variables are only touched while it waits.
      std::lock_guard lock(outcome->mutex);
      if (outcome->given_up) return;
      status = work(host.machine(), now_us);
    }
    if (!status.ok()) return outcome->tell(std::move(status));
    host.reply_when_durable([outcome](const Status& durable) {
      outcome->tell(durable.ok() ? Status() : Status(durable.error()));
    });
  };
  call.refuse = [outcome](const Error& error) { outcome->tell(error); };
  if (!post_(partition, std::move(call))) return stopping();
  std::unique_lock lock(outcome->mutex);
  while (!outcome->status.has_value() && !stopping_) outcome->told.wait_for(lock, kLook);
  if (outcome->status.has_value()) return std::move(*outcome->status);
  outcome->given_up = true;
  return stopping();
}

Result<UpkeepReport> Keeper::apply(const std::string& who, bool dry_run) {
  std::unique_lock pass(pass_mutex_, std::try_to_lock);
  if (!pass.owns_lock()) {
    return make_error(ErrorKind::kConflict, "retention.busy",
                      "retention is at work already; see its figures and try again later");
  }
  const auto policy = options_.retention ? options_.retention() : nullptr;
  UpkeepReport total;
  total.dry_run = dry_run;
  std::optional<Error> failure;
  for (uint32_t p = 0; p < hosts_.size(); ++p) {
    if (stopping_) return stopping();
    PartitionHost& host = *hosts_[p];
    PassRequest request;
    request.policy = policy.get();
    request.who = who;
    request.dry_run = dry_run;
    request.everything = !looked_at_all_;
    request.now_us = options_.clock->now_us();
    UpkeepReport report;
    const Status status = look_after(
        host,
        [&](std::function<Status(StateMachine&, int64_t)> work) {
          return on_partition(host, p, std::move(work));
        },
        request, report);
    if (!dry_run) host.upkeep_done(report, status, request.now_us);
    total.add(report);
    if (!status.ok() && !failure.has_value()) failure = status.error();
  }
  if (failure.has_value()) return *failure;
  if (!dry_run) looked_at_all_ = true;
  return total;
}

}  // namespace switchyard::partition
