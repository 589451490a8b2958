#include <algorithm>
#include <cstring>

#include "switchyard/base/base64.h"
#include "switchyard/base/check.h"
#include "switchyard/models/backend.h"
#include "switchyard/models/limits.h"
#include "switchyard/models/tensors.h"

namespace switchyard::models {
namespace {

Error bad(const std::string& what, std::string_view field) {
  return make_error(ErrorKind::kInvalidArgument, "models.bad_input", what, std::string(field));
}

/// The shape as a list of dimensions whose product stays within kMaxTensorElements.
Status read_shape(const Value& tensor, TensorView& view) {
  const Value* shape = tensor.find("shape");
  const std::string name(view.name);
  if (shape == nullptr || !shape->is(Kind::kList) || shape->size() == 0 ||
      shape->size() > kMaxTensorDimensions) {
    return bad("tensor '" + name + "' needs a shape of 1 to " + std::to_string(kMaxTensorDimensions) +
                   " dimensions, the first of which is the batch",
               name);
  }
  uint64_t elements = 1;
  for (const Value& size : shape->items()) {
    if (!size.is(Kind::kInteger) || size.as_integer() < 0 ||
        static_cast<uint64_t>(size.as_integer()) > kMaxTensorElements)
      return bad("the shape of tensor '" + name + "' holds what is no dimension; write whole numbers from 0",
                 name);
    view.shape.push_back(size.as_integer());
    elements *= static_cast<uint64_t>(size.as_integer());
    if (elements > kMaxTensorElements)
      return bad("tensor '" + name + "' has more than " + std::to_string(kMaxTensorElements) +
                     " elements (kMaxTensorElements); send fewer rows at once",
                 name);
  }
  return {};
}

Status read_strings(const Value& data, TensorView& view) {
  const std::string name(view.name);
  if (!data.is(Kind::kList) || data.size() != view.elements())
    return bad("the data of tensor '" + name + "' must be a list of " + std::to_string(view.elements()) +
                   " texts, as its shape says",
               name);
  for (const Value& text : data.items())
    if (!text.is(Kind::kString) && !text.is(Kind::kBytes))
      return bad("the data of tensor '" + name + "' holds what is no text", name);
  view.strings = data.items();
  return {};
}

Status read_data(const Value& tensor, TensorView& view, Arena& arena) {
  const std::string name(view.name);
  const Value* data = tensor.find("data");
  if (data == nullptr) return bad("tensor '" + name + "' has no data", name);
  if (view.type == ElementType::kString) return read_strings(*data, view);
  if (data->is(Kind::kBytes)) {
    view.bytes = data->as_bytes();
  } else if (std::string decoded; data->is(Kind::kString) && base64_decode(data->as_string(), decoded)) {
    view.bytes = arena.copy(decoded);
  } else {
    return bad("the data of tensor '" + name + "' must be bytes, or base64 in JSON", name);
  }
  const size_t wanted = view.elements() * TensorData::element_bytes(view.type);
  if (view.bytes.size() == wanted) return {};
  return bad("the data of tensor '" + name + "' has " + std::to_string(view.bytes.size()) +
                 " bytes, and its type and shape say " + std::to_string(wanted),
             name);
}

Result<TensorView> read_tensor(const Value& tensor, Arena& arena) {
  TensorView view;
  const Value* name = tensor.find("name");
  if (name == nullptr || !name->is(Kind::kString)) return bad("a tensor has no name", kTensorsMember);
  view.name = name->as_string();
  const Value* type = tensor.find("type");
  if (type == nullptr || !type->is(Kind::kString) || !parse_element_type(type->as_string(), &view.type))
    return bad(
        "tensor '" + std::string(view.name) + "' needs a type: float, double, int32, int64, bool or string",
        view.name);
  SY_RETURN_IF_ERROR(read_shape(tensor, view));
  SY_RETURN_IF_ERROR(read_data(tensor, view, arena));
  return view;
}

template <typename T>
T element(std::string_view bytes, size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
  return value;
}

}  // namespace

Value number_at(ElementType type, std::string_view bytes, size_t index) {
  switch (type) {
    case ElementType::kFloat: return Value::real(static_cast<double>(element<float>(bytes, index)));
    case ElementType::kDouble: return Value::real(element<double>(bytes, index));
    case ElementType::kInt32: return Value::integer(element<int32_t>(bytes, index));
    case ElementType::kInt64: return Value::integer(element<int64_t>(bytes, index));
    case ElementType::kBool: return Value::boolean(element<uint8_t>(bytes, index) != 0);
    case ElementType::kString: break;
  }
  check_failed("a number's type", __FILE__, __LINE__);
}

size_t TensorView::elements() const {
  size_t count = 1;
  for (const int64_t size : shape) count *= static_cast<size_t>(size);
  return count;
}

bool has_tensors(const Value& document) {
  return document.is(Kind::kMap) && document.size() == 1 &&
         document.members().front().key.is(Kind::kString) &&
         document.members().front().key.as_string() == kTensorsMember;
}

int64_t rows_asked(const Value& input) {
  if (!has_tensors(input)) return 1;
  const Value* rows = input.at_pointer("/$tensors/inputs/0/shape/0");
  return rows == nullptr || !rows->is(Kind::kInteger)
             ? 1
             : std::clamp<int64_t>(rows->as_integer(), 1, kMaxTensorRows);
}

Result<std::vector<TensorView>> read_tensors(const Value& document, std::string_view side, Arena& arena) {
  const Value* body = document.find(kTensorsMember);
  const Value* list = body == nullptr ? nullptr : body->find(side);
  if (list == nullptr || !list->is(Kind::kList) || list->size() == 0 || list->size() > kMaxTensors)
    return bad("'" + std::string(side) + "' must be a list of 1 to " + std::to_string(kMaxTensors) +
                   " tensors (kMaxTensors)",
               side);
  std::vector<TensorView> tensors;
  for (const Value& each : list->items()) {
    SY_ASSIGN_OR_RETURN(TensorView view, read_tensor(each, arena));
    const std::string name(view.name);
    for (const TensorView& other : tensors) {
      if (other.name == view.name) return bad("tensor '" + name + "' is there twice", name);
      if (other.shape.front() == view.shape.front()) continue;
      return bad("tensor '" + name + "' has " + std::to_string(view.shape.front()) + " rows and '" +
                     std::string(other.name) + "' " + std::to_string(other.shape.front()) +
                     "; the first dimension of all is the batch and must be the same",
                 name);
    }
    if (view.shape.front() < 1 || static_cast<uint64_t>(view.shape.front()) > kMaxTensorRows)
      return bad("tensor '" + name + "' has " + std::to_string(view.shape.front()) +
                     " rows; a request may have 1 to " + std::to_string(kMaxTensorRows) + " (kMaxTensorRows)",
                 name);
    tensors.push_back(std::move(view));
  }
  return tensors;
}

Result<std::vector<std::string_view>> wanted_outputs(const Value& document) {
  std::vector<std::string_view> names;
  const Value* body = document.find(kTensorsMember);
  const Value* list = body == nullptr ? nullptr : body->find("outputs");
  if (list == nullptr) return names;
  if (!list->is(Kind::kList) || list->size() > kMaxTensors)
    return bad("'outputs' must be a list of at most " + std::to_string(kMaxTensors) + " names", "outputs");
  for (const Value& name : list->items()) {
    if (!name.is(Kind::kString)) return bad("'outputs' holds what is no name", "outputs");
    if (std::find(names.begin(), names.end(), name.as_string()) != names.end())
      return bad("output '" + std::string(name.as_string()) + "' is asked for twice", "outputs");
    names.push_back(name.as_string());
  }
  return names;
}

Document make_tensor_document(std::string_view side, std::span<const TensorView> tensors,
                              std::span<const std::string_view> wanted, std::shared_ptr<Arena> arena) {
  ListBuilder list(*arena, static_cast<uint32_t>(tensors.size()));
  for (const TensorView& tensor : tensors) {
    MapBuilder map(*arena, 4);
    map.add("name", Value::string(arena->copy(tensor.name)));
    map.add("type", Value::string(element_type_name(tensor.type)));
    ListBuilder shape(*arena, static_cast<uint32_t>(tensor.shape.size()));
    for (const int64_t size : tensor.shape) shape.add(Value::integer(size));
    map.add("shape", shape.build());
    map.add("data",
            tensor.type == ElementType::kString ? Value::list(tensor.strings) : Value::bytes(tensor.bytes));
    list.add(map.build());
  }
  MapBuilder body(*arena, 2);
  body.add(Value::string(arena->copy(side)), list.build());
  if (!wanted.empty()) {
    ListBuilder names(*arena, static_cast<uint32_t>(wanted.size()));
    for (const std::string_view name : wanted) names.add(Value::string(arena->copy(name)));
    body.add("outputs", names.build());
  }
  MapBuilder root(*arena, 1);
  root.add(kTensorsMember, body.build());
  const Value value = root.build();
  return Document(std::move(arena), value);
}

}  // namespace switchyard::models
