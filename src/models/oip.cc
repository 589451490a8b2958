#include "switchyard/models/oip.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "switchyard/base/check.h"
#include "switchyard/models/backend.h"
#include "switchyard/models/limits.h"
#include "switchyard/types/json.h"
#include "switchyard/types/utf8.h"

namespace switchyard::models::oip {
namespace {

/// A datatype on the wire: what its elements become, and how many bytes they have there.
struct Datatype {
  std::string_view name;
  ElementType type;
  size_t wire_bytes;
};
constexpr std::array<Datatype, 14> kDatatypes{{
    // In the order of ElementType; the others after them.
    {"FP32", ElementType::kFloat, 4},
    {"FP64", ElementType::kDouble, 8},
    {"INT32", ElementType::kInt32, 4},
    {"INT64", ElementType::kInt64, 8},
    {"BOOL", ElementType::kBool, 1},
    {"BYTES", ElementType::kString, 0},
    {"INT8", ElementType::kInt32, 1},
    {"INT16", ElementType::kInt32, 2},
    {"UINT8", ElementType::kInt32, 1},
    {"UINT16", ElementType::kInt32, 2},
    {"UINT32", ElementType::kInt64, 4},
    {"UINT64", ElementType::kInt64, 8},
    {"FP16", ElementType::kFloat, 2},
    {"BF16", ElementType::kFloat, 2},
}};
constexpr size_t kOwn = 6;

/// Tensors with fewer elements than a message has bytes cannot be longer than it: nothing takes less than
/// one.
constexpr uint64_t kMaxElements = kMaxTensorElements;

Error bad(std::string what, std::string_view tensor) {
  return make_error(ErrorKind::kInvalidArgument, "oip.bad_tensor", std::move(what),
                    std::string(tensor.substr(0, kMaxNameBytes)));
}

Error unsupported(std::string what, std::string_view tensor) {
  return make_error(ErrorKind::kInvalidArgument, "oip.unsupported", std::move(what),
                    std::string(tensor.substr(0, kMaxNameBytes)));
}

Result<const Datatype*> find_datatype(std::string_view name, std::string_view tensor, Others others) {
  const size_t known = others == Others::kRefuse ? kOwn : kDatatypes.size();
  for (size_t i = 0; i < known; ++i)
    if (kDatatypes[i].name == name) return &kDatatypes[i];
  std::string names;
  for (size_t i = 0; i < known; ++i)
    names += (i == 0 ? "" : i + 1 == known ? " and " : ", ") + std::string(kDatatypes[i].name);
  return make_error(ErrorKind::kInvalidArgument, "oip.unknown_datatype",
                    "tensor '" + std::string(tensor.substr(0, kMaxNameBytes)) + "' has the datatype '" +
                        std::string(name.substr(0, 32)) + "'; " + names + " are known here",
                    std::string(tensor.substr(0, kMaxNameBytes)));
}

template <typename T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// IEEE 754 binary16.
float half_to_float(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction | 1024), exponent - 25);
}

/// The elements of a datatype that ElementType lacks, widened. kInvalidArgument for a UINT64 above INT64.
Result<std::string_view> widen(const Datatype& datatype, std::string_view raw, const TensorView& view,
                               Arena& arena) {
  const size_t count = view.elements();
  const size_t width = TensorData::element_bytes(view.type);
  char* out = arena.allocate<char>(count * width);
  for (size_t i = 0; i < count; ++i) {
    const char* from = raw.data() + i * datatype.wire_bytes;
    const auto store = [&](auto value) { std::memcpy(out + i * width, &value, width); };
    if (datatype.name == "INT8")
      store(int32_t{load<int8_t>(from)});
    else if (datatype.name == "INT16")
      store(int32_t{load<int16_t>(from)});
    else if (datatype.name == "UINT8")
      store(int32_t{load<uint8_t>(from)});
    else if (datatype.name == "UINT16")
      store(int32_t{load<uint16_t>(from)});
    else if (datatype.name == "UINT32")
      store(int64_t{load<uint32_t>(from)});
    else if (datatype.name == "FP16")
      store(half_to_float(load<uint16_t>(from)));
    else if (datatype.name == "BF16")
      store(std::bit_cast<float>(uint32_t{load<uint16_t>(from)} << 16));
    else if (const auto large = load<uint64_t>(from); large <= INT64_MAX)
      store(static_cast<int64_t>(large));
    else
      return bad("tensor '" + std::string(view.name) + "' holds a number above 2^63 - 1", view.name);
  }
  return std::string_view(out, count * width);
}

/// Appends a dimension to the view's shape; `elements`: the product of those before it, and then with it.
Status add_dimension(int64_t size, uint64_t& elements, TensorView& view) {
  if (view.shape.size() == kMaxTensorDimensions)
    return bad("tensor '" + std::string(view.name) + "' needs a shape of at most " +
                   std::to_string(kMaxTensorDimensions) + " dimensions",
               view.name);
  if (size < 0 || size > int64_t{kMaxTensorElements})
    return bad("the shape of tensor '" + std::string(view.name) + "' holds what is no dimension", view.name);
  view.shape.push_back(size);
  elements *= static_cast<uint64_t>(size);
  if (elements > kMaxElements)
    return bad("tensor '" + std::string(view.name) + "' has more than " + std::to_string(kMaxElements) +
                   " elements (kMaxTensorElements)",
               view.name);
  return {};
}

/// Puts what is in binary form into the view, whose datatype and shape are known.
Status read_raw(const Datatype& datatype, std::string_view raw, TensorView& view, Arena& arena) {
  if (view.type == ElementType::kString) {
    SY_ASSIGN_OR_RETURN(const auto parts, split_bytes(raw, view.elements(), view.name));
    Value* texts = arena.allocate<Value>(parts.size());
    for (size_t i = 0; i < parts.size(); ++i) texts[i] = Value::bytes(arena.copy(parts[i]));
    view.strings = {texts, parts.size()};
    return {};
  }
  const size_t wanted = view.elements() * datatype.wire_bytes;
  if (raw.size() != wanted)
    return bad("the binary data of tensor '" + std::string(view.name) + "' has " +
                   std::to_string(raw.size()) + " bytes, and its datatype and shape say " +
                   std::to_string(wanted),
               view.name);
  if (&datatype < kDatatypes.data() + kOwn) {
    view.bytes = arena.copy(raw);
  } else {
    SY_ASSIGN_OR_RETURN(view.bytes, widen(datatype, raw, view, arena));
  }
  return {};
}

size_t leaves(const Value& data) {
  if (!data.is(Kind::kList)) return 1;
  size_t count = 0;
  for (const Value& item : data.items()) count += leaves(item);
  return count;
}

/// Puts JSON numbers, bools and texts, nested or flat, into a tensor's bytes or texts.
/// Requires as many as its shape says.
class DataReader {
 public:
  DataReader(std::string_view tensor, ElementType type, size_t elements, Arena& arena)
      : tensor_(tensor), type_(type), elements_(elements), width_(TensorData::element_bytes(type)) {
    if (type == ElementType::kString)
      texts_ = arena.allocate<Value>(elements);
    else
      bytes_ = arena.allocate<char>(elements * width_);
  }

  Status read(const Value& data) { return put_all(data); }
  void give(TensorView& view) const {
    if (type_ == ElementType::kString)
      view.strings = {texts_, elements_};
    else
      view.bytes = {bytes_, elements_ * width_};
  }

 private:
  Status put_all(const Value& data) {
    if (!data.is(Kind::kList)) return put(data);
    for (const Value& item : data.items()) SY_RETURN_IF_ERROR(put_all(item));
    return {};
  }
  Status put(const Value& value) {
    SY_CHECK(at_ < elements_);
    switch (type_) {
      case ElementType::kFloat:
        if (!value.is_number()) return wrong("a number");
        return store(static_cast<float>(value.to_double()));
      case ElementType::kDouble:
        if (!value.is_number()) return wrong("a number");
        return store(value.to_double());
      case ElementType::kInt32:
        if (!value.is(Kind::kInteger) || value.as_integer() < INT32_MIN || value.as_integer() > INT32_MAX)
          return wrong("a whole number of 32 bits");
        return store(static_cast<int32_t>(value.as_integer()));
      case ElementType::kInt64:
        if (!value.is(Kind::kInteger)) return wrong("a whole number of 64 bits");
        return store(value.as_integer());
      case ElementType::kBool:
        // Some clients write bools as 0 and 1.
        if (value.is(Kind::kInteger) && (value.as_integer() == 0 || value.as_integer() == 1))
          return store(static_cast<char>(value.as_integer()));
        if (!value.is(Kind::kBool)) return wrong("true or false");
        return store(static_cast<char>(value.as_bool()));
      case ElementType::kString:
        if (!value.is(Kind::kString)) return wrong("a text");
        texts_[at_++] = value;
        return {};
    }
    return {};
  }
  template <typename T>
  Status store(T value) {
    std::memcpy(bytes_ + at_++ * sizeof value, &value, sizeof value);
    return {};
  }
  Error wrong(std::string_view wanted) const {
    return bad("element " + std::to_string(at_) + " of tensor '" + std::string(tensor_) + "' (" +
                   std::string(datatype_name(type_)) + ") must be " + std::string(wanted),
               tensor_);
  }

  const std::string_view tensor_;
  const ElementType type_;
  const size_t elements_;
  const size_t width_;
  size_t at_ = 0;
  char* bytes_ = nullptr;
  Value* texts_ = nullptr;
};

/// Reads tensors one after the other, and with them what lies behind the JSON.
class Reader {
 public:
  Reader(Arena& arena, std::string_view binary, Others others)
      : arena_(arena), binary_(binary), others_(others) {}

  Result<TensorView> read(const Value& input) {
    TensorView view;
    if (!input.is(Kind::kMap)) return bad("a tensor is an object with name, datatype, shape and data", {});
    const Value* name = input.find("name");
    if (name == nullptr || !name->is(Kind::kString)) return bad("a tensor has no name", {});
    view.name = name->as_string();
    const Value* datatype = input.find("datatype");
    if (datatype == nullptr || !datatype->is(Kind::kString))
      return bad("tensor '" + std::string(view.name) + "' has no datatype", view.name);
    SY_ASSIGN_OR_RETURN(const Datatype* known, find_datatype(datatype->as_string(), view.name, others_));
    view.type = known->type;
    SY_RETURN_IF_ERROR(read_shape(input.find("shape"), view));
    SY_RETURN_IF_ERROR(read_data(input, *known, view));
    return view;
  }
  bool all_used() const { return binary_.empty(); }

 private:
  static Status read_shape(const Value* shape, TensorView& view) {
    if (shape == nullptr || !shape->is(Kind::kList))
      return bad("tensor '" + std::string(view.name) + "' has no shape", view.name);
    uint64_t elements = 1;
    for (const Value& size : shape->items())
      SY_RETURN_IF_ERROR(add_dimension(size.is(Kind::kInteger) ? size.as_integer() : -1, elements, view));
    return {};
  }

  Status read_data(const Value& input, const Datatype& datatype, TensorView& view) {
    if (const Value* parameters = input.find("parameters"); parameters != nullptr) {
      if (parameters->find("shared_memory_region") != nullptr)
        return unsupported("shared memory is not supported here; send the tensor's data", view.name);
      if (const Value* size = parameters->find("binary_data_size"); size != nullptr)
        return read_binary(*size, datatype, view);
    }
    const Value* data = input.find("data");
    if (data == nullptr)
      return bad(
          "tensor '" + std::string(view.name) + "' has neither data nor the parameter binary_data_size",
          view.name);
    // Before anything is allocated: a shape alone must not take memory.
    if (const size_t there = leaves(*data); there != view.elements())
      return bad("the data of tensor '" + std::string(view.name) + "' has " + std::to_string(there) +
                     " elements, and its shape says " + std::to_string(view.elements()),
                 view.name);
    DataReader reader(view.name, view.type, view.elements(), arena_);
    SY_RETURN_IF_ERROR(reader.read(*data));
    reader.give(view);
    return {};
  }

  Status read_binary(const Value& size, const Datatype& datatype, TensorView& view) {
    const std::string name(view.name);
    if (!size.is(Kind::kInteger) || size.as_integer() < 0 ||
        static_cast<uint64_t>(size.as_integer()) > binary_.size())
      return bad("binary_data_size of tensor '" + name +
                     "' is more than what follows the JSON; check Inference-Header-Content-Length",
                 name);
    const std::string_view raw = binary_.substr(0, static_cast<size_t>(size.as_integer()));
    binary_.remove_prefix(raw.size());
    return read_raw(datatype, raw, view, arena_);
  }

  Arena& arena_;
  std::string_view binary_;
  const Others others_;
};

template <typename T>
T element(const TensorView& tensor, size_t index) {
  T value;
  std::memcpy(&value, tensor.bytes.data() + index * sizeof value, sizeof value);
  return value;
}

template <typename T>
void append_number(T value, std::string& out) {
  char text[40];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

Error not_json(const TensorView& tensor, std::string_view what) {
  return make_error(ErrorKind::kUnprocessable, "oip.not_json",
                    "output '" + std::string(tensor.name) + "' holds " + std::string(what) +
                        ", which JSON lacks; ask for it with binary_data",
                    std::string(tensor.name));
}

Status append_text(const TensorView& tensor, const Value& element, std::string& out) {
  const std::string_view text = element.is(Kind::kString) ? element.as_string() : element.as_bytes();
  if (!is_valid_utf8(text)) return not_json(tensor, "bytes that are no UTF-8");
  append_json_string(text, out);
  return {};
}

Status append_element(const TensorView& tensor, size_t i, std::string& out) {
  switch (tensor.type) {
    case ElementType::kFloat:
      if (!std::isfinite(element<float>(tensor, i))) return not_json(tensor, "a number that is not finite");
      append_number(element<float>(tensor, i), out);
      return {};
    case ElementType::kDouble:
      if (!std::isfinite(element<double>(tensor, i))) return not_json(tensor, "a number that is not finite");
      append_number(element<double>(tensor, i), out);
      return {};
    case ElementType::kInt32: append_number(element<int32_t>(tensor, i), out); return {};
    case ElementType::kInt64: append_number(element<int64_t>(tensor, i), out); return {};
    case ElementType::kBool: out += element<char>(tensor, i) != 0 ? "true" : "false"; return {};
    case ElementType::kString: return append_text(tensor, tensor.strings[i], out);
  }
  return {};
}

}  // namespace

std::string_view datatype_name(ElementType type) { return kDatatypes[static_cast<size_t>(type)].name; }

Result<ElementType> datatype_from(std::string_view name, std::string_view tensor) {
  SY_ASSIGN_OR_RETURN(const Datatype* datatype, find_datatype(name, tensor, Others::kRefuse));
  return datatype->type;
}

Result<std::vector<std::string_view>> split_bytes(std::string_view raw, size_t elements,
                                                  std::string_view tensor) {
  std::vector<std::string_view> parts;
  while (!raw.empty()) {
    uint32_t size = 0;
    if (raw.size() >= sizeof size) std::memcpy(&size, raw.data(), sizeof size);
    if (raw.size() < sizeof size || raw.size() - sizeof size < size || parts.size() == elements)
      return bad("the binary data of tensor '" + std::string(tensor) + "' is no sequence of " +
                     std::to_string(elements) + " elements with a length of four bytes before each",
                 tensor);
    parts.push_back(raw.substr(sizeof size, size));
    raw.remove_prefix(sizeof size + size);
  }
  if (parts.size() == elements) return parts;
  return bad("the binary data of tensor '" + std::string(tensor) + "' has " + std::to_string(parts.size()) +
                 " elements, and its shape says " + std::to_string(elements),
             tensor);
}

void append_bytes_element(std::string_view element, std::string& out) {
  const auto size = static_cast<uint32_t>(element.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out += element;
}

void append_raw(const TensorView& tensor, std::string& out) {
  out += tensor.bytes;
  for (const Value& text : tensor.strings)
    append_bytes_element(text.is(Kind::kBytes) ? text.as_bytes() : text.as_string(), out);
}

Result<std::vector<TensorView>> read_wire_tensors(const Value& list, std::string_view binary, Others others,
                                                  Arena& arena) {
  if (!list.is(Kind::kList) || list.size() == 0 || list.size() > kMaxTensors)
    return bad("there must be 1 to " + std::to_string(kMaxTensors) + " tensors", {});
  Reader reader(arena, binary, others);
  std::vector<TensorView> tensors;
  for (const Value& each : list.items()) {
    SY_ASSIGN_OR_RETURN(tensors.emplace_back(), reader.read(each));
  }
  if (!reader.all_used())
    return bad("the body is longer than its JSON and the binary_data_size of its tensors say", {});
  return tensors;
}

Result<TensorView> read_raw_tensor(std::string_view name, std::string_view datatype,
                                   std::span<const int64_t> shape, std::string_view raw, Others others,
                                   Arena& arena) {
  TensorView view;
  view.name = arena.copy(name);
  SY_ASSIGN_OR_RETURN(const Datatype* known, find_datatype(datatype, view.name, others));
  view.type = known->type;
  uint64_t elements = 1;
  for (const int64_t size : shape) SY_RETURN_IF_ERROR(add_dimension(size, elements, view));
  SY_RETURN_IF_ERROR(read_raw(*known, raw, view, arena));
  return view;
}

Status append_wire_tensor(const TensorView& tensor, bool binary, std::string& json, std::string& behind) {
  json += "{\"name\":";
  append_json_string(tensor.name, json);
  json += ",\"datatype\":\"";
  json += datatype_name(tensor.type);
  json += "\",\"shape\":[";
  for (const int64_t size : tensor.shape) {
    if (json.back() != '[') json += ',';
    append_number(size, json);
  }
  if (binary) {
    const size_t before = behind.size();
    append_raw(tensor, behind);
    json += "],\"parameters\":{\"binary_data_size\":";
    append_number(behind.size() - before, json);
    json += "}}";
    return {};
  }
  json += "],\"data\":[";
  for (size_t i = 0; i < tensor.elements(); ++i) {
    if (i > 0) json += ',';
    SY_RETURN_IF_ERROR(append_element(tensor, i, json));
  }
  json += "]}";
  return {};
}

}  // namespace switchyard::models::oip
