#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/models/manifest.h"

namespace switchyard::models {

/// The elements of one tensor, row-major. `bytes` holds numbers and bools (one byte each) in the machine's
/// order; `strings` holds kString elements. Reused from run to run, so that a warm worker does not allocate
/// for them.
struct TensorData {
  ElementType type = ElementType::kFloat;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
  std::vector<std::string> strings;

  /// Product of the shape.
  size_t elements() const;
  /// Bytes of one element in `bytes`; 0 for kString.
  static size_t element_bytes(ElementType type);
};

/// A model in memory, ready to run. All functions may be called from several threads at once.
class LoadedModel {
 public:
  virtual ~LoadedModel() = default;

  /// The model's own tensors, in the order `run` takes and gives them.
  virtual const std::vector<TensorInfo>& inputs() const = 0;
  virtual const std::vector<TensorInfo>& outputs() const = 0;

  /// The copies of the model that are in memory; at least one. All give the same answers; one that has
  /// threads of its own is fastest with one run at a time.
  virtual uint32_t sessions() const = 0;

  /// One forward pass in one of the sessions; blocks the calling thread. `inputs` are in the order of
  /// inputs(), all with the same first dimension. `outputs` is resized and filled. Errors: kInvalidArgument
  /// "models.run_refused" when the runtime refuses the input, kInternal "models.run_failed" otherwise.
  virtual Status run(uint32_t session, std::span<const TensorData> inputs,
                     std::vector<TensorData>& outputs) const = 0;
};

/// Something that can load models: in-process runtimes, or clients of remote ones. Thread-safe.
class Backend {
 public:
  virtual ~Backend() = default;

  /// As manifests name it in `backend:`.
  virtual std::string_view name() const = 0;
  /// "onnxruntime 1.24.1"; empty while the runtime has not been loaded.
  virtual std::string runtime_version() const = 0;

  /// Loads a model from the bytes of its file, which need not outlive the call, for so many runs at once as
  /// `settings.instances` says (at least one). `name` is for messages.
  /// Tensors of types that ElementType lacks are refused with kUnprocessable "models.unsupported_tensor".
  /// kUnavailable "models.runtime_missing" when the runtime cannot be found; kUnprocessable
  /// "models.bad_model" when it refuses the bytes.
  virtual Result<std::unique_ptr<LoadedModel>> load(const std::string& name, std::string_view model_bytes,
                                                    const RunSettings& settings) = 0;
};

/// Where ONNX Runtime's shared library is looked for.
struct OnnxOptions {
  /// Files, or folders that hold libonnxruntime.so*, tried in order before the places below.
  std::vector<std::string> library_paths;
  /// After library_paths: $ONNXRUNTIME_ROOT, the folder the build found, the system's libraries.
  bool search_default_places = true;
};

/// ONNX Runtime, CPU. Creating it never fails and loads nothing: the library is opened at the first load(),
/// so a server without it starts, and loading an ONNX model says what is missing.
std::unique_ptr<Backend> make_onnx_backend(OnnxOptions options = {});

}  // namespace switchyard::models
