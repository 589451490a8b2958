#include "row_encoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "switchyard/base/check.h"
#include "switchyard/models/limits.h"

namespace switchyard::models {
namespace {

/// Text of a value for a message; long ones are cut.
std::string shown(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool: return value.as_bool() ? "true" : "false";
    case Kind::kInteger: return std::to_string(value.as_integer());
    case Kind::kUnsigned: return std::to_string(value.as_unsigned());
    case Kind::kDouble: return std::to_string(value.as_double());
    case Kind::kString: {
      const auto text = value.as_string();
      return text.size() > 40 ? "a text of " + std::to_string(text.size()) + " bytes"
                              : "'" + std::string(text) + "'";
    }
    case Kind::kList: return "a list of " + std::to_string(value.size());
    default: return std::string(kind_name(value.kind()));
  }
}

Error bad_input(const std::string& tensor, ElementType type, const std::string& path,
                const std::string& what) {
  return make_error(ErrorKind::kInvalidArgument, "models.bad_input",
                    "field '" + path + "' of tensor '" + tensor + "' (" +
                        std::string(element_type_name(type)) + ") " + what,
                    path);
}

template <typename T>
void store(TensorData& data, size_t element, T value) {
  std::memcpy(data.bytes.data() + element * sizeof value, &value, sizeof value);
}

/// The value as a whole number of type T; nothing when it is none or out of range.
template <typename T>
std::optional<T> to_whole(const Value& value) {
  constexpr auto kLeast = std::numeric_limits<T>::min();
  constexpr auto kMost = std::numeric_limits<T>::max();
  switch (value.kind()) {
    case Kind::kBool: return static_cast<T>(value.as_bool() ? 1 : 0);
    case Kind::kInteger:
      if (value.as_integer() < kLeast || value.as_integer() > kMost) return std::nullopt;
      return static_cast<T>(value.as_integer());
    case Kind::kUnsigned:
      if (value.as_unsigned() > static_cast<uint64_t>(kMost)) return std::nullopt;
      return static_cast<T>(value.as_unsigned());
    case Kind::kDouble: {
      const double number = value.as_double();
      // The upper bound as a double is one more than kMost for int64, hence the strict comparison.
      if (number != std::trunc(number) || number < static_cast<double>(kLeast) ||
          number >= std::ldexp(1.0, std::numeric_limits<T>::digits))
        return std::nullopt;
      return static_cast<T>(number);
    }
    default: return std::nullopt;
  }
}

std::optional<double> to_real(const Value& value) {
  if (value.is_number()) return value.to_double();
  if (value.is(Kind::kBool)) return value.as_bool() ? 1.0 : 0.0;
  return std::nullopt;
}

const TensorInfo* find_tensor(const std::vector<TensorInfo>& tensors, const std::string& name) {
  const auto at = std::find_if(tensors.begin(), tensors.end(), [&](const auto& t) { return t.name == name; });
  return at == tensors.end() ? nullptr : &*at;
}

std::string list_of(const std::vector<TensorInfo>& tensors) {
  std::string text;
  for (const auto& tensor : tensors)
    text += (text.empty() ? "'" : ", '") + tensor.name + "' " + tensor.to_string();
  return text.empty() ? "none" : text;
}

/// Elements of one row, or -1 when a dimension beside the batch is free.
int64_t row_elements(const TensorInfo& tensor) {
  int64_t count = 1;
  for (size_t i = 1; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] < 0) return -1;
    count *= tensor.shape[i];
    if (count > kMaxRowElements) return count;
  }
  return count;
}

void check_batch_dimension(const ModelManifest& manifest, const TensorInfo& tensor, const std::string& side,
                           std::vector<std::string>& wrong) {
  if (tensor.shape.empty()) {
    wrong.push_back(side + " '" + tensor.name + "' is a scalar " +
                    std::string(element_type_name(tensor.type)) +
                    ", but its first dimension must be the batch: export it as [N, ...]");
    return;
  }
  const int64_t size = tensor.shape[0];
  for (const uint32_t bucket : manifest.buckets) {
    if (size < 0 || size == bucket) continue;
    wrong.push_back(side + " '" + tensor.name + "' is " + tensor.to_string() + ", whose batch is always " +
                    std::to_string(size) + ", but the manifest batches by " + std::to_string(bucket) +
                    ": write batch: { max: " + std::to_string(size) + ", buckets: [" + std::to_string(size) +
                    "] } or export a free first dimension");
    return;
  }
}

void check_input(const TensorInput& input, const TensorInfo& tensor, std::vector<std::string>& wrong) {
  const std::string is = "input '" + tensor.name + "' of the model is " + tensor.to_string();
  if (input.type != tensor.type) {
    wrong.push_back(is + ", but the manifest gives it " + std::string(element_type_name(input.type)) +
                    ": write type: " + std::string(element_type_name(tensor.type)));
  }
  const int64_t elements = row_elements(tensor);
  if (elements > kMaxRowElements) {
    wrong.push_back(is + ", a row of more than " + std::to_string(kMaxRowElements) +
                    " elements (kMaxRowElements)");
  } else if (elements < 0) {
    // [N, ?] takes as many fields as are named; any other free shape would have to be guessed.
    if (input.single || tensor.shape.size() != 2)
      wrong.push_back(is +
                      ", whose rows have no fixed size: export it with fixed dimensions after the first");
  } else if (!input.single && static_cast<int64_t>(input.fields.size()) != elements) {
    wrong.push_back(is + ", a row of " + std::to_string(elements) + " elements, but the manifest names " +
                    std::to_string(input.fields.size()) + " fields: name exactly " +
                    std::to_string(elements));
  }
}

}  // namespace

Status check_tensors(const ModelManifest& manifest, const std::vector<TensorInfo>& inputs,
                     const std::vector<TensorInfo>& outputs) {
  std::vector<std::string> wrong;
  for (const auto& input : manifest.inputs) {
    const TensorInfo* tensor = find_tensor(inputs, input.tensor);
    if (tensor != nullptr)
      check_input(input, *tensor, wrong);
    else
      wrong.push_back("the model has no input '" + input.tensor + "'; its inputs are " + list_of(inputs));
  }
  for (const auto& tensor : inputs) {
    const bool filled = std::any_of(manifest.inputs.begin(), manifest.inputs.end(),
                                    [&](const auto& input) { return input.tensor == tensor.name; });
    if (!filled)
      wrong.push_back("the model's input '" + tensor.name + "' " + tensor.to_string() +
                      " is not filled: add it to input.tensors");
    check_batch_dimension(manifest, tensor, "input", wrong);
  }
  for (const auto& tensor : outputs) check_batch_dimension(manifest, tensor, "output", wrong);
  if (wrong.empty()) return {};
  std::string all;
  for (const auto& one : wrong) all += (all.empty() ? "" : "; ") + one;
  return make_error(ErrorKind::kUnprocessable, "models.tensor_mismatch",
                    "the manifest of " + manifest.model.to_string() + " does not fit its model: " + all,
                    "input.tensors");
}

RowEncoder::RowEncoder(const ModelManifest& manifest, const std::vector<TensorInfo>& inputs) {
  for (const auto& info : inputs) {
    const auto input = std::find_if(manifest.inputs.begin(), manifest.inputs.end(),
                                    [&](const auto& candidate) { return candidate.tensor == info.name; });
    SY_CHECK(input != manifest.inputs.end());
    Tensor tensor{info.name, info.type, {info.shape.begin() + 1, info.shape.end()}, 1, input->single, {}};
    for (int64_t& size : tensor.row_shape) {
      if (size < 0) size = static_cast<int64_t>(input->fields.size());
      tensor.row_elements *= static_cast<size_t>(size);
    }
    for (const auto& path : input->fields) {
      Source source{path, {}};
      for (size_t begin = 0; begin <= path.size();) {
        const size_t end = std::min(path.find('.', begin), path.size());
        source.segments.push_back(path.substr(begin, end - begin));
        begin = end + 1;
      }
      tensor.sources.push_back(std::move(source));
    }
    SY_CHECK(tensor.single || tensor.sources.size() == tensor.row_elements);
    tensors_.push_back(std::move(tensor));
  }
}

void RowEncoder::prepare(std::vector<TensorData>& batch, uint32_t rows) const {
  batch.resize(tensors_.size());
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor& tensor = tensors_[i];
    TensorData& data = batch[i];
    data.type = tensor.type;
    data.shape.assign(1, rows);
    data.shape.insert(data.shape.end(), tensor.row_shape.begin(), tensor.row_shape.end());
    const size_t elements = rows * tensor.row_elements;
    data.bytes.resize(elements * TensorData::element_bytes(tensor.type));
    data.strings.resize(tensor.type == ElementType::kString ? elements : 0);
  }
}

Status RowEncoder::encode(const Value& input, std::vector<TensorData>& batch, uint32_t row) const {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor& tensor = tensors_[i];
    size_t element = row * tensor.row_elements;
    for (const Source& source : tensor.sources) {
      const Value* value = &input;
      for (const auto& segment : source.segments) {
        value = value->find(segment);
        if (value == nullptr) break;
      }
      if (value == nullptr || value->is_null()) {
        return bad_input(tensor.name, tensor.type, source.path,
                         value == nullptr ? "is missing: give it a value" : "is null: give it a value");
      }
      if (tensor.single)
        SY_RETURN_IF_ERROR(put_nested(tensor, source, *value, 0, batch[i], &element));
      else
        SY_RETURN_IF_ERROR(put(tensor, source, *value, batch[i], element++));
    }
  }
  return {};
}

Status RowEncoder::put(const Tensor& tensor, const Source& source, const Value& value, TensorData& data,
                       size_t element) const {
  const auto refuse = [&](const std::string& wanted) {
    return bad_input(tensor.name, tensor.type, source.path, "must be " + wanted + ", but is " + shown(value));
  };
  switch (tensor.type) {
    case ElementType::kFloat: {
      const auto number = to_real(value);
      if (!number) return refuse("a number or bool");
      if (std::isfinite(*number) && std::abs(*number) > std::numeric_limits<float>::max())
        return refuse("a number within the range of float");
      store(data, element, static_cast<float>(*number));
      return {};
    }
    case ElementType::kDouble: {
      const auto number = to_real(value);
      if (!number) return refuse("a number or bool");
      store(data, element, *number);
      return {};
    }
    case ElementType::kInt32: {
      const auto number = to_whole<int32_t>(value);
      if (!number) return refuse("a whole number of 32 bits or bool");
      store(data, element, *number);
      return {};
    }
    case ElementType::kInt64: {
      const auto number = to_whole<int64_t>(value);
      if (!number) return refuse("a whole number of 64 bits or bool");
      store(data, element, *number);
      return {};
    }
    case ElementType::kBool:
      if (!value.is(Kind::kBool)) return refuse("true or false");
      store(data, element, static_cast<uint8_t>(value.as_bool()));
      return {};
    case ElementType::kString:
      if (!value.is(Kind::kString)) return refuse("text");
      // The runtime takes null-terminated texts: a zero byte would silently cut one short.
      if (value.as_string().find('\0') != std::string_view::npos) return refuse("text without zero bytes");
      data.strings[element].assign(value.as_string());
      return {};
  }
  check_failed("element type", __FILE__, __LINE__);
}

Status RowEncoder::put_nested(const Tensor& tensor, const Source& source, const Value& value, size_t depth,
                              TensorData& data, size_t* element) const {
  // A row of one element may come as the value itself, without the brackets.
  const bool bare = depth == 0 && tensor.row_elements == 1 && !value.is(Kind::kList);
  if (bare || depth == tensor.row_shape.size()) return put(tensor, source, value, data, (*element)++);
  const auto wanted = static_cast<size_t>(tensor.row_shape[depth]);
  if (!value.is(Kind::kList) || value.size() != wanted) {
    std::string shape;
    for (const int64_t size : tensor.row_shape) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
    return bad_input(tensor.name, tensor.type, source.path,
                     "must be a list of shape [" + shape + "], but " +
                         (depth == 0 ? "is " : "holds at depth " + std::to_string(depth + 1) + " ") +
                         shown(value));
  }
  for (const Value& item : value.items())
    SY_RETURN_IF_ERROR(put_nested(tensor, source, item, depth + 1, data, element));
  return {};
}

Status RowEncoder::check(const Tensor& tensor, const TensorView& given) const {
  const std::vector<int64_t> row(given.shape.begin() + 1, given.shape.end());
  if (given.type == tensor.type && row == tensor.row_shape) return {};
  TensorInfo wanted{tensor.name, tensor.type, {-1}};
  wanted.shape.insert(wanted.shape.end(), tensor.row_shape.begin(), tensor.row_shape.end());
  return make_error(ErrorKind::kInvalidArgument, "models.bad_input",
                    "tensor '" + tensor.name + "' must be " + wanted.to_string() + ", but is " +
                        TensorInfo{tensor.name, given.type, given.shape}.to_string(),
                    tensor.name);
}

Status RowEncoder::put_strings(const TensorView& given, size_t from, size_t count, TensorData& data,
                               size_t to) {
  for (size_t i = 0; i < count; ++i) {
    const Value& value = given.strings[from + i];
    const std::string_view text = value.is(Kind::kBytes) ? value.as_bytes() : value.as_string();
    // The runtime takes null-terminated texts: a zero byte would silently cut one short.
    if (text.find('\0') != text.npos)
      return make_error(ErrorKind::kInvalidArgument, "models.bad_input",
                        "tensor '" + std::string(given.name) +
                            "' holds a text with a zero byte, which the "
                            "runtime cannot take",
                        std::string(given.name));
    data.strings[to + i].assign(text);
  }
  return {};
}

Status RowEncoder::encode_tensors(const std::vector<TensorView>& tensors, uint32_t first, uint32_t rows,
                                  std::vector<TensorData>& batch, uint32_t row) const {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor& tensor = tensors_[i];
    const auto given = std::find_if(tensors.begin(), tensors.end(),
                                    [&](const TensorView& view) { return view.name == tensor.name; });
    if (given == tensors.end())
      return make_error(ErrorKind::kInvalidArgument, "models.bad_input",
                        "the model's input tensor '" + tensor.name + "' is missing", tensor.name);
    SY_RETURN_IF_ERROR(check(tensor, *given));
    const size_t count = rows * tensor.row_elements;
    const size_t from = first * tensor.row_elements;
    const size_t to = row * tensor.row_elements;
    const size_t width = TensorData::element_bytes(tensor.type);
    if (width == 0) {
      SY_RETURN_IF_ERROR(put_strings(*given, from, count, batch[i], to));
    } else if (tensor.type == ElementType::kBool) {
      // Any other byte than 0 and 1 would be no bool to the runtime.
      for (size_t e = 0; e < count; ++e) batch[i].bytes[to + e] = given->bytes[from + e] != 0;
    } else {
      std::memcpy(batch[i].bytes.data() + to * width, given->bytes.data() + from * width, count * width);
    }
  }
  if (tensors.size() == tensors_.size()) return {};
  for (const TensorView& view : tensors) {
    if (std::any_of(tensors_.begin(), tensors_.end(), [&](const Tensor& t) { return t.name == view.name; }))
      continue;
    return make_error(ErrorKind::kInvalidArgument, "models.bad_input",
                      "the model has no input tensor '" + std::string(view.name) + "'; leave it out",
                      std::string(view.name));
  }
  return {};
}

void RowEncoder::encode_blank(std::vector<TensorData>& batch, uint32_t row) const {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const size_t first = row * tensors_[i].row_elements;
    const size_t width = TensorData::element_bytes(tensors_[i].type);
    if (width > 0)
      std::memset(batch[i].bytes.data() + first * width, 0, tensors_[i].row_elements * width);
    else
      std::fill_n(batch[i].strings.begin() + static_cast<ptrdiff_t>(first), tensors_[i].row_elements, "");
  }
}

void RowEncoder::copy_row(std::vector<TensorData>& batch, uint32_t from, uint32_t to) const {
  if (from == to) return;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const size_t count = tensors_[i].row_elements;
    const size_t width = TensorData::element_bytes(tensors_[i].type);
    auto& data = batch[i];
    if (width > 0)
      std::memcpy(data.bytes.data() + to * count * width, data.bytes.data() + from * count * width,
                  count * width);
    else
      for (size_t e = 0; e < count; ++e) data.strings[to * count + e] = data.strings[from * count + e];
  }
}

}  // namespace switchyard::models
