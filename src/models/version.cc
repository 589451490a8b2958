#include "version.h"

#include <algorithm>

#include "switchyard/base/check.h"
#include "switchyard/base/hash.h"
#include "warm_up.h"

namespace switchyard::models {
Status Version::encode(const Value& input, std::vector<TensorData>& batch, uint32_t row,
                       Arena& scratch) const {
  const auto& schema = info->manifest.input_schema;
  if (schema == nullptr) return encoder->encode(input, batch, row);
  auto normal = schema->normalize(input, scratch);
  if (normal.ok()) return encoder->encode(*normal, batch, row);
  return make_error(ErrorKind::kInvalidArgument, "models.bad_input",
                    "the input of " + info->manifest.model.to_string() +
                        " does not fit its schema: " + normal.error().message,
                    normal.error().field);
}

Status Version::encode(const TensorRows& request, uint32_t first, uint32_t rows,
                       std::vector<TensorData>& batch, uint32_t row) const {
  SY_RETURN_IF_ERROR(check_wanted(request, info->outputs));
  return encoder->encode_tensors(request.tensors, first, rows, batch, row);
}

uint32_t Version::bucket_for(uint32_t rows) const {
  const auto& buckets = info->manifest.buckets;
  const auto at = std::lower_bound(buckets.begin(), buckets.end(), rows);
  SY_CHECK(rows > 0 && at != buckets.end());
  return *at;
}

Status run_rows(const Version& version, uint32_t session, const std::vector<TensorData>& inputs,
                std::vector<TensorData>& outputs) {
  SY_RETURN_IF_ERROR(version.model->run(session, inputs, outputs));
  const int64_t rows = inputs.front().shape.front();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto& shape = outputs[i].shape;
    if (!shape.empty() && shape.front() == rows) continue;
    TensorInfo got{version.model->outputs()[i].name, outputs[i].type, shape};
    return make_error(ErrorKind::kInternal, "models.run_failed",
                      "output '" + got.name + "' came as " + got.to_string() + " for a batch of " +
                          std::to_string(rows) +
                          "; its first dimension must be the batch: export the model so",
                      got.name);
  }
  return {};
}

Result<std::shared_ptr<Version>> load_version(const ModelManifest& manifest, std::string_view model_bytes,
                                              Backend& backend, uint32_t instances,
                                              const runtime::Clock& clock) {
  const std::string name = manifest.model.to_string();
  if (model_bytes.size() > kMaxModelBytes) {
    return make_error(ErrorKind::kTooLarge, "models.too_large",
                      name + " has " + std::to_string(model_bytes.size()) + " bytes; at most " +
                          std::to_string(kMaxModelBytes) + " (kMaxModelBytes) are allowed",
                      "file");
  }
  const int64_t begin_us = clock.monotonic_us();
  auto info = std::make_shared<ModelInfo>();
  info->manifest = manifest;
  info->sha256 = to_hex(sha256(model_bytes));
  info->model_bytes = model_bytes.size();
  if (!manifest.sha256.empty() && manifest.sha256 != info->sha256) {
    return make_error(ErrorKind::kUnprocessable, "models.sha256_mismatch",
                      "the file of " + name + " has SHA-256 " + info->sha256 + ", but its manifest says " +
                          manifest.sha256 + ": bring the right file, or a new version with the new hash",
                      "sha256");
  }
  auto version = std::make_shared<Version>();
  info->manifest.run.instances = instances;
  version->info = info;
  SY_ASSIGN_OR_RETURN(version->model, backend.load(name, model_bytes, info->manifest.run));
  for (uint32_t i = instances; i-- > 0;) version->idle.push_back(i);
  info->runtime = backend.runtime_version();
  info->inputs = version->model->inputs();
  info->outputs = version->model->outputs();
  SY_RETURN_IF_ERROR(check_tensors(manifest, info->inputs, info->outputs));
  version->encoder = std::make_unique<RowEncoder>(manifest, info->inputs);
  const int64_t warm_us = clock.monotonic_us();
  WarmUp warm_up(*version, *info);
  SY_RETURN_IF_ERROR(warm_up.probe());
  SY_ASSIGN_OR_RETURN(auto plan, OutputPlan::compile(manifest, info->outputs));
  version->plan = std::make_unique<OutputPlan>(std::move(plan));
  SY_RETURN_IF_ERROR(warm_up.run_all());
  info->manifest.warm_up.inputs = {};  // they have served
  info->warm_up_us = clock.monotonic_us() - warm_us;
  info->output_type = version->plan->type();
  info->output_schema = manifest.output_schema == nullptr ? schema_of(info->output_type)
                                                          : make_document(manifest.output_schema->document());
  info->load_us = clock.monotonic_us() - begin_us;
  return version;
}

}  // namespace switchyard::models
