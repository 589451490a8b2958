#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "host_stage.h"
#include "switchyard/rehearsal/rehearsal.h"

namespace switchyard::scenarios {
namespace {

namespace fs = std::filesystem;
using rehearsal::Restarts;

/// Gives the outputs' schema that the manifest names; nothing is loaded, every answer is stubbed.
class ContractLoader final : public governance::ModelLoader {
 public:
  Result<Document> load(const models::ModelManifest& manifest, std::string_view) override {
    if (manifest.output_schema == nullptr)
      return make_error(ErrorKind::kUnprocessable, "test.no_schema", "the manifest says no output schema");
    return make_document(manifest.output_schema->document());
  }
  void unload(const models::ModelName&) override {}
};

std::vector<governance::SourceFile> read_folder(const fs::path& folder) {
  std::vector<governance::SourceFile> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string ending = entry.path().extension().string();
    if (ending != ".yaml" && ending != ".json" && ending != ".onnx") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    files.push_back({fs::relative(entry.path(), folder).generic_string(), text.str()});
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

void play_all(const rehearsal::StageMaker& stage) {
  ContractLoader loader;
  rehearsal::Request request;
  request.files = read_folder(SWITCHYARD_SOURCE_DIR "/tests/scenarios");
  request.models = &loader;
  request.stage = stage;
  // SWITCHYARD_SCENARIO=wait plays one file.
  const char* only = std::getenv("SWITCHYARD_SCENARIO");
  if (only != nullptr) request.only = {std::string(only) + ".test.yaml"};
  const rehearsal::Report report = rehearsal::rehearse(request);
  EXPECT_EQ(report.failed(), 0u) << to_text(report, false);
  EXPECT_FALSE(has_errors(report.diagnostics)) << to_text(report, false);
  EXPECT_GT(report.cases.size(), only != nullptr ? 0u : 70u);
}

TEST(Scenarios, HoldOnAStateMachineInMemory) { play_all({}); }

TEST(Scenarios, HoldWhenTheEngineDiesAfterEachRecordAndFoldsItsLog) {
  play_all(
      [](auto catalog, uint64_t seed) { return machine_stage(std::move(catalog), seed, Restarts::kFold); });
}

TEST(Scenarios, HoldWhenTheStateIsStoredAndReadAfterEachTurn) {
  play_all([](auto catalog, uint64_t seed) {
    return machine_stage(std::move(catalog), seed, Restarts::kSnapshot);
  });
}

TEST(Scenarios, HoldOnOnePartition) {
  play_all([](auto catalog, uint64_t seed) { return host_stage(std::move(catalog), seed, 1, Kills::kNone); });
}

TEST(Scenarios, HoldOnEightPartitions) {
  play_all([](auto catalog, uint64_t seed) { return host_stage(std::move(catalog), seed, 8, Kills::kNone); });
}

TEST(Scenarios, HoldOnEightPartitionsKilledAfterEachTurn) {
  play_all([](auto catalog, uint64_t seed) {
    return host_stage(std::move(catalog), seed, 8, Kills::kAfterEachTurn);
  });
}

}  // namespace
}  // namespace switchyard::scenarios
