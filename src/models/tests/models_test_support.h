#pragma once

#include <condition_variable>
#include <cstring>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "switchyard/models/model_service.h"
#include "switchyard/types/json.h"

namespace switchyard::models::testing {

/// A file of tests/data.
std::string data_path(const std::string& name);
/// A file of the card-fraud example's models.
std::string example_path(const std::string& name);
std::string read_file(const std::string& path);

/// The manifest in YAML or JSON text; fails the test when it has mistakes.
ModelManifest manifest_of(std::string_view text);
/// examples/card-fraud/models/NAME.model.yaml.
ModelManifest example_manifest(const std::string& name);
/// All mistakes of a manifest's text, one a line: "path: message (mend) [code]".
std::string mistakes_of(std::string_view text);

Document json(std::string_view text);
/// The values as they are in a tensor.
template <typename T>
std::string raw(std::initializer_list<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}
/// Row `line` (from 0, without the header) of the example's transactions, as the models' input.
Document transaction(size_t line);
size_t transaction_count();

/// A backend all tests share.
std::shared_ptr<Backend> onnx();

/// A service with some workers; stopped by the destructor.
class RunningService {
 public:
  explicit RunningService(uint32_t workers = 1, ModelService::Options options = {});
  ~RunningService() { service.stop(); }
  ModelService service;

 private:
  static ModelService::Options fill(uint32_t workers, ModelService::Options options);
};

/// Collects the results of many requests and waits for them.
class Answers {
 public:
  /// A callback that stores its result at the next index.
  ModelCallback next();
  /// Waits until every callback that was made has been called, then gives the results by index.
  std::vector<Result<ModelAnswer>> wait();
  /// How many have come.
  size_t come() const;

 private:
  struct State {
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::optional<Result<ModelAnswer>>> results;
    size_t come = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();  // callbacks may outlive a failed test
};

/// One request, waited for.
Result<ModelAnswer> ask(ModelService& service, const std::string& name, const Document& input,
                        const std::string& version = {});

/// Holds the worker that answers `blocker()`'s request until release().
class Gate {
 public:
  /// A callback that says it was reached, then waits.
  ModelCallback blocker();
  void wait_until_reached();
  /// Asks `model` and waits until the worker that answers it stands at the gate.
  void hold(ModelService& service, std::string model, Document input);
  void release();

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool reached = false;
    bool open = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace switchyard::models::testing
