#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "switchyard/governance/governance.h"
#include "switchyard/models/remote.h"
#include "switchyard/models/worker_model.h"
#include "switchyard/telemetry/log.h"

namespace switchyard::server {

/// Keeps the models on other machines as the governance log has them: a new version of a backend serves the
/// models that name it from the next call on. follow() is called by one thread at a time.
class RemoteModels {
 public:
  RemoteModels(models::Models& models, models::RemoteSurroundings surroundings, models::ModelTasks& tasks,
               telemetry::Logger logger)
      : models_(models), surroundings_(std::move(surroundings)), tasks_(tasks), logger_(std::move(logger)) {}

  void follow(const governance::Snapshot& snapshot);

 private:
  void add(const governance::RemoteModel& remote);

  models::Models& models_;
  const models::RemoteSurroundings surroundings_;
  models::ModelTasks& tasks_;
  telemetry::Logger logger_;
  /// By name and version: what of it is in force, for telling what changed.
  std::map<std::pair<std::string, std::string>, governance::RemoteModel> known_;
};

}  // namespace switchyard::server
