#include "remote_models.h"

namespace switchyard::server {
namespace {

/// A model that cannot be called as things stand; says why each time.
class Unusable final : public models::RemoteModel {
 public:
  explicit Unusable(Error why) : why_(std::move(why)) {}
  std::function<void()> call(models::CallRequest, models::Caller::Done done) override {
    done(models::never_asked(why_));
    return [] {};
  }
  expression::Type output_type() const override { return expression::Type::dyn(); }
  Status usable() const override { return why_; }

 private:
  const Error why_;
};

}  // namespace

void RemoteModels::follow(const governance::Snapshot& snapshot) {
  std::map<std::pair<std::string, std::string>, governance::RemoteModel> now;
  for (auto& remote : snapshot.remote_models()) {
    const models::ModelName& name = remote.manifest->model;
    now[{name.name, name.version}] = std::move(remote);
  }
  for (const auto& [key, remote] : known_)
    if (!now.contains(key)) models_.remove({key.first, key.second});
  for (const auto& [key, remote] : now) {
    const auto before = known_.find(key);
    if (before != known_.end() && before->second.manifest == remote.manifest &&
        before->second.backend == remote.backend)
      continue;
    add(remote);
  }
  known_ = std::move(now);
}

void RemoteModels::add(const governance::RemoteModel& remote) {
  auto info = std::make_shared<models::ModelInfo>();
  info->manifest = *remote.manifest;
  info->runtime = remote.backend->protocol + " " + remote.backend->name.to_string();
  auto made = remote.backend->protocol == "worker"
                  ? models::make_worker_model(*remote.manifest, *remote.backend, tasks_, *surroundings_.clock)
                  : models::make_http_model(*remote.manifest, *remote.backend, surroundings_);
  std::shared_ptr<models::RemoteModel> model;
  if (made.ok()) {
    model = std::move(made).value();
  } else {
    logger_.warn("a model cannot be called",
                 {{"model", remote.manifest->model.to_string()}, {"error", made.error()}});
    model = std::make_shared<Unusable>(made.error());
  }
  info->output_type = model->output_type();
  models_.add(std::move(info), std::move(model));
}

}  // namespace switchyard::server
