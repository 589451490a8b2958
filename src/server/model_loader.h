#pragma once

#include "switchyard/governance/governance.h"
#include "switchyard/models/remote.h"

namespace switchyard::server {

/// Lets governance try and load model versions on the model service.
class ServiceModelLoader final : public governance::ModelLoader {
 public:
  explicit ServiceModelLoader(models::ModelService& models) : models_(models) {}
  Result<Document> load(const models::ModelManifest& manifest, std::string_view bytes) override;
  Status check_backend(const models::BackendSpec& backend) override { return models::check_secret(backend); }
  void unload(const models::ModelName& model) override { (void)models_.unload(model.name, model.version); }

 private:
  models::ModelService& models_;
};

}  // namespace switchyard::server
