#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/http/client.h"
#include "switchyard/http/url.h"
#include "switchyard/models/backend_spec.h"
#include "switchyard/models/caller.h"
#include "switchyard/runtime/clock.h"

namespace switchyard::models {

/// One model version on another machine. Thread-safe.
class RemoteModel {
 public:
  virtual ~RemoteModel() = default;
  /// The contract of Caller::call().
  virtual std::function<void()> call(CallRequest request, Caller::Done done) = 0;
  /// What the output looks like, for checking pipelines.
  virtual expression::Type output_type() const = 0;
  /// A replica of the backend, for operators.
  struct Replica {
    std::string url;
    uint32_t under_way = 0;
    bool ejected = false;
  };
  virtual std::vector<Replica> replicas() const { return {}; }
  /// Why no call can succeed as things stand on this machine.
  virtual Status usable() const { return {}; }
};

/// What a remote model works with; all of it outlives it.
struct RemoteSurroundings {
  http::Client* client = nullptr;
  const runtime::Clock* clock = nullptr;
  /// Whether a URL may be called; may be empty.
  std::function<Status(const http::Url&)> may_call;
};

/// A model of a backend that is spoken with over HTTP. kUnprocessable "models.wrong_kind",
/// "models.unknown_protocol", "models.bad_output_expression"; kNotFound "models.no_secret" when the variable
/// or file with the backend's secret is not there.
Result<std::shared_ptr<RemoteModel>> make_http_model(const ModelManifest& manifest,
                                                     const BackendSpec& backend,
                                                     const RemoteSurroundings& surroundings);

/// Whether the backend's secret is there, where it has one; kNotFound "models.no_secret".
Status check_secret(const BackendSpec& backend);

/// The JSON Schema of a remote model's output: the manifest's, or that of its kind. Needs no server. Errors
/// as of make_http_model().
Result<Document> remote_output_schema(const ModelManifest& manifest, const BackendSpec& backend);

/// All models that can be called: those of a ModelService, and those on other machines. Thread-safe.
class Models final : public Caller {
 public:
  /// `local` outlives this.
  explicit Models(ModelService& local);
  ~Models() override;

  /// Makes a remote version known, with what its ModelInfo says; the same name and version replaces.
  void add(std::shared_ptr<const ModelInfo> info, std::shared_ptr<RemoteModel> model);
  void remove(const ModelName& model);
  /// Of a remote version; null: none.
  std::shared_ptr<const ModelInfo> find(const ModelName& model) const;
  struct Remote {
    std::shared_ptr<const ModelInfo> info;
    std::vector<RemoteModel::Replica> replicas;
    Status usable;
  };
  std::vector<Remote> remotes() const;

  std::function<void()> call(CallRequest request, Done done) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace switchyard::models
