#include "switchyard/expression/type.h"

#include <algorithm>

#include "switchyard/base/check.h"
#include "switchyard/expression/limits.h"

namespace switchyard::expression {

struct Type::Node {
  Type key;
  Type element;
  std::vector<Field> fields;
  bool open = false;
  uint32_t depth = 1;
};

namespace {

/// Field names of a message are cut after this many, so that a wide schema stays readable.
constexpr size_t kFieldsShown = 12;
constexpr uint32_t kDepthShown = 3;

}  // namespace

Type Type::composed(TypeKind kind, Node node) {
  uint32_t depth = std::max(node.key.depth(), node.element.depth());
  for (const auto& field : node.fields) depth = std::max(depth, field.type.depth());
  if (depth >= kMaxTypeDepth) return dyn();
  node.depth = depth + 1;
  Type type(kind);
  type.node_ = std::make_shared<const Node>(std::move(node));
  return type;
}

Type Type::list(Type element) {
  Node node;
  node.element = std::move(element);
  return composed(TypeKind::kList, std::move(node));
}

Type Type::map(Type key, Type value) {
  Node node;
  node.key = std::move(key);
  node.element = std::move(value);
  return composed(TypeKind::kMap, std::move(node));
}

Type Type::optional(Type inner) {
  Node node;
  node.element = std::move(inner);
  return composed(TypeKind::kOptional, std::move(node));
}

Type Type::nullable(Type inner) {
  if (inner.is_dyn() || inner.is_error() || inner.is(TypeKind::kNull) || inner.is(TypeKind::kNullable))
    return inner;
  Node node;
  node.element = std::move(inner);
  return composed(TypeKind::kNullable, std::move(node));
}

Type Type::object(std::vector<Field> fields, bool open) {
  for (size_t i = 0; i < fields.size(); ++i)
    for (size_t j = 0; j < i; ++j) SY_CHECK(fields[i].name != fields[j].name);
  Node node;
  node.fields = std::move(fields);
  node.open = open;
  return composed(TypeKind::kObject, std::move(node));
}

Type Type::variable(uint32_t id) {
  Type type(TypeKind::kVariable);
  type.id_ = id;
  return type;
}

const Type& Type::element() const {
  SY_CHECK(kind_ == TypeKind::kList || kind_ == TypeKind::kMap || kind_ == TypeKind::kOptional ||
           kind_ == TypeKind::kNullable);
  return node_->element;
}

const Type& Type::key() const {
  SY_CHECK(kind_ == TypeKind::kMap);
  return node_->key;
}

std::span<const Field> Type::fields() const {
  if (kind_ != TypeKind::kObject) return {};
  return node_->fields;
}

const Field* Type::find_field(std::string_view name) const {
  for (const auto& field : fields())
    if (field.name == name) return &field;
  return nullptr;
}

bool Type::open() const { return kind_ == TypeKind::kObject && node_->open; }

Type Type::unwrapped() const {
  if (kind_ == TypeKind::kOptional || kind_ == TypeKind::kNullable) return node_->element;
  return *this;
}

uint32_t Type::depth() const { return node_ == nullptr ? 0 : node_->depth; }

bool Type::equals(const Type& other) const {
  if (kind_ != other.kind_ || id_ != other.id_) return false;
  if (node_ == other.node_) return true;
  if (node_ == nullptr || other.node_ == nullptr) return false;
  if (!node_->key.equals(other.node_->key) || !node_->element.equals(other.node_->element)) return false;
  if (node_->open != other.node_->open || node_->fields.size() != other.node_->fields.size()) return false;
  // Fields are a set: their order says nothing.
  return std::all_of(node_->fields.begin(), node_->fields.end(), [&](const Field& field) {
    const Field* twin = other.find_field(field.name);
    return twin != nullptr && twin->required == field.required && twin->type.equals(field.type);
  });
}

std::string Type::to_string() const {
  std::string out;
  append_to(out, 0);
  return out;
}

void Type::append_to(std::string& out, uint32_t depth) const {
  const auto inner = [&](const char* name) {
    out += name;
    out += '(';
    if (kind_ == TypeKind::kMap) {
      node_->key.append_to(out, depth + 1);
      out += ", ";
    }
    node_->element.append_to(out, depth + 1);
    out += ')';
  };
  switch (kind_) {
    case TypeKind::kDyn: out += "dyn"; return;
    case TypeKind::kError: out += "error"; return;
    case TypeKind::kNull: out += "null"; return;
    case TypeKind::kBool: out += "bool"; return;
    case TypeKind::kInt: out += "int"; return;
    case TypeKind::kUint: out += "uint"; return;
    case TypeKind::kDouble: out += "double"; return;
    case TypeKind::kString: out += "string"; return;
    case TypeKind::kBytes: out += "bytes"; return;
    case TypeKind::kTimestamp: out += "timestamp"; return;
    case TypeKind::kDuration: out += "duration"; return;
    case TypeKind::kType: out += "type"; return;
    case TypeKind::kIp: out += "net.IP"; return;
    case TypeKind::kCidr: out += "net.CIDR"; return;
    case TypeKind::kVariable: out += "dyn"; return;
    case TypeKind::kList: return inner("list");
    case TypeKind::kMap: return inner("map");
    case TypeKind::kOptional: return inner("optional");
    case TypeKind::kNullable:
      node_->element.append_to(out, depth + 1);
      out += " or null";
      return;
    case TypeKind::kObject: break;
  }
  if (depth >= kDepthShown) {
    out += "{...}";
    return;
  }
  out += '{';
  size_t shown = 0;
  for (const auto& field : node_->fields) {
    if (shown > 0) out += ", ";
    if (shown++ == kFieldsShown) break;
    out += field.name;
    out += field.required ? ": " : "?: ";
    field.type.append_to(out, depth + 1);
  }
  if (shown > kFieldsShown || node_->open) out += shown > 0 && shown <= kFieldsShown ? ", ..." : "...";
  out += '}';
}

// -- relations --------------------------------------------------------------------------------------------

namespace {

bool object_fits_object(const Type& from, const Type& to) {
  for (const auto& wanted : to.fields()) {
    const Field* given = from.find_field(wanted.name);
    if (given == nullptr) {
      if (wanted.required) return false;
      continue;  // an open object may hold it with any type: checked when evaluated
    }
    if (wanted.required && !given->required) return false;
    if (!is_assignable(given->type, wanted.type)) return false;
  }
  if (to.open()) return true;
  if (from.open()) return false;
  return std::all_of(from.fields().begin(), from.fields().end(),
                     [&](const Field& field) { return to.find_field(field.name) != nullptr; });
}

bool object_fits_map(const Type& from, const Type& to) {
  if (!is_assignable(Type::string(), to.key())) return false;
  if (from.open() && !to.element().is_dyn()) return false;
  return std::all_of(from.fields().begin(), from.fields().end(),
                     [&](const Field& field) { return is_assignable(field.type, to.element()); });
}

}  // namespace

bool is_assignable(const Type& from, const Type& to) {
  if (from.is_dyn() || to.is_dyn() || from.is_error() || to.is_error()) return true;
  if (to.is(TypeKind::kNullable))
    return from.is(TypeKind::kNull) ||
           is_assignable(from.is(TypeKind::kNullable) ? from.element() : from, to.element());
  if (from.is(TypeKind::kObject))
    return to.is(TypeKind::kObject) ? object_fits_object(from, to)
                                    : to.is(TypeKind::kMap) && object_fits_map(from, to);
  if (from.kind() != to.kind()) return false;
  switch (from.kind()) {
    case TypeKind::kList:
    case TypeKind::kOptional: return is_assignable(from.element(), to.element());
    case TypeKind::kMap:
      return is_assignable(from.key(), to.key()) && is_assignable(from.element(), to.element());
    case TypeKind::kVariable: return from.variable_id() == to.variable_id();
    default: return true;
  }
}

Type join(const Type& a, const Type& b) {
  if (a == b || b.is_error()) return a;
  if (a.is_error()) return b;
  if (a.is_dyn() || b.is_dyn()) return Type::dyn();
  if (a.is(TypeKind::kNull)) return Type::nullable(b);
  if (b.is(TypeKind::kNull)) return Type::nullable(a);
  if (a.is(TypeKind::kNullable) || b.is(TypeKind::kNullable)) {
    const Type inner =
        join(a.is(TypeKind::kNullable) ? a.element() : a, b.is(TypeKind::kNullable) ? b.element() : b);
    return Type::nullable(inner);
  }
  if (a.kind() != b.kind()) return Type::dyn();
  switch (a.kind()) {
    case TypeKind::kList: return Type::list(join(a.element(), b.element()));
    case TypeKind::kOptional: return Type::optional(join(a.element(), b.element()));
    case TypeKind::kMap: return Type::map(join(a.key(), b.key()), join(a.element(), b.element()));
    case TypeKind::kObject: {
      std::vector<Field> fields;
      for (const auto& field : a.fields()) {
        const Field* twin = b.find_field(field.name);
        if (twin == nullptr)
          fields.push_back({field.name, b.open() ? Type::dyn() : field.type, false});
        else
          fields.push_back({field.name, join(field.type, twin->type), field.required && twin->required});
      }
      for (const auto& field : b.fields())
        if (a.find_field(field.name) == nullptr)
          fields.push_back({field.name, a.open() ? Type::dyn() : field.type, false});
      return Type::object(std::move(fields), a.open() || b.open());
    }
    default: return Type::dyn();
  }
}

}  // namespace switchyard::expression
