#include <array>

#include "switchyard/base/check.h"
#include "switchyard/models/backend.h"

namespace switchyard::models {
namespace {

constexpr std::array<std::string_view, 6> kTypeNames{"float", "double", "int32", "int64", "bool", "string"};

}  // namespace

std::string_view element_type_name(ElementType type) { return kTypeNames[static_cast<size_t>(type)]; }

bool parse_element_type(std::string_view name, ElementType* type) {
  for (size_t i = 0; i < kTypeNames.size(); ++i) {
    if (kTypeNames[i] != name) continue;
    *type = static_cast<ElementType>(i);
    return true;
  }
  return false;
}

std::string TensorInfo::to_string() const {
  std::string text(element_type_name(type));
  text += '[';
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i] >= 0 ? std::to_string(shape[i]) : i == 0 ? "N" : "?";
  }
  return text + ']';
}

size_t TensorData::elements() const {
  size_t count = 1;
  for (const int64_t size : shape) count *= static_cast<size_t>(size);
  return count;
}

size_t TensorData::element_bytes(ElementType type) {
  switch (type) {
    case ElementType::kFloat:
    case ElementType::kInt32: return 4;
    case ElementType::kDouble:
    case ElementType::kInt64: return 8;
    case ElementType::kBool: return 1;
    case ElementType::kString: return 0;
  }
  check_failed("element type", __FILE__, __LINE__);
}

}  // namespace switchyard::models
