#include "tests/models_test_support.h"

#include <fstream>
#include <sstream>

#include "switchyard/document/document.h"

namespace switchyard::models::testing {

std::string data_path(const std::string& name) {
  return SWITCHYARD_SOURCE_DIR "/src/models/tests/data/" + name;
}
std::string example_path(const std::string& name) {
  return SWITCHYARD_SOURCE_DIR "/examples/card-fraud/models/" + name;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

namespace {

ModelManifest parse(std::string_view text, Diagnostics& diagnostics) {
  auto outcome = document::parse(text);
  EXPECT_TRUE(outcome.root) << text;
  if (!outcome.root) return {};
  Arena arena;
  return parse_manifest(document::to_value(*outcome.root, arena), diagnostics);
}

std::string to_lines(const Diagnostics& diagnostics) {
  std::string lines;
  for (const auto& d : diagnostics)
    lines += d.path + ": " + d.message + " (" + d.mend + ") [" + d.code + "]\n";
  return lines;
}

}  // namespace

ModelManifest manifest_of(std::string_view text) {
  Diagnostics diagnostics;
  auto manifest = parse(text, diagnostics);
  EXPECT_FALSE(has_errors(diagnostics)) << to_lines(diagnostics);
  return manifest;
}

ModelManifest example_manifest(const std::string& name) {
  return manifest_of(read_file(example_path(name + ".model.yaml")));
}

std::string mistakes_of(std::string_view text) {
  Diagnostics diagnostics;
  parse(text, diagnostics);
  return to_lines(diagnostics);
}

Document json(std::string_view text) {
  auto document = parse_json_document(text);
  EXPECT_TRUE(document.ok()) << text;
  return document.ok() ? *document : Document();
}

namespace {

const std::vector<std::string>& transaction_lines() {
  static const auto* lines = [] {
    auto* all = new std::vector<std::string>;
    std::ifstream file(SWITCHYARD_SOURCE_DIR "/examples/card-fraud/data/transactions.csv");
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) all->push_back(line);
    return all;
  }();
  return *lines;
}

}  // namespace

size_t transaction_count() { return transaction_lines().size(); }

Document transaction(size_t line) {
  std::stringstream cells(transaction_lines().at(line));
  std::string cell;
  std::string text = "{";
  for (int column = 0; std::getline(cells, cell, ','); ++column) {
    if (column == 0 || column > 29) continue;  // the time and the label
    text += (column > 1 ? "," : "") +
            ("\"" + (column == 29 ? "amount" : "V" + std::to_string(column)) + "\":" + cell);
  }
  return json(text + "}");
}

std::shared_ptr<Backend> onnx() {
  static const std::shared_ptr<Backend> backend = make_onnx_backend();
  return backend;
}

ModelService::Options RunningService::fill(uint32_t workers, ModelService::Options options) {
  options.workers = workers;
  if (options.backends.empty()) options.backends.push_back(onnx());
  return options;
}

RunningService::RunningService(uint32_t workers, ModelService::Options options)
    : service(fill(workers, std::move(options))) {
  EXPECT_TRUE(service.start().ok());
}

ModelCallback Answers::next() {
  const std::lock_guard lock(state_->mutex);
  const size_t index = state_->results.size();
  state_->results.emplace_back();
  return [state = state_, index](Result<ModelAnswer> result) {
    const std::lock_guard inner(state->mutex);
    EXPECT_FALSE(state->results[index].has_value()) << "request " << index << " was answered twice";
    state->results[index] = std::move(result);
    ++state->come;
    state->changed.notify_all();
  };
}

std::vector<Result<ModelAnswer>> Answers::wait() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->come == state_->results.size(); });
  std::vector<Result<ModelAnswer>> all;
  for (const auto& result : state_->results) all.push_back(*result);
  return all;
}

size_t Answers::come() const {
  const std::lock_guard lock(state_->mutex);
  return state_->come;
}

Result<ModelAnswer> ask(ModelService& service, const std::string& name, const Document& input,
                        const std::string& version) {
  Answers answers;
  service.infer({name, version, input, 0, answers.next()});
  return answers.wait().front();
}

ModelCallback Gate::blocker() {
  return [state = state_](Result<ModelAnswer>) {
    std::unique_lock lock(state->mutex);
    state->reached = true;
    state->changed.notify_all();
    state->changed.wait(lock, [&] { return state->open; });
  };
}

void Gate::wait_until_reached() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->reached; });
}

void Gate::hold(ModelService& service, std::string model, Document input) {
  service.infer({std::move(model), "", std::move(input), 0, blocker()});
  wait_until_reached();
}

void Gate::release() {
  const std::lock_guard lock(state_->mutex);
  state_->open = true;
  state_->changed.notify_all();
}

}  // namespace switchyard::models::testing
