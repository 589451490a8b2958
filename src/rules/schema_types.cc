#include "switchyard/rules/schema_types.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace switchyard::rules {
namespace {

using expression::Type;
using expression::TypeKind;
using schema::SchemaType;

/// Turns a schema's type into an expression's. A schema may contain itself and may name one part often: what
/// stands inside itself, and what comes after kMaxTypes parts, is dyn.
class TypeBuilder {
 public:
  Type build(const SchemaType& type) {
    constexpr uint32_t kMaxTypes = 5000;
    if (++built_ > kMaxTypes || std::find(open_.begin(), open_.end(), &type) != open_.end())
      return Type::dyn();
    open_.push_back(&type);
    Type result = of_kind(type);
    open_.pop_back();
    return type.nullable ? Type::nullable(std::move(result)) : result;
  }

 private:
  Type of_kind(const SchemaType& type) {
    switch (type.kind) {
      case SchemaType::Kind::kNull: return Type::null();
      case SchemaType::Kind::kBoolean: return Type::boolean();
      case SchemaType::Kind::kInteger: return Type::integer();
      case SchemaType::Kind::kNumber: return Type::real();
      case SchemaType::Kind::kString: return Type::string();
      case SchemaType::Kind::kArray:
        return Type::list(type.items != nullptr ? build(*type.items) : Type::dyn());
      case SchemaType::Kind::kObject: return object(type);
      case SchemaType::Kind::kAny:
      case SchemaType::Kind::kNever:
      case SchemaType::Kind::kUnion: return Type::dyn();
    }
    return Type::dyn();
  }

  Type object(const SchemaType& type) {
    const bool open = type.additional != nullptr;
    if (type.properties.empty() && open && type.additional->kind != SchemaType::Kind::kAny) {
      return Type::map(Type::string(), build(*type.additional));
    }
    std::vector<expression::Field> fields;
    for (const auto& property : type.properties) {
      fields.push_back({property.name, property.type != nullptr ? build(*property.type) : Type::dyn(),
                        property.always_present});
    }
    return Type::object(std::move(fields), open);
  }

  uint32_t built_ = 0;
  std::vector<const SchemaType*> open_;
};

Type closed(const Type& type) {
  switch (type.kind()) {
    case TypeKind::kNullable: return Type::nullable(closed(type.element()));
    case TypeKind::kList: return Type::list(closed(type.element()));
    case TypeKind::kObject: {
      if (type.fields().empty()) return type;
      std::vector<expression::Field> fields(type.fields().begin(), type.fields().end());
      for (auto& field : fields) field.type = closed(field.type);
      return Type::object(std::move(fields), false);
    }
    default: return type;
  }
}

}  // namespace

Type accepted_type(const schema::Schema& schema) {
  Type normalized = type_of(schema);
  const Value* properties = schema.document().find("properties");
  if (!normalized.is(TypeKind::kObject) || properties == nullptr) return normalized;
  std::vector<expression::Field> fields(normalized.fields().begin(), normalized.fields().end());
  const Value* required = schema.document().find("required");
  for (auto& field : fields) {
    const Value* property = properties->find(field.name);
    if (property == nullptr || property->find("default") == nullptr) continue;
    bool is_required = false;
    if (required != nullptr && required->is(Kind::kList))
      for (const auto& name : required->items())
        is_required |= name.is(Kind::kString) && name.as_string() == field.name;
    field.required = field.required && is_required;
  }
  return Type::object(std::move(fields), normalized.open());
}

Type readable_type(const schema::Schema& schema) { return closed(type_of(schema)); }

Type type_of(const schema::Schema& schema) { return TypeBuilder().build(schema.type()); }

}  // namespace switchyard::rules
