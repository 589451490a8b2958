#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "backends/onnx/ort_library.h"
#include "switchyard/base/check.h"
#include "switchyard/models/backend.h"
#include "switchyard/models/limits.h"

namespace switchyard::models {
namespace {

using ort::Api;
using ort::Element;
using ort::Library;

/// Frees something of the runtime's with the function of the table that is for it.
template <typename T>
struct Release {
  void (*free)(T*) = nullptr;
  void operator()(T* thing) const { free(thing); }
};
template <typename T>
using Owned = std::unique_ptr<T, Release<T>>;

template <typename T>
Owned<T> own(T* thing, void (*free)(T*)) {
  return Owned<T>(thing, Release<T>{free});
}

std::optional<ElementType> from_ort(Element type) {
  switch (type) {
    case Element::kFloat: return ElementType::kFloat;
    case Element::kDouble: return ElementType::kDouble;
    case Element::kInt32: return ElementType::kInt32;
    case Element::kInt64: return ElementType::kInt64;
    case Element::kBool: return ElementType::kBool;
    case Element::kString: return ElementType::kString;
    default: return std::nullopt;
  }
}

Element to_ort(ElementType type) {
  switch (type) {
    case ElementType::kFloat: return Element::kFloat;
    case ElementType::kDouble: return Element::kDouble;
    case ElementType::kInt32: return Element::kInt32;
    case ElementType::kInt64: return Element::kInt64;
    case ElementType::kBool: return Element::kBool;
    case ElementType::kString: return Element::kString;
  }
  check_failed("element type", __FILE__, __LINE__);
}

Error runtime_error(const std::string& what, const std::string& message) {
  return make_error(ErrorKind::kInternal, "models.run_failed",
                    "ONNX Runtime failed to " + what + ": " + message);
}

bool has_own_threads(const RunSettings& settings) {
  return settings.intra_op_threads > 1 || settings.inter_op_threads > 1;
}

/// The runtime's sessions keep no state between runs and may be asked by several threads at once, so one
/// serves all instances. Only runs that use a session's own threads would wait for each other there: then
/// every instance has a session of its own.
class OnnxModel final : public LoadedModel {
 public:
  static Result<std::unique_ptr<LoadedModel>> load(const Library& library, const std::string& name,
                                                   std::string_view bytes, const RunSettings& settings);

  const std::vector<TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<TensorInfo>& outputs() const override { return outputs_; }
  uint32_t sessions() const override { return static_cast<uint32_t>(sessions_.size()); }
  Status run(uint32_t session, std::span<const TensorData> inputs,
             std::vector<TensorData>& outputs) const override;

 private:
  explicit OnnxModel(const Library& library) : library_(library) {}
  Status describe(const std::string& model);
  Result<TensorInfo> describe_tensor(const std::string& model, size_t index, bool is_input) const;
  Result<Owned<ort::Value>> make_input(const TensorInfo& info, const TensorData& data) const;
  Status read_output(const TensorInfo& info, ort::Value* value, TensorData& data) const;
  Status read_strings(const TensorInfo& info, const ort::Value* value, TensorData& data) const;
  const Api& api() const { return library_.api(); }

  ort::Session* first_session() const { return sessions_.front().get(); }

  const Library& library_;
  std::vector<Owned<ort::Session>> sessions_;
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
};

/// A run's first thread is the calling one. None spins: the cores are everybody's.
Result<Owned<ort::SessionOptions>> make_session_options(const Library& library, const RunSettings& settings) {
  const Api& api = library.api();
  ort::SessionOptions* raw = nullptr;
  if (auto* status = api.CreateSessionOptions(&raw); status != nullptr)
    return runtime_error("make session options", library.take_message(status));
  auto options = own(raw, api.ReleaseSessionOptions);
  for (ort::Status* status : {
           api.SetIntraOpNumThreads(raw, static_cast<int>(settings.intra_op_threads)),
           api.SetInterOpNumThreads(raw, static_cast<int>(settings.inter_op_threads)),
           api.SetSessionExecutionMode(raw,
                                       settings.inter_op_threads > 1 ? ort::kParallel : ort::kSequential),
           api.SetSessionLogSeverityLevel(raw, ort::kLogFatal),
           api.SetSessionGraphOptimizationLevel(raw, ort::kOptimizeAll),
           api.AddSessionConfigEntry(raw, "session.intra_op.allow_spinning", "0"),
           api.AddSessionConfigEntry(raw, "session.inter_op.allow_spinning", "0"),
       }) {
    if (status != nullptr) return runtime_error("set session options", library.take_message(status));
  }
  return options;
}

Result<std::unique_ptr<LoadedModel>> OnnxModel::load(const Library& library, const std::string& name,
                                                     std::string_view bytes, const RunSettings& settings) {
  SY_ASSIGN_OR_RETURN(auto options, make_session_options(library, settings));
  std::unique_ptr<OnnxModel> model(new OnnxModel(library));
  const Api& api = library.api();
  const uint32_t sessions = has_own_threads(settings) ? settings.instances : 1;
  for (uint32_t i = 0; i < sessions; ++i) {
    ort::Session* session = nullptr;
    auto* status =
        api.CreateSessionFromArray(library.env(), bytes.data(), bytes.size(), options.get(), &session);
    if (status != nullptr) {
      return make_error(ErrorKind::kUnprocessable, "models.bad_model",
                        "ONNX Runtime " + library.version() + " refuses the file of " + name + ": " +
                            library.take_message(status));
    }
    model->sessions_.push_back(own(session, api.ReleaseSession));
  }
  SY_RETURN_IF_ERROR(model->describe(name));
  return std::unique_ptr<LoadedModel>(std::move(model));
}

Status OnnxModel::describe(const std::string& model) {
  for (const bool is_input : {true, false}) {
    size_t count = 0;
    auto* status = is_input ? api().SessionGetInputCount(first_session(), &count)
                            : api().SessionGetOutputCount(first_session(), &count);
    if (status != nullptr)
      return runtime_error("count the tensors of " + model, library_.take_message(status));
    if (count > kMaxTensors) {
      return make_error(ErrorKind::kUnprocessable, "models.unsupported_tensor",
                        model + " has " + std::to_string(count) + (is_input ? " inputs" : " outputs") +
                            "; at most " + std::to_string(kMaxTensors) + " (kMaxTensors) are allowed");
    }
    auto& infos = is_input ? inputs_ : outputs_;
    for (size_t i = 0; i < count; ++i) {
      SY_ASSIGN_OR_RETURN(auto info, describe_tensor(model, i, is_input));
      infos.push_back(std::move(info));
    }
  }
  for (const auto& info : inputs_) input_names_.push_back(info.name.c_str());
  for (const auto& info : outputs_) output_names_.push_back(info.name.c_str());
  return {};
}

Result<TensorInfo> OnnxModel::describe_tensor(const std::string& model, size_t index, bool is_input) const {
  const std::string side = is_input ? "input" : "output";
  const auto failed = [&](ort::Status* status) {
    return runtime_error("describe " + side + " " + std::to_string(index) + " of " + model,
                         library_.take_message(status));
  };
  TensorInfo info;
  char* name = nullptr;
  ort::TypeInfo* raw_type = nullptr;
  auto* status = is_input ? api().SessionGetInputName(first_session(), index, library_.allocator(), &name)
                          : api().SessionGetOutputName(first_session(), index, library_.allocator(), &name);
  if (status != nullptr) return failed(status);
  info.name = name;
  library_.take_message(api().AllocatorFree(library_.allocator(), name));
  status = is_input ? api().SessionGetInputTypeInfo(first_session(), index, &raw_type)
                    : api().SessionGetOutputTypeInfo(first_session(), index, &raw_type);
  if (status != nullptr) return failed(status);
  const auto type = own(raw_type, api().ReleaseTypeInfo);

  const auto unsupported = [&](const std::string& what) {
    return make_error(ErrorKind::kUnprocessable, "models.unsupported_tensor",
                      side + " '" + info.name + "' of " + model + " is " + what +
                          "; export it as a tensor of float, double, int32, int64, bool or string" +
                          (is_input ? "" : " (scikit-learn: option zipmap=False)"),
                      info.name);
  };
  int kind = 0;
  if (status = api().GetOnnxTypeFromTypeInfo(type.get(), &kind); status != nullptr) return failed(status);
  if (kind != ort::kTypeTensor) return unsupported("no tensor but a sequence, a map or an optional");
  const ort::TensorInfo* tensor = nullptr;
  Element element{};
  size_t rank = 0;
  if (status = api().CastTypeInfoToTensorInfo(type.get(), &tensor); status != nullptr) return failed(status);
  if (status = api().GetTensorElementType(tensor, &element); status != nullptr) return failed(status);
  if (status = api().GetDimensionsCount(tensor, &rank); status != nullptr) return failed(status);
  info.shape.resize(rank);
  if (status = api().GetDimensions(tensor, info.shape.data(), rank); status != nullptr) return failed(status);
  const auto known = from_ort(element);
  if (!known) {
    return unsupported("a tensor of ONNX element type " + std::to_string(static_cast<int>(element)) +
                       ", which is not supported");
  }
  info.type = *known;
  return info;
}

Result<Owned<ort::Value>> OnnxModel::make_input(const TensorInfo& info, const TensorData& data) const {
  ort::Value* raw = nullptr;
  ort::Status* status = nullptr;
  if (data.type == ElementType::kString) {
    status = api().CreateTensorAsOrtValue(library_.allocator(), data.shape.data(), data.shape.size(),
                                          Element::kString, &raw);
    if (status == nullptr) {
      std::vector<const char*> texts(data.strings.size());
      for (size_t i = 0; i < texts.size(); ++i) texts[i] = data.strings[i].c_str();
      auto value = own(raw, api().ReleaseValue);
      status = api().FillStringTensor(raw, texts.data(), texts.size());
      if (status == nullptr) return value;
    }
  } else {
    // The runtime reads the buffer in place and does not write to inputs; its interface merely lacks the
    // const.
    status = api().CreateTensorWithDataAsOrtValue(
        library_.cpu_memory(), const_cast<uint8_t*>(data.bytes.data()), data.bytes.size(), data.shape.data(),
        data.shape.size(), to_ort(data.type), &raw);
    if (status == nullptr) return own(raw, api().ReleaseValue);
  }
  return runtime_error("take input '" + info.name + "'", library_.take_message(status));
}

Status OnnxModel::run(uint32_t session, std::span<const TensorData> inputs,
                      std::vector<TensorData>& outputs) const {
  SY_CHECK(session < sessions_.size());
  SY_CHECK(inputs.size() == inputs_.size());
  std::vector<Owned<ort::Value>> values;
  std::vector<const ort::Value*> raw_inputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    SY_ASSIGN_OR_RETURN(auto value, make_input(inputs_[i], inputs[i]));
    raw_inputs.push_back(value.get());
    values.push_back(std::move(value));
  }
  std::vector<ort::Value*> raw_outputs(outputs_.size(), nullptr);
  auto* status = api().Run(sessions_[session].get(), nullptr, input_names_.data(), raw_inputs.data(),
                           raw_inputs.size(), output_names_.data(), output_names_.size(), raw_outputs.data());
  std::vector<Owned<ort::Value>> results;
  for (ort::Value* value : raw_outputs)
    if (value != nullptr) results.push_back(own(value, api().ReleaseValue));
  if (status != nullptr) {
    const bool refused = api().GetErrorCode(status) == ort::kErrorInvalidArgument;
    return make_error(refused ? ErrorKind::kInvalidArgument : ErrorKind::kInternal,
                      refused ? "models.run_refused" : "models.run_failed",
                      "ONNX Runtime " + std::string(refused ? "refuses the input: " : "failed: ") +
                          library_.take_message(status));
  }
  outputs.resize(outputs_.size());
  for (size_t i = 0; i < outputs_.size(); ++i)
    SY_RETURN_IF_ERROR(read_output(outputs_[i], raw_outputs[i], outputs[i]));
  return {};
}

Status OnnxModel::read_output(const TensorInfo& info, ort::Value* value, TensorData& data) const {
  const auto failed = [&](ort::Status* status) {
    return runtime_error("give output '" + info.name + "'", library_.take_message(status));
  };
  ort::TensorInfo* raw = nullptr;
  if (auto* status = api().GetTensorTypeAndShape(value, &raw); status != nullptr) return failed(status);
  const auto shape = own(raw, api().ReleaseTensorTypeAndShapeInfo);
  size_t rank = 0;
  Element element{};
  if (auto* status = api().GetDimensionsCount(raw, &rank); status != nullptr) return failed(status);
  data.shape.resize(rank);
  if (auto* status = api().GetDimensions(raw, data.shape.data(), rank); status != nullptr)
    return failed(status);
  if (auto* status = api().GetTensorElementType(raw, &element); status != nullptr) return failed(status);
  if (from_ort(element) != info.type) {
    return make_error(ErrorKind::kInternal, "models.run_failed",
                      "output '" + info.name + "' was declared as " + info.to_string() +
                          " but came with another element type; export the model again",
                      info.name);
  }
  data.type = info.type;
  if (data.type == ElementType::kString) return read_strings(info, value, data);
  data.strings.clear();
  data.bytes.resize(data.elements() * TensorData::element_bytes(data.type));
  void* bytes = nullptr;
  if (auto* status = api().GetTensorMutableData(value, &bytes); status != nullptr) return failed(status);
  if (!data.bytes.empty()) std::memcpy(data.bytes.data(), bytes, data.bytes.size());
  return {};
}

Status OnnxModel::read_strings(const TensorInfo& info, const ort::Value* value, TensorData& data) const {
  const size_t count = data.elements();
  data.bytes.clear();
  data.strings.resize(count);
  if (count == 0) return {};
  size_t bytes = 0;
  auto* status = api().GetStringTensorDataLength(value, &bytes);
  std::string text(bytes, '\0');
  std::vector<size_t> offsets(count + 1, bytes);
  if (status == nullptr)
    status = api().GetStringTensorContent(value, text.data(), bytes, offsets.data(), count);
  if (status != nullptr)
    return runtime_error("give output '" + info.name + "'", library_.take_message(status));
  for (size_t i = 0; i < count; ++i) data.strings[i].assign(text, offsets[i], offsets[i + 1] - offsets[i]);
  return {};
}

class OnnxBackend final : public Backend {
 public:
  explicit OnnxBackend(OnnxOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return "onnx"; }

  std::string runtime_version() const override {
    const std::lock_guard lock(mutex_);
    return library_ == nullptr ? std::string() : "onnxruntime " + library_->version();
  }

  Result<std::unique_ptr<LoadedModel>> load(const std::string& name, std::string_view bytes,
                                            const RunSettings& settings) override {
    SY_ASSIGN_OR_RETURN(const Library* library, Library::open(options_));
    {
      const std::lock_guard lock(mutex_);
      library_ = library;
    }
    return OnnxModel::load(*library, name, bytes, settings);
  }

 private:
  const OnnxOptions options_;
  mutable std::mutex mutex_;
  const Library* library_ = nullptr;  // guarded by mutex_; the library itself lives as long as the process
};

}  // namespace

std::unique_ptr<Backend> make_onnx_backend(OnnxOptions options) {
  return std::make_unique<OnnxBackend>(std::move(options));
}

}  // namespace switchyard::models
