#include "fit.h"

#include <algorithm>

#include "switchyard/document/document.h"
#include "switchyard/types/json.h"
#include "switchyard/types/time_text.h"

namespace switchyard::rehearsal {
namespace {

using document::Node;
using expression::Type;
using expression::TypeKind;

class Fitter {
 public:
  Fitter(Arena& arena, document::Reporter& reporter) : arena_(arena), reporter_(reporter) {}

  Value fit(const Node& node, const Type& type, const std::string& path) {
    switch (type.kind()) {
      case TypeKind::kDouble: return number(node, path);
      case TypeKind::kObject: return object(node, type, path);
      case TypeKind::kList: return list(node, type, path);
      case TypeKind::kMap: return map(node, type, path);
      case TypeKind::kOptional: return fit(node, type.element(), path);
      case TypeKind::kNullable: return node.is(Node::Kind::kNull) ? Value() : fit(node, type.element(), path);
      case TypeKind::kTimestamp: return timestamp(node, path);
      case TypeKind::kInt: return scalar(node, Node::Kind::kInteger, "a whole number", path);
      case TypeKind::kBool: return scalar(node, Node::Kind::kBool, "true or false", path);
      case TypeKind::kString: return scalar(node, Node::Kind::kString, "a text", path);
      case TypeKind::kNull: return scalar(node, Node::Kind::kNull, "null", path);
      default: return document::to_value(node, arena_);
    }
  }

 private:
  Value refuse(const Node& node, const std::string& path, const std::string& wanted, std::string mend = {}) {
    reporter_.error(node.position, path, "test.wrong_type",
                    "here must be " + wanted + ", not " + node.describe(),
                    mend.empty() ? "write " + wanted : std::move(mend));
    return {};
  }
  Value scalar(const Node& node, Node::Kind kind, const char* wanted, const std::string& path) {
    return node.is(kind) ? document::to_value(node, arena_) : refuse(node, path, wanted);
  }
  Value number(const Node& node, const std::string& path) {
    if (node.is(Node::Kind::kInteger)) return Value::real(static_cast<double>(node.integer));
    return scalar(node, Node::Kind::kDouble, "a number", path);
  }
  Value timestamp(const Node& node, const std::string& path) {
    if (node.is(Node::Kind::kString)) {
      if (const auto time = parse_timestamp(node.text)) return Value::timestamp(time->seconds, time->nanos);
    }
    return refuse(node, path, "a time such as 2026-03-02T09:00:00Z");
  }
  Value list(const Node& node, const Type& type, const std::string& path) {
    if (!node.is(Node::Kind::kSequence)) return refuse(node, path, "a list");
    ListBuilder list(arena_);
    for (size_t i = 0; i < node.items.size(); ++i)
      list.add(fit(node.items[i], type.element(), document::child_path(path, i)));
    return list.build();
  }
  Value map(const Node& node, const Type& type, const std::string& path) {
    if (!type.key().is(TypeKind::kString)) return document::to_value(node, arena_);
    if (!node.is(Node::Kind::kMapping)) return refuse(node, path, "a mapping");
    MapBuilder map(arena_);
    for (const document::Entry& entry : node.entries)
      map.add(arena_.copy(entry.key),
              fit(entry.value, type.element(), document::child_path(path, entry.key)));
    return map.build();
  }
  Value object(const Node& node, const Type& type, const std::string& path) {
    if (!node.is(Node::Kind::kMapping)) return refuse(node, path, "a mapping of " + type.to_string());
    MapBuilder map(arena_);
    std::vector<std::string> names;
    for (const expression::Field& field : type.fields()) {
      names.push_back(field.name);
      const Node* value = node.find(field.name);
      if (value != nullptr) {
        map.add(arena_.copy(field.name), fit(*value, field.type, document::child_path(path, field.name)));
      } else if (field.required) {
        reporter_.error(node.position, path, "test.missing_field", "'" + field.name + "' is missing",
                        "add " + field.name + ": <" + field.type.to_string() + ">");
      }
    }
    for (const document::Entry& entry : node.entries) {
      if (type.find_field(entry.key) != nullptr) continue;
      if (type.open()) {
        map.add(arena_.copy(entry.key), document::to_value(entry.value, arena_));
        continue;
      }
      const std::string near = document::nearest(entry.key, names);
      reporter_.error(entry.position, document::child_path(path, entry.key), "test.unknown_field",
                      "there is no field '" + entry.key + "' here" +
                          (near.empty() ? "" : "; did you mean '" + near + "'?"),
                      near.empty() ? "remove it" : "write " + near);
    }
    return map.build();
  }

  Arena& arena_;
  document::Reporter& reporter_;
};

}  // namespace

Value fit(const Node& node, const Type& type, const std::string& path, Arena& arena,
          document::Reporter& reporter) {
  return Fitter(arena, reporter).fit(node, type, path);
}

Value fit(const Node& node, const schema::Schema& schema, const std::string& path, const std::string& what,
          Arena& arena, document::Reporter& reporter) {
  const Value value = document::to_value(node, arena);
  const auto violations = schema.validate(value);
  for (const schema::Violation& violation : violations) {
    std::string where = path;
    for (const char c : violation.pointer) where += c == '/' ? '.' : c;
    reporter.error(document::position_of_pointer(node, violation.pointer), where, "test.schema_violation",
                   what + " does not fit its schema: " + violation.message, "correct the value");
  }
  if (!violations.empty()) return {};
  auto normal = schema.normalize(value, arena);
  if (normal.ok()) return *normal;
  reporter.error(node.position, path, "test.schema_violation",
                 what + " does not fit its schema: " + normal.error().message, "correct the value");
  return {};
}

}  // namespace switchyard::rehearsal
