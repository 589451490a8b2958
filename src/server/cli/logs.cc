// log check, log repair
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/cli.h"
#include "cli/print.h"
#include "switchyard/log/check.h"
#include "switchyard/log/local_log.h"
#include "switchyard/partition/limits.h"
#include "switchyard/runtime/disk.h"
#include "switchyard/store/state_store.h"

namespace switchyard::server::cli {
namespace {

struct Settings {
  std::string data = "switchyard-data";
  uint32_t partition = 0;
  bool all = true;
  uint64_t truncate_at = 0;
};

std::string name_of(PartitionId partition) {
  return partition.value == partition::kMaxPartitions ? std::string("governance")
                                                      : "partition " + std::to_string(partition.value);
}

std::string state_directory(const std::string& data, PartitionId partition) {
  return data + "/state/partition-" + std::to_string(partition.value);
}

void print_damage(const Settings& settings, PartitionId partition, const log::LogDamage& damage) {
  const std::string offset = std::to_string(damage.offset.value);
  std::printf(
      "  %s at offset %s, byte %llu of %s: %s\n",
      paint(damage.torn_tail ? "torn tail" : "DAMAGED", damage.torn_tail ? Colour::kYellow : Colour::kRed)
          .c_str(),
      offset.c_str(), static_cast<unsigned long long>(damage.file_position), damage.file.c_str(),
      damage.reason.c_str());
  if (damage.torn_tail) {
    std::printf(
        "  Nobody was told about what is missing; the next start removes it. (While a server writes, this is "
        "its newest batch.)\n");
    return;
  }
  std::printf(
      "  What comes after it cannot be trusted. Bring the file back from a backup; or, if there is none, cut "
      "the log there:\n"
      "    switchyard log repair --data %s --partition %u --truncate-at %s\n",
      settings.data.c_str(), partition.value, offset.c_str());
}

/// Prints one log. Whether it is sound.
Result<bool> check_one(const Settings& settings, PartitionId partition) {
  SY_ASSIGN_OR_RETURN(
      const log::LogReport report,
      log::check(runtime::posix_disk(), log::partition_directory(settings.data + "/log", partition)));
  const bool sound = !report.damage.has_value();
  std::printf("%s  %s  %llu records in %zu segments, offsets %llu to %llu, epoch %llu\n",
              paint(name_of(partition), Colour::kBold).c_str(),
              paint(sound              ? "ok"
                    : report.healthy() ? "ok but for its tail"
                                       : "damaged",
                    sound              ? Colour::kGreen
                    : report.healthy() ? Colour::kYellow
                                       : Colour::kRed)
                  .c_str(),
              static_cast<unsigned long long>(report.records), report.segments.size(),
              static_cast<unsigned long long>(report.first.value),
              static_cast<unsigned long long>(report.end.value),
              static_cast<unsigned long long>(report.epoch.value));
  Table table({"  segment", "from", "to", "batches", "records", "epochs", "capacity"});
  for (const auto& segment : report.segments) {
    table.add({"  " + segment.file.substr(segment.file.rfind('/') + 1), std::to_string(segment.base.value),
               std::to_string(segment.end.value), std::to_string(segment.batches),
               std::to_string(segment.records),
               std::to_string(segment.first_epoch.value) + ".." + std::to_string(segment.last_epoch.value),
               std::to_string(segment.capacity_bytes)});
  }
  table.print();
  if (report.damage.has_value()) print_damage(settings, partition, *report.damage);
  return report.healthy();
}

/// The logs that are there, by their folders.
Result<std::vector<PartitionId>> partitions_in(const std::string& data) {
  SY_ASSIGN_OR_RETURN(const bool known, runtime::posix_disk().exists(data + "/log"));
  if (!known)
    return make_error(ErrorKind::kNotFound, "log.no_log",
                      "there are no logs in '" + data + "/log'; name the data folder of a server with --data",
                      "--data");
  std::vector<PartitionId> found;
  for (uint32_t id = 0; id <= partition::kMaxPartitions; ++id) {
    SY_ASSIGN_OR_RETURN(const bool there, runtime::posix_disk().exists(
                                              log::partition_directory(data + "/log", PartitionId{id})));
    if (there) found.push_back(PartitionId{id});
  }
  return found;
}

int check(const Settings& settings) {
  std::vector<PartitionId> partitions{PartitionId{settings.partition}};
  if (settings.all) {
    auto found = partitions_in(settings.data);
    if (!found.ok()) return report(found.error());
    partitions = std::move(*found);
  }
  bool sound = true;
  for (const PartitionId partition : partitions) {
    const auto healthy = check_one(settings, partition);
    if (!healthy.ok()) return report(healthy.error());
    sound = sound && *healthy;
  }
  return sound ? kDone : kNegative;
}

/// The state is folded from the log: one that reflects what was cut away must go, and is folded anew.
void advise_on_state(const Settings& settings, PartitionId partition, LogOffset end) {
  const std::string directory = state_directory(settings.data, partition);
  const auto known = runtime::posix_disk().exists(directory);
  if (partition.value == partition::kMaxPartitions || (known.ok() && !*known)) return;
  const std::string why_not =
      "\n  Is the beginning of the log trimmed away, removing it loses what was only in the state: restore "
      "both from a backup then.\n";
  auto store = store::open_state_store(store::make_store_host(), {.path = directory, .partition = partition});
  if (!store.ok()) {
    std::printf(
        "The state in %s cannot be opened (%s). If it reflects more than the log now holds, the server "
        "refuses to start with it; remove the folder.%s",
        directory.c_str(), store.error().message.c_str(), why_not.c_str());
    return;
  }
  const auto applied = (*store)->applied();
  if (!applied.has_value() || applied->offset <= end) {
    std::printf("The state in %s reflects no more than the log; nothing else is to be done.\n",
                directory.c_str());
    return;
  }
  std::printf(
      "The state reflects the log up to offset %llu, which is cut away. Remove it before the next start; it "
      "is folded anew from the log:\n  rm -r %s%s",
      static_cast<unsigned long long>(applied->offset.value), directory.c_str(), why_not.c_str());
}

int repair(const Settings& settings) {
  const PartitionId partition{settings.partition};
  const auto done =
      log::repair(runtime::posix_disk(), log::partition_directory(settings.data + "/log", partition),
                  LogOffset{settings.truncate_at});
  if (!done.ok()) return report(done.error());
  std::printf("The log of %s now ends at offset %llu; everything after it was cut away.\n",
              name_of(partition).c_str(), static_cast<unsigned long long>(done->end.value));
  if (done->records_kept_in_batch != 0)
    std::printf("The batch that was cut in two keeps its first %llu records.\n",
                static_cast<unsigned long long>(done->records_kept_in_batch));
  std::printf("Every file that was changed or removed is kept in %s\n", done->backup_directory.c_str());
  advise_on_state(settings, partition, done->end);
  return kDone;
}

}  // namespace

void add_logs(CLI::App& app, int* code) {
  CLI::App* group = app.add_subcommand("log", "Check and mend the logs of a data folder");
  group->require_subcommand(1);
  auto checking = std::make_shared<Settings>();
  CLI::App* check_command =
      group->add_subcommand("check", "Read the logs and verify everything; changes nothing");
  check_command->add_option("--data", checking->data, "The data folder")
      ->envname("SWITCHYARD_DATA")
      ->capture_default_str();
  CLI::Option* one =
      check_command->add_option("--partition", checking->partition, "Only this one (4096: governance)")
          ->check(CLI::Range(0u, partition::kMaxPartitions));
  check_command->callback([checking, one, code] {
    checking->all = one->count() == 0;
    *code = check(*checking);
  });
  auto mending = std::make_shared<Settings>();
  CLI::App* repair_command =
      group->add_subcommand("repair", "Cut a damaged log off at an offset; the server must be stopped");
  repair_command->add_option("--data", mending->data, "The data folder")
      ->envname("SWITCHYARD_DATA")
      ->capture_default_str();
  repair_command->add_option("--partition", mending->partition, "Which (4096: governance)")
      ->required()
      ->check(CLI::Range(0u, partition::kMaxPartitions));
  repair_command->add_option("--truncate-at", mending->truncate_at, "The offset that 'log check' names")
      ->required();
  repair_command->callback([mending, code] { *code = repair(*mending); });
}

}  // namespace switchyard::server::cli
