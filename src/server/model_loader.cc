#include "model_loader.h"

namespace switchyard::server {

Result<Document> ServiceModelLoader::load(const models::ModelManifest& manifest, std::string_view bytes) {
  // Beside the others: runs are pinned to versions, and requests always name one.
  SY_RETURN_IF_ERROR(models_.load_bytes(manifest, bytes, models::Swap::kAside));
  const auto info = models_.find(manifest.model.name, manifest.model.version);
  if (info == nullptr) {
    return make_error(ErrorKind::kUnavailable, "models.unknown",
                      "model " + manifest.model.to_string() + " was unloaded while it was being deployed");
  }
  return info->output_schema;
}

}  // namespace switchyard::server
