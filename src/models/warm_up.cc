#include "warm_up.h"

#include <string>
#include <utility>

namespace switchyard::models {

Status WarmUp::read() {
  const auto& recorded = info_.manifest.warm_up.inputs;
  for (uint32_t i = 0; i < recorded.size(); ++i) {
    Row row{i, nullptr, 0};
    uint32_t rows = 1;
    if (has_tensors(*recorded[i])) {
      auto tensors = TensorRows::read(recorded[i]);
      if (!tensors.ok()) return refused(std::move(tensors).error(), i);
      row.tensors = std::move(tensors).value();
      rows = row.tensors->rows;
    }
    if (rows_.size() + rows > kMaxWarmUpRows) {
      return make_error(ErrorKind::kUnprocessable, "models.bad_warm_up",
                        "the recorded inputs have more than " + std::to_string(kMaxWarmUpRows) +
                            " rows (kMaxWarmUpRows): leave some out",
                        "warmup.inputs");
    }
    for (; row.row < rows; ++row.row) rows_.push_back(row);
  }
  return {};
}

Error WarmUp::refused(Error error, uint32_t input) const {
  const std::string number = std::to_string(input);
  return make_error(ErrorKind::kUnprocessable, "models.bad_warm_up",
                    "warming " + info_.manifest.model.to_string() + " with its recorded input " + number +
                        " failed: " + error.message + "; correct the input, or leave it out",
                    "warmup.inputs[" + number + "]");
}

Error WarmUp::failed(Error error, uint32_t bucket) const {
  error.kind = ErrorKind::kUnprocessable;
  error.message = "warming " + info_.manifest.model.to_string() + " with a batch of " +
                  std::to_string(bucket) + " failed: " + error.message;
  return error;
}

Status WarmUp::fill(uint32_t at, const Row& row) {
  const Document& input = info_.manifest.warm_up.inputs[row.input];
  auto status = row.tensors != nullptr ? version_.encode(*row.tensors, row.row, 1, inputs_, at)
                                       : version_.encode(*input, inputs_, at, scratch_);
  scratch_.reset();
  if (!status.ok()) return refused(std::move(status).error(), row.input);
  return {};
}

Status WarmUp::run(uint32_t session) {
  ++info_.warm_ups;
  return run_rows(version_, session, inputs_, outputs_);
}

Status WarmUp::run_alone(const Row& row) {
  const uint32_t bucket = info_.manifest.buckets.front();
  version_.encoder->prepare(inputs_, bucket);
  SY_RETURN_IF_ERROR(fill(0, row));
  for (uint32_t at = 1; at < bucket; ++at) version_.encoder->copy_row(inputs_, 0, at);
  auto status = run(0);
  if (!status.ok()) return refused(std::move(status).error(), row.input);
  return {};
}

Status WarmUp::run_bucket(uint32_t session, uint32_t bucket) {
  version_.encoder->prepare(inputs_, bucket);
  for (uint32_t at = 0; at < bucket; ++at) {
    if (rows_.empty()) {
      version_.encoder->encode_blank(inputs_, at);
    } else {
      SY_RETURN_IF_ERROR(fill(at, rows_[next_++ % rows_.size()]));
    }
  }
  auto status = run(session);
  if (!status.ok()) return failed(std::move(status).error(), bucket);
  return {};
}

Status WarmUp::probe() {
  SY_RETURN_IF_ERROR(read());
  SY_RETURN_IF_ERROR(rows_.empty() ? run_bucket(0, info_.manifest.buckets.front())
                                   : run_alone(rows_.front()));
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const auto& shape = outputs_[i].shape;
    if (shape.size() != info_.outputs[i].shape.size()) info_.outputs[i].shape.assign(shape.size(), -1);
  }
  return {};
}

Status WarmUp::answer_recorded() {
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    if (i > 0) SY_RETURN_IF_ERROR(run_alone(row));  // the first was the probe
    if (row.tensors != nullptr) continue;           // such a request takes the outputs as they are
    auto answer = version_.plan->decode(outputs_, 0);
    if (!answer.ok()) return refused(std::move(answer).error(), row.input);
  }
  return {};
}

Status WarmUp::run_all() {
  SY_RETURN_IF_ERROR(answer_recorded());
  const ModelManifest& manifest = info_.manifest;
  for (uint32_t session = 0; session < version_.model->sessions(); ++session) {
    for (const uint32_t bucket : manifest.buckets) {
      const bool probed = rows_.empty() && session == 0 && bucket == manifest.buckets.front();
      for (uint32_t done = probed ? 1 : 0; done < manifest.warm_up.runs; ++done)
        SY_RETURN_IF_ERROR(run_bucket(session, bucket));
    }
  }
  return {};
}

}  // namespace switchyard::models
