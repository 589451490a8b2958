// From compiled subschemas to the types a type checker works with.
#include <algorithm>
#include <map>
#include <utility>

#include "program.h"
#include "wording.h"

namespace switchyard::schema {
namespace {

/// Alternatives kept for one type, and types for one schema; past them the type becomes "any".
constexpr size_t kMaxShapes = 32;
constexpr size_t kMaxTypes = 20000;

/// Subschemas that all apply to one value; sorted, without repetition.
using NodeSet = std::vector<NodeIndex>;

void unite(NodeSet& into, const NodeSet& more) {
  into.insert(into.end(), more.begin(), more.end());
  std::sort(into.begin(), into.end());
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

struct ShapeProperty {
  std::string_view name;
  NodeSet nodes;
  bool always_present = false;
};

/// One alternative of what a value may look like: a conjunction.
struct Shape {
  uint8_t types = kAllTypes;
  std::vector<ShapeProperty> properties;
  NodeSet additional;
  bool patterned = false;  ///< patternProperties say more about other members than is kept here
  NodeSet items;
  bool has_enum = false;
  std::vector<Value> enum_values;
  std::string_view format;
  std::string title;
  std::string description;

  ShapeProperty* find(std::string_view name) {
    for (ShapeProperty& property : properties) {
      if (property.name == name) return &property;
    }
    return nullptr;
  }
};

class Deriver {
 public:
  explicit Deriver(Program& program) : program_(program) {}

  void run() {
    program_.root_type = type_of({program_.root});
    for (size_t i = 0; i < pending_.size(); ++i) fill(*pending_[i].second, all_shapes(pending_[i].first));
  }

 private:
  /// The type of values to which all of `nodes` apply; filled in later, so that cycles end.
  const SchemaType* type_of(const NodeSet& nodes) {
    if (nodes.empty() || program_.types.size() >= kMaxTypes) return any();
    SchemaType*& type = known_[nodes];
    if (type == nullptr) {
      type = &program_.types.emplace_back();
      pending_.emplace_back(nodes, type);
    }
    return type;
  }
  const SchemaType* any() {
    if (any_ == nullptr) any_ = &program_.types.emplace_back();
    return any_;
  }

  std::vector<Shape> all_shapes(const NodeSet& nodes) {
    std::vector<Shape> shapes(1);
    for (const NodeIndex node : nodes) shapes = cross(std::move(shapes), shapes_of(node));
    return shapes;
  }

  /// Remembered, for many may refer to the same subschema.
  const std::vector<Shape>& shapes_of(NodeIndex index) {
    const auto known = shapes_.find(index);
    return known != shapes_.end() ? known->second : shapes_.emplace(index, make_shapes(index)).first->second;
  }

  std::vector<Shape> make_shapes(NodeIndex index) {
    const Node& node = program_.nodes[index];
    if (node.never) return {};
    std::vector<Shape> shapes = {own_shape(node)};
    if (node.combinators == nullptr) return shapes;
    const Combinators& rules = *node.combinators;
    if (rules.ref != kNoNode) shapes = cross(std::move(shapes), shapes_of(rules.ref));
    for (const NodeIndex part : rules.all_of) shapes = cross(std::move(shapes), shapes_of(part));
    for (const auto* forms : {&rules.any_of, &rules.one_of}) {
      if (forms->empty()) continue;
      std::vector<Shape> alternatives;
      for (const NodeIndex form : *forms) {
        for (const Shape& shape : shapes_of(form)) alternatives.push_back(shape);
      }
      shapes = cross(std::move(shapes), alternatives);
    }
    return shapes;
  }

  static std::vector<Shape> cross(std::vector<Shape> left, const std::vector<Shape>& right) {
    std::vector<Shape> shapes;
    if (left.size() * right.size() > kMaxShapes) {
      // Too many to tell apart: keep only which types are possible.
      Shape loose;
      loose.types = 0;
      for (const Shape& a : left) {
        for (const Shape& b : right) loose.types |= a.types & b.types;
      }
      if (loose.types != 0) shapes.push_back(std::move(loose));
      return shapes;
    }
    for (const Shape& a : left) {
      for (const Shape& b : right) {
        Shape both = intersect(a, b);
        if (both.types != 0) shapes.push_back(std::move(both));
      }
    }
    return shapes;
  }

  static Shape intersect(Shape a, Shape b) {
    // What the other says about a property that one does not name, unless patterns make that uncertain.
    const auto apply_additional = [](Shape& to, Shape& from) {
      for (ShapeProperty& property : to.properties) {
        if (from.find(property.name) == nullptr && !from.patterned) unite(property.nodes, from.additional);
      }
    };
    apply_additional(a, b);
    apply_additional(b, a);
    a.types &= b.types;
    for (ShapeProperty& property : b.properties) {
      if (ShapeProperty* same = a.find(property.name); same != nullptr) {
        unite(same->nodes, property.nodes);
        same->always_present |= property.always_present;
      } else {
        a.properties.push_back(std::move(property));
      }
    }
    unite(a.additional, b.additional);
    a.patterned |= b.patterned;
    unite(a.items, b.items);
    if (a.has_enum && b.has_enum) {
      std::erase_if(a.enum_values, [&](const Value& value) {
        return std::none_of(b.enum_values.begin(), b.enum_values.end(),
                            [&](const Value& v) { return equal(v, value); });
      });
    } else if (b.has_enum) {
      a.enum_values = std::move(b.enum_values);
      a.has_enum = true;
    }
    if (a.format.empty()) a.format = b.format;
    if (a.title.empty()) a.title = std::move(b.title);
    if (a.description.empty()) a.description = std::move(b.description);
    return a;
  }

  static Shape own_shape(const Node& node) {
    Shape shape;
    shape.types = node.types;
    shape.has_enum = node.has_enum;
    shape.enum_values = node.enum_values;
    shape.title = node.title;
    shape.description = node.description;
    if (node.strings != nullptr && node.strings->format != nullptr) shape.format = node.strings->format->name;
    if (node.arrays != nullptr && node.arrays->prefix.empty() && node.arrays->items != kNoNode) {
      shape.items = {node.arrays->items};
    }
    if (node.objects != nullptr) add_members(*node.objects, shape);
    return shape;
  }

  static void add_members(const ObjectRules& rules, Shape& shape) {
    for (const Property& property : rules.properties) {
      ShapeProperty one{property.name, {property.node}, property.required || property.has_default};
      for (const PatternProperty& pattern : rules.patterns) {
        if (pattern.pattern.matches(property.name)) unite(one.nodes, {pattern.node});
      }
      shape.properties.push_back(std::move(one));
    }
    for (const std::string_view name : rules.required_elsewhere) {
      // Named by required alone: what patterns or additionalProperties say about it applies.
      ShapeProperty one{name, {}, true};
      for (const PatternProperty& pattern : rules.patterns) {
        if (pattern.pattern.matches(name)) unite(one.nodes, {pattern.node});
      }
      if (one.nodes.empty() && rules.additional != kNoNode) one.nodes = {rules.additional};
      shape.properties.push_back(std::move(one));
    }
    shape.patterned = !rules.patterns.empty();
    if (!shape.patterned && rules.additional != kNoNode) shape.additional = {rules.additional};
  }

  void fill(SchemaType& type, const std::vector<Shape>& shapes) {
    std::vector<SchemaType> kinds;
    for (const Shape& shape : shapes) {
      if (shape.types == kAllTypes && !shape.has_enum) return describe(shapes, type);
      add_kinds(shape, kinds);
    }
    const auto null = std::find_if(kinds.begin(), kinds.end(),
                                   [](const SchemaType& t) { return t.kind == SchemaType::Kind::kNull; });
    const bool nullable = null != kinds.end() && kinds.size() > 1;
    if (nullable) kinds.erase(null);
    if (kinds.empty()) {
      type.kind = SchemaType::Kind::kNever;
    } else if (kinds.size() == 1) {
      type = std::move(kinds[0]);
      if (nullable && !type.enum_values.empty()) type.enum_values.push_back(Value::null());
    } else {
      type.kind = SchemaType::Kind::kUnion;
      for (SchemaType& kind : kinds)
        type.alternatives.push_back(&program_.types.emplace_back(std::move(kind)));
    }
    type.nullable = nullable;
    describe(shapes, type);
  }

  static void describe(const std::vector<Shape>& shapes, SchemaType& type) {
    for (const Shape& shape : shapes) {
      if (type.title.empty()) type.title = shape.title;
      if (type.description.empty()) type.description = shape.description;
    }
  }

  /// Adds the kinds of one alternative, joined with those that are there where nothing is lost.
  void add_kinds(const Shape& shape, std::vector<SchemaType>& kinds) {
    using K = SchemaType::Kind;
    static constexpr std::pair<uint8_t, K> kKinds[] = {{kNullBit, K::kNull},       {kBooleanBit, K::kBoolean},
                                                       {kIntegerBit, K::kInteger}, {kNumberBit, K::kNumber},
                                                       {kStringBit, K::kString},   {kArrayBit, K::kArray},
                                                       {kObjectBit, K::kObject}};
    for (const auto& [bit, kind] : kKinds) {
      if ((shape.types & bit) == 0) continue;
      if (bit == kIntegerBit && (shape.types & kNumberBit) != 0) continue;
      SchemaType type;
      type.kind = kind;
      for (const Value& value : shape.enum_values) {
        const uint8_t bits = types_of(value);
        if ((bits & bit) != 0) type.enum_values.push_back(value);
      }
      if (shape.has_enum && type.enum_values.empty()) continue;
      if (kind == K::kString) type.format = shape.format;
      if (kind == K::kArray) type.items = type_of(shape.items);
      if (kind == K::kObject) set_members(shape, type);
      join(std::move(type), kinds);
    }
  }

  void set_members(const Shape& shape, SchemaType& type) {
    for (const ShapeProperty& property : shape.properties) {
      type.properties.push_back(
          {std::string(property.name), type_of(property.nodes), property.always_present});
    }
    if (shape.patterned) {
      type.additional = any();
      return;
    }
    const auto never = [&](NodeIndex node) { return program_.nodes[node].never; };
    const bool closed = std::any_of(shape.additional.begin(), shape.additional.end(), never);
    if (!closed) type.additional = type_of(shape.additional);
  }

  static void join(SchemaType type, std::vector<SchemaType>& kinds) {
    for (SchemaType& other : kinds) {
      if (other.kind != type.kind || other.items != type.items || !same_members(other, type)) continue;
      for (size_t i = 0; i < type.properties.size(); ++i) {
        other.properties[i].always_present &= type.properties[i].always_present;
      }
      if (other.format != type.format) other.format.clear();
      if (other.enum_values.empty() || type.enum_values.empty()) {
        other.enum_values.clear();
      } else {
        for (const Value& value : type.enum_values) {
          const auto same = [&](const Value& v) { return equal(v, value); };
          if (std::none_of(other.enum_values.begin(), other.enum_values.end(), same))
            other.enum_values.push_back(value);
        }
      }
      return;
    }
    kinds.push_back(std::move(type));
  }

  static bool same_members(const SchemaType& a, const SchemaType& b) {
    return a.additional == b.additional &&
           std::equal(a.properties.begin(), a.properties.end(), b.properties.begin(), b.properties.end(),
                      [](const PropertyType& x, const PropertyType& y) {
                        return x.name == y.name && x.type == y.type;
                      });
  }

  Program& program_;
  std::map<NodeSet, SchemaType*> known_;
  std::map<NodeIndex, std::vector<Shape>> shapes_;
  std::vector<std::pair<NodeSet, SchemaType*>> pending_;
  SchemaType* any_ = nullptr;
};

}  // namespace

void derive_types(Program& program) { Deriver(program).run(); }

}  // namespace switchyard::schema
