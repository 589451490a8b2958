#include "manifest_run.h"

#include <utility>

#include "switchyard/models/limits.h"
#include "switchyard/models/tensors.h"
#include "switchyard/types/json.h"

namespace switchyard::models {
namespace {

Error bad_inputs(std::string message, const std::string& place = {}) {
  return make_error(ErrorKind::kUnprocessable, "models.bad_warm_up", std::move(message),
                    "warmup.inputs" + place);
}

Status take_warm_up_inputs(const Value& list, ModelManifest& manifest) {
  if (!list.is(Kind::kList) || list.size() == 0 || list.size() > kMaxWarmUpRows)
    return bad_inputs("recorded inputs are a list of 1 to " + std::to_string(kMaxWarmUpRows) +
                      " (kMaxWarmUpRows)");
  for (size_t i = 0; i < list.size(); ++i) {
    const Value& input = list.items()[i];
    Arena scratch;
    // Tensors are checked against the model itself, when it is loaded.
    if (manifest.input_schema != nullptr && !has_tensors(input)) {
      const auto normal = manifest.input_schema->normalize(input, scratch);
      if (!normal.ok())
        return bad_inputs("recorded input " + std::to_string(i) +
                              " does not fit input.schema: " + normal.error().message +
                              (normal.error().field.empty() ? "" : " (" + normal.error().field + ")"),
                          "[" + std::to_string(i) + "]");
    }
    manifest.warm_up.inputs.push_back(make_document(input));
  }
  return {};
}

}  // namespace

bool leaves_folder(std::string_view file) {
  return file.starts_with('/') || file == ".." || file.starts_with("../") || file.ends_with("/..") ||
         file.find("/../") != std::string_view::npos || file.find('\0') != std::string_view::npos;
}

void read_run_settings(DocumentReader& reader, const Value& root, RunSettings& run) {
  run.instances = reader.count(root, "", "instances", 0, 1, kMaxInstances);
  const char* mend = "write threads: { intra_op: 2, inter_op: 1 }";
  if (const Value* threads = reader.member(root, "", "threads", Kind::kMap, false, mend)) {
    reader.check_members(*threads, "threads", {"intra_op", "inter_op"});
    run.intra_op_threads = reader.count(*threads, "threads", "intra_op", 1, 1, kMaxInstanceThreads);
    run.inter_op_threads = reader.count(*threads, "threads", "inter_op", 1, 1, kMaxInstanceThreads);
  }
}

void read_warm_up(DocumentReader& reader, const Value& root, ModelManifest& manifest) {
  constexpr uint32_t kMostRuns = 1000;
  WarmUpSpec& spec = manifest.warm_up;
  const Value* warm_up = root.find("warmup");
  if (warm_up == nullptr || !warm_up->is(Kind::kMap)) {
    spec.runs = reader.count(root, "", "warmup", 1, 0, kMostRuns);
    return;
  }
  reader.check_members(*warm_up, "warmup", {"runs", "inputs"});
  const Value* inputs = warm_up->find("inputs");
  spec.runs = reader.count(*warm_up, "warmup", "runs", 1, inputs == nullptr ? 0 : 1, kMostRuns);
  if (inputs == nullptr) return;
  const char* mend = "write a list of inputs, or the name of a JSON file beside this document that holds one";
  if (inputs->is(Kind::kString)) {
    spec.file = inputs->as_string();
    if (spec.file.empty() || leaves_folder(spec.file))
      reader.mistake("warmup.inputs", "file_outside",
                     "'" + spec.file + "' is no file in this document's folder", mend);
  } else if (auto taken = take_warm_up_inputs(*inputs, manifest); !taken.ok()) {
    reader.mistake(taken.error().field, "bad_warm_up", taken.error().message, mend);
  }
}

Status read_warm_up_file(std::string_view text, ModelManifest& manifest) {
  auto list = parse_json_document(text);
  if (!list.ok()) return bad_inputs(manifest.warm_up.file + " is no JSON: " + list.error().message);
  return take_warm_up_inputs(list->root(), manifest);
}

}  // namespace switchyard::models
