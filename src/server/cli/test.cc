// test
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "cli/cli.h"
#include "cli/folder.h"
#include "model_loader.h"
#include "switchyard/models/backend.h"
#include "switchyard/models/model_service.h"
#include "switchyard/rehearsal/rehearsal.h"

namespace switchyard::server::cli {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMaxFileBytes = 48u << 20;

struct TestSettings {
  std::string path = ".", filter, format = "text", output, restarts = "none", onnxruntime;
  bool update = false, coverage = false;
};

/// Models are loaded as a deployment loads them, when the first is needed.
class Models final : public governance::ModelLoader {
 public:
  explicit Models(const std::string& onnxruntime) : service_(make_service(onnxruntime)) {}
  ~Models() override { service_->stop(); }

  Result<Document> load(const models::ModelManifest& manifest, std::string_view bytes) override {
    if (!started_) SY_RETURN_IF_ERROR(service_->start());
    started_ = true;
    return loader_.load(manifest, bytes);
  }
  /// They stay: a case may ask them for real.
  void unload(const models::ModelName&) override {}

  Result<Document> run(const std::string& name, const std::string& version, const Document& input) {
    SY_ASSIGN_OR_RETURN(models::ModelAnswer answer, service_->run_at(name, version, input, {}));
    return std::move(answer.output);
  }

 private:
  static std::unique_ptr<models::ModelService> make_service(const std::string& onnxruntime) {
    models::OnnxOptions onnx;
    if (!onnxruntime.empty()) onnx.library_paths.push_back(onnxruntime);
    models::ModelService::Options options;
    options.workers = 1;
    options.backends.push_back(models::make_onnx_backend(std::move(onnx)));
    return std::make_unique<models::ModelService>(std::move(options));
  }

  std::unique_ptr<models::ModelService> service_;
  ServiceModelLoader loader_{*service_};
  bool started_ = false;
};

Result<std::string> read_file(const fs::path& path) {
  std::error_code error;
  if (fs::file_size(path, error) > kMaxFileBytes)
    return make_error(ErrorKind::kTooLarge, "test.file_too_large", path.string() + " is larger than 48 MiB");
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return make_error(ErrorKind::kIo, "test.cannot_read", "cannot read " + path.string());
  return text;
}

/// Everything a deployment would take; hidden files and folders are left out.
Result<std::vector<governance::SourceFile>> read_folder(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (auto it = fs::recursive_directory_iterator(folder, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const bool hidden = it->path().filename().string().starts_with('.');
    if (hidden && it->is_directory()) it.disable_recursion_pending();
    const std::string extension = it->path().extension().string();
    const bool wanted =
        extension == ".yaml" || extension == ".yml" || extension == ".json" || extension == ".onnx";
    if (!hidden && wanted && it->is_regular_file()) paths.push_back(it->path());
  }
  if (error)
    return make_error(ErrorKind::kIo, "test.cannot_read",
                      "cannot read '" + folder.string() + "': " + error.message());
  std::sort(paths.begin(), paths.end());
  std::vector<governance::SourceFile> files;
  for (const fs::path& path : paths) {
    SY_ASSIGN_OR_RETURN(std::string text, read_file(path));
    files.push_back({fs::relative(path, folder).generic_string(), std::move(text)});
  }
  return files;
}

int finish(const TestSettings& settings, const rehearsal::Report& report, const fs::path& folder) {
  for (const auto& [path, text] : report.rewritten) {
    const Status written = write_file((folder / path).string(), text);
    if (!written.ok()) return cli::report(written.error());
  }
  const std::string text = settings.format == "junit" ? rehearsal::to_junit(report)
                                                      : rehearsal::to_text(report, settings.coverage);
  const bool wrong = has_errors(report.diagnostics);
  if (!settings.output.empty()) {
    const Status written = write_file(settings.output, text);
    if (!written.ok()) return cli::report(written.error());
    // A build server reads the file; whoever looks on still sees what failed.
    std::fputs(rehearsal::to_text(report, settings.coverage).c_str(), stderr);
  } else {
    std::fputs(text.c_str(), wrong && settings.format == "text" ? stderr : stdout);
  }
  if (wrong) return kBadInput;
  return report.failed() == 0 ? kDone : kFailed;
}

int test(const TestSettings& settings) {
  std::error_code error;
  fs::path folder = settings.path;
  rehearsal::Request request;
  if (fs::is_regular_file(folder, error)) {
    request.only.push_back(folder.filename().string());
    folder = folder.has_parent_path() ? folder.parent_path() : fs::path(".");
  } else if (!fs::is_directory(folder, error)) {
    return report(make_error(ErrorKind::kInvalidArgument, "test.no_folder",
                             "'" + settings.path +
                                 "' is neither a folder nor a test file; name the folder that holds "
                                 "the pipelines and their *.test.yaml"));
  }
  auto files = read_folder(folder);
  if (!files.ok()) return report(files.error());
  request.files = std::move(*files);
  request.filter = settings.filter;
  request.update = settings.update;
  Models models(settings.onnxruntime);
  request.models = &models;
  request.run_model = [&models](const std::string& name, const std::string& version, const Document& input) {
    return models.run(name, version, input);
  };
  if (settings.restarts != "none") {
    const auto restarts =
        settings.restarts == "fold" ? rehearsal::Restarts::kFold : rehearsal::Restarts::kSnapshot;
    request.stage = [restarts](auto catalog, uint64_t seed) {
      return rehearsal::machine_stage(std::move(catalog), seed, restarts);
    };
  }
  return finish(settings, rehearsal::rehearse(request), folder);
}

}  // namespace

void add_test(CLI::App& app, int* code) {
  auto settings = std::make_shared<TestSettings>();
  CLI::App* command = app.add_subcommand(
      "test", "Play the cases of a folder's *.test.yaml against its pipelines; needs no server");
  command->add_option("path", settings->path, "Folder, or one test file in its folder")
      ->capture_default_str();
  command->add_option("-k,--filter", settings->filter, "Only cases whose name contains this");
  command->add_flag("-u,--update", settings->update, "Write what came of it as what is expected");
  command->add_flag("--coverage", settings->coverage, "Show which steps and branches no case reached");
  command->add_option("--format", settings->format, "text or junit")->check(CLI::IsMember({"text", "junit"}));
  command->add_option("-o,--output", settings->output, "Write the report to this file");
  command
      ->add_option("--restarts", settings->restarts,
                   "Kill and restart the engine after each record: none, fold or snapshot")
      ->check(CLI::IsMember({"none", "fold", "snapshot"}));
  command->add_option("--onnxruntime", settings->onnxruntime,
                      "ONNX Runtime's library, where it is not found by itself");
  command->callback([settings, code] { *code = test(*settings); });
}

}  // namespace switchyard::server::cli
