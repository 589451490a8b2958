#include "interpret/value_type.h"

#include <algorithm>
#include <vector>

namespace switchyard::workflow {
namespace {

using expression::Type;
using expression::TypeKind;

// Of lists and objects: what is told of one in a message.
constexpr size_t kMaxShownFields = 24;
constexpr int kMaxShownDepth = 6;

bool fits_object(const Value& value, const Type& type) {
  if (!value.is(Kind::kMap)) return false;
  for (const auto& field : type.fields()) {
    const Value* member = value.find(field.name);
    if (member == nullptr ? field.required : !fits(*member, field.type)) return false;
  }
  if (type.open()) return true;
  return std::all_of(value.members().begin(), value.members().end(), [&](const Member& member) {
    return member.key.is(Kind::kString) && type.find_field(member.key.as_string()) != nullptr;
  });
}

bool fits_map(const Value& value, const Type& type) {
  return value.is(Kind::kMap) &&
         std::all_of(value.members().begin(), value.members().end(), [&](const Member& member) {
           return fits(member.key, type.key()) && fits(member.value, type.element());
         });
}

Type type_of_value(const Value& value, int depth) {
  switch (value.kind()) {
    case Kind::kNull: return Type::null();
    case Kind::kBool: return Type::boolean();
    case Kind::kInteger: return Type::integer();
    case Kind::kUnsigned: return Type::unsigned_integer();
    case Kind::kDouble: return Type::real();
    case Kind::kString: return Type::string();
    case Kind::kBytes: return Type::bytes();
    case Kind::kTimestamp: return Type::timestamp();
    case Kind::kDuration: return Type::duration();
    case Kind::kType: return Type::type();
    case Kind::kOptional: return Type::dyn();
    case Kind::kList: {
      if (value.items().empty() || depth >= kMaxShownDepth) return Type::list(Type::dyn());
      Type element = type_of_value(value.items().front(), depth + 1);
      for (const Value& item : value.items()) element = join(element, type_of_value(item, depth + 1));
      return Type::list(element);
    }
    case Kind::kMap: {
      if (depth >= kMaxShownDepth) return Type::map(Type::dyn(), Type::dyn());
      std::vector<expression::Field> fields;
      for (const Member& member : value.members()) {
        if (!member.key.is(Kind::kString)) return Type::map(Type::dyn(), Type::dyn());
        if (fields.size() == kMaxShownFields) return Type::object(std::move(fields), true);
        fields.push_back({std::string(member.key.as_string()), type_of_value(member.value, depth + 1)});
      }
      return Type::object(std::move(fields));
    }
  }
  return Type::dyn();
}

}  // namespace

bool fits(const Value& value, const Type& type) {
  switch (type.kind()) {
    case TypeKind::kDyn:
    case TypeKind::kError:
    case TypeKind::kVariable: return true;
    case TypeKind::kNull: return value.is_null();
    case TypeKind::kBool: return value.is(Kind::kBool);
    case TypeKind::kInt: return value.is(Kind::kInteger);
    case TypeKind::kUint: return value.is(Kind::kUnsigned);
    case TypeKind::kDouble: return value.is(Kind::kDouble);
    case TypeKind::kIp:
    case TypeKind::kCidr:
    case TypeKind::kString: return value.is(Kind::kString);
    case TypeKind::kBytes: return value.is(Kind::kBytes);
    case TypeKind::kTimestamp: return value.is(Kind::kTimestamp);
    case TypeKind::kDuration: return value.is(Kind::kDuration);
    case TypeKind::kType: return value.is(Kind::kType);
    case TypeKind::kNullable: return value.is_null() || fits(value, type.element());
    case TypeKind::kOptional:
      if (!value.is(Kind::kOptional)) return fits(value, type.element());
      return value.optional_value() == nullptr || fits(*value.optional_value(), type.element());
    case TypeKind::kList:
      return value.is(Kind::kList) &&
             std::all_of(value.items().begin(), value.items().end(),
                         [&](const Value& item) { return fits(item, type.element()); });
    case TypeKind::kMap: return fits_map(value, type);
    case TypeKind::kObject: return fits_object(value, type);
  }
  return false;
}

std::string shown_type(const Value& value) { return type_of_value(value, 0).to_string(); }

}  // namespace switchyard::workflow
