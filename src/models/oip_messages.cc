#include "switchyard/models/oip_messages.h"

#include <type_traits>

#include "switchyard/models/limits.h"

namespace switchyard::models::oip {
namespace {

Error bad(std::string what, const std::string& tensor) {
  return make_error(ErrorKind::kInvalidArgument, "oip.bad_tensor", std::move(what),
                    tensor.substr(0, kMaxNameBytes));
}

/// The elements of a typed list in binary form. False: one is none of that datatype.
template <typename To, typename List>
bool append_all(const List& list, std::string& raw) {
  raw.reserve(static_cast<size_t>(list.size()) * sizeof(To));
  for (const auto given : list) {
    const To value = static_cast<To>(given);
    if constexpr (std::is_integral_v<To>)
      if (static_cast<std::decay_t<decltype(given)>>(value) != given) return false;
    raw.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return true;
}

/// Typed contents in binary form, so that one reader knows both. FP16 and BF16 have only that.
bool append_contents(const inference::InferTensorContents& contents, std::string_view type,
                     std::string& raw) {
  if (type == "FP32") return append_all<float>(contents.fp32_contents(), raw);
  if (type == "FP64") return append_all<double>(contents.fp64_contents(), raw);
  if (type == "BOOL") return append_all<bool>(contents.bool_contents(), raw);
  if (type == "INT8") return append_all<int8_t>(contents.int_contents(), raw);
  if (type == "INT16") return append_all<int16_t>(contents.int_contents(), raw);
  if (type == "INT32") return append_all<int32_t>(contents.int_contents(), raw);
  if (type == "INT64") return append_all<int64_t>(contents.int64_contents(), raw);
  if (type == "UINT8") return append_all<uint8_t>(contents.uint_contents(), raw);
  if (type == "UINT16") return append_all<uint16_t>(contents.uint_contents(), raw);
  if (type == "UINT32") return append_all<uint32_t>(contents.uint_contents(), raw);
  if (type == "UINT64") return append_all<uint64_t>(contents.uint64_contents(), raw);
  if (type == "BYTES")
    for (const std::string& each : contents.bytes_contents()) append_bytes_element(each, raw);
  return true;
}

template <typename Tensor>
Result<TensorView> read_one(const Tensor& tensor, const std::string* raw, Others others, Arena& arena) {
  if (tensor.parameters().contains("shared_memory_region"))
    return make_error(ErrorKind::kInvalidArgument, "oip.unsupported",
                      "shared memory is not supported here; send the tensor's data",
                      tensor.name().substr(0, kMaxNameBytes));
  const std::span<const int64_t> shape(tensor.shape().data(), static_cast<size_t>(tensor.shape_size()));
  // Some servers set contents without any element.
  if (raw != nullptr && tensor.contents().ByteSizeLong() > 0)
    return bad("tensor '" + tensor.name().substr(0, kMaxNameBytes) +
                   "' has contents beside the raw ones; send one of them",
               tensor.name());
  if (raw != nullptr) return read_raw_tensor(tensor.name(), tensor.datatype(), shape, *raw, others, arena);
  std::string formed;
  if (!append_contents(tensor.contents(), tensor.datatype(), formed))
    return bad("the contents of tensor '" + tensor.name().substr(0, kMaxNameBytes) +
                   "' hold a number that is no " + tensor.datatype(),
               tensor.name());
  return read_raw_tensor(tensor.name(), tensor.datatype(), shape, formed, others, arena);
}

template <typename Tensors, typename Raws>
Result<std::vector<TensorView>> read_all(const Tensors& tensors, const Raws& raws, Others others,
                                         Arena& arena) {
  if (tensors.empty() || tensors.size() > static_cast<int>(kMaxTensors))
    return bad("there must be 1 to " + std::to_string(kMaxTensors) + " tensors", {});
  if (!raws.empty() && raws.size() != tensors.size())
    return bad("there must be raw contents for each of the " + std::to_string(tensors.size()) +
                   " tensors, or for none",
               {});
  std::vector<TensorView> views;
  for (int i = 0; i < tensors.size(); ++i) {
    SY_ASSIGN_OR_RETURN(views.emplace_back(),
                        read_one(tensors[i], raws.empty() ? nullptr : &raws[i], others, arena));
  }
  return views;
}

template <typename Tensor>
void describe(const TensorView& view, Tensor& tensor) {
  tensor.set_name(std::string(view.name));
  tensor.set_datatype(std::string(datatype_name(view.type)));
  for (const int64_t size : view.shape) tensor.add_shape(size);
}

}  // namespace

Result<std::vector<TensorView>> read_inputs(const inference::ModelInferRequest& request, Others others,
                                            Arena& arena) {
  return read_all(request.inputs(), request.raw_input_contents(), others, arena);
}

Result<std::vector<TensorView>> read_outputs(const inference::ModelInferResponse& response, Others others,
                                             Arena& arena) {
  return read_all(response.outputs(), response.raw_output_contents(), others, arena);
}

void write_inputs(std::span<const TensorView> tensors, inference::ModelInferRequest& request) {
  for (const TensorView& view : tensors) {
    describe(view, *request.add_inputs());
    append_raw(view, *request.add_raw_input_contents());
  }
}

void write_outputs(std::span<const TensorView> tensors, inference::ModelInferResponse& response) {
  for (const TensorView& view : tensors) {
    describe(view, *response.add_outputs());
    append_raw(view, *response.add_raw_output_contents());
  }
}

}  // namespace switchyard::models::oip
