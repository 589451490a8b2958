#include "batch.h"

#include <algorithm>
#include <span>
#include <utility>

#include "switchyard/base/check.h"

namespace switchyard::models {
namespace {

/// What is the same for all requests of one call.
struct Batch {
  const Version& version;
  BatchMemory& memory;
  const runtime::Clock& clock;
  int64_t taken_us;
  BatchOutcome outcome;

  void fail(Pending& pending, Error error) {
    ++outcome.failed;
    std::exchange(pending.done, nullptr)(std::move(error));
  }
};

ModelAnswer make_answer(const Version& version, Document output, BatchPlace place, uint32_t batch_size,
                        uint32_t rows) {
  ModelAnswer answer;
  answer.output = std::move(output);
  answer.model = version.info;
  answer.place = place;
  answer.batch_size = batch_size;
  answer.calls = rows;
  return answer;
}

/// Encodes the requests into the first rows; those that cannot be are failed. memory.places has the others.
void encode_all(Batch& batch, std::span<const uint32_t> indexes) {
  auto& memory = batch.memory;
  memory.places.clear();
  memory.rows = 0;
  uint32_t most = 0;
  for (const uint32_t index : indexes) most += memory.taken[index].rows;
  batch.version.encoder->prepare(memory.inputs, batch.version.bucket_for(most));
  for (const uint32_t index : indexes) {
    Pending& pending = memory.taken[index];
    auto status =
        pending.tensors != nullptr
            ? batch.version.encode(*pending.tensors, pending.first, pending.rows, memory.inputs, memory.rows)
            : batch.version.encode(*pending.input, memory.inputs, memory.rows, memory.scratch);
    memory.scratch.reset();
    if (status.ok()) {
      memory.places.push_back({index, memory.rows});
      memory.rows += pending.rows;
    } else {
      batch.fail(pending, std::move(status).error());
    }
  }
}

Result<Document> decode(const Version& version, const TensorRows* tensors,
                        const std::vector<TensorData>& outputs, uint32_t row, uint32_t rows) {
  if (tensors != nullptr) return tensor_output(*tensors, version.info->outputs, outputs, row, rows);
  return version.plan->decode(outputs, row);
}

void decode_all(Batch& batch, uint32_t bucket, int64_t run_us) {
  auto& memory = batch.memory;
  for (const auto& place : memory.places) {
    Pending& pending = memory.taken[place.index];
    auto output = decode(batch.version, pending.tensors.get(), memory.outputs, place.row, pending.rows);
    if (!output.ok()) {
      batch.fail(pending, std::move(output).error());
      continue;
    }
    auto answer = make_answer(batch.version, std::move(output).value(), BatchPlace{bucket, place.row},
                              memory.rows, pending.rows);
    answer.queue_us = batch.taken_us - pending.accepted_us;
    answer.run_us = run_us;
    ++batch.outcome.answered;
    std::exchange(pending.done, nullptr)(std::move(answer));
  }
}

/// Runs the requests of these indexes together; false when the run itself failed (nobody is answered then,
/// except those with bad input).
Status run_together(Batch& batch, std::span<const uint32_t> indexes) {
  auto& memory = batch.memory;
  const int64_t begin_us = batch.clock.monotonic_us();
  encode_all(batch, indexes);
  if (memory.places.empty()) return {};
  const uint32_t rows = memory.rows;
  const uint32_t bucket = batch.version.bucket_for(rows);
  // Fewer rows than asked for may need a smaller bucket; shrinking keeps the rows in front.
  batch.version.encoder->prepare(memory.inputs, bucket);
  // Padding repeats a real row: every row is valid input, whatever the model does with it.
  for (uint32_t row = rows; row < bucket; ++row) batch.version.encoder->copy_row(memory.inputs, 0, row);
  auto status = run_rows(batch.version, memory.session, memory.inputs, memory.outputs);
  const int64_t run_us = batch.clock.monotonic_us() - begin_us;
  ++batch.outcome.batches;
  batch.outcome.rows += rows;
  batch.outcome.padded_rows += bucket - rows;
  batch.outcome.run_us += run_us;
  if (batch.outcome.first_batch_size == 0) batch.outcome.first_batch_size = rows;
  if (!status.ok()) return std::move(status).error();
  decode_all(batch, bucket, run_us);
  return {};
}

}  // namespace

BatchOutcome answer_batch(const Version& version, BatchMemory& memory, const runtime::Clock& clock) {
  SY_CHECK(!memory.taken.empty());
  Batch batch{version, memory, clock, clock.monotonic_us(), {}};
  std::vector<uint32_t> indexes(memory.taken.size());
  for (uint32_t i = 0; i < indexes.size(); ++i) indexes[i] = i;
  auto together = run_together(batch, indexes);
  if (together.ok()) return batch.outcome;
  std::vector<uint32_t> left;
  for (const auto& place : memory.places) left.push_back(place.index);
  for (const uint32_t index : left) {
    if (left.size() == 1) {
      batch.fail(memory.taken[index], together.error());
      break;
    }
    auto alone = run_together(batch, std::span(&index, 1));
    if (!alone.ok()) batch.fail(memory.taken[index], std::move(alone).error());
  }
  return batch.outcome;
}

namespace {

/// One run for the rows [first, first + rows) of the tensors, or for the document when there are none.
Result<ModelAnswer> run_alone(const Version& version, const Document& input, const TensorRows* tensors,
                              uint32_t first, uint32_t rows, BatchPlace place, const runtime::Clock& clock) {
  const int64_t begin_us = clock.monotonic_us();
  std::vector<TensorData> inputs;
  std::vector<TensorData> outputs;
  version.encoder->prepare(inputs, place.bucket);
  Arena scratch;
  SY_RETURN_IF_ERROR(tensors != nullptr ? version.encode(*tensors, first, rows, inputs, place.position)
                                        : version.encode(*input, inputs, place.position, scratch));
  for (uint32_t row = 0; row < place.bucket; ++row)
    if (row < place.position || row >= place.position + rows)
      version.encoder->copy_row(inputs, place.position, row);
  // Sessions may be asked by several threads at once, and a replay is nobody's bottleneck.
  SY_RETURN_IF_ERROR(run_rows(version, 0, inputs, outputs));
  const int64_t run_us = clock.monotonic_us() - begin_us;
  SY_ASSIGN_OR_RETURN(auto output, decode(version, tensors, outputs, place.position, rows));
  auto answer = make_answer(version, std::move(output), place, rows, rows);
  answer.run_us = run_us;
  return answer;
}

Result<ModelAnswer> tensors_at(const Version& version, const Document& input, BatchPlace place,
                               const runtime::Clock& clock) {
  SY_ASSIGN_OR_RETURN(const auto tensors, TensorRows::read(input));
  const uint32_t most = version.info->manifest.max_batch;
  if (tensors->rows <= most && place.position + tensors->rows <= place.bucket)
    return run_alone(version, {}, tensors.get(), 0, tensors->rows, place, clock);
  std::vector<ModelAnswer> parts;
  for (uint32_t first = 0; first < tensors->rows; first += most) {
    const uint32_t rows = std::min(most, tensors->rows - first);
    SY_ASSIGN_OR_RETURN(auto part, run_alone(version, {}, tensors.get(), first, rows,
                                             BatchPlace{version.bucket_for(rows), 0}, clock));
    parts.push_back(std::move(part));
  }
  return join_answers(std::move(parts));
}

}  // namespace

Result<ModelAnswer> answer_at(const Version& version, const Document& input, BatchPlace place,
                              const runtime::Clock& clock) {
  const auto& buckets = version.info->manifest.buckets;
  bool known = false;
  for (const uint32_t bucket : buckets) known = known || bucket == place.bucket;
  if (!known || place.position >= place.bucket) {
    return make_error(ErrorKind::kInvalidArgument, "models.bad_place",
                      "position " + std::to_string(place.position) + " of a batch of " +
                          std::to_string(place.bucket) + " is none of " +
                          version.info->manifest.model.to_string() +
                          "; use the place that the answer recorded");
  }
  if (has_tensors(*input)) return tensors_at(version, input, place, clock);
  return run_alone(version, input, nullptr, 0, 1, place, clock);
}

}  // namespace switchyard::models
