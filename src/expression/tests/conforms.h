#pragma once

#include <algorithm>

#include "switchyard/expression/type.h"
#include "switchyard/types/value.h"

namespace switchyard::expression::testing {

/// Whether a value is of a type: what the checker promised, asked of what came out.
inline bool conforms(const Value& value, const Type& type) {
  switch (type.kind()) {
    case TypeKind::kDyn: return true;
    case TypeKind::kNull: return value.is_null();
    case TypeKind::kBool: return value.is(Kind::kBool);
    case TypeKind::kInt: return value.is(Kind::kInteger);
    case TypeKind::kUint: return value.is(Kind::kUnsigned);
    // JSON writes 5 for 5.0: such an int passes for a double (the result of a program itself is one).
    case TypeKind::kDouble: return value.is_number();
    case TypeKind::kString: return value.is(Kind::kString);
    case TypeKind::kBytes: return value.is(Kind::kBytes);
    case TypeKind::kTimestamp: return value.is(Kind::kTimestamp);
    case TypeKind::kDuration: return value.is(Kind::kDuration);
    case TypeKind::kType: return value.is(Kind::kType);
    case TypeKind::kNullable: return value.is_null() || conforms(value, type.element());
    case TypeKind::kOptional:
      return value.is(Kind::kOptional) &&
             (value.optional_value() == nullptr || conforms(*value.optional_value(), type.element()));
    case TypeKind::kList:
      return value.is(Kind::kList) &&
             std::all_of(value.items().begin(), value.items().end(),
                         [&](const Value& item) { return conforms(item, type.element()); });
    case TypeKind::kMap:
      return value.is(Kind::kMap) &&
             std::all_of(value.members().begin(), value.members().end(), [&](const Member& member) {
               return conforms(member.key, type.key()) && conforms(member.value, type.element());
             });
    case TypeKind::kObject:
      return value.is(Kind::kMap) &&
             std::all_of(type.fields().begin(), type.fields().end(), [&](const Field& field) {
               const Value* found = value.find(field.name);
               return found == nullptr ? !field.required : conforms(*found, field.type);
             });
    default: return false;
  }
}

}  // namespace switchyard::expression::testing
