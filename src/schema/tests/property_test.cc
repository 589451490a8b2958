// Random schemas and random values: the compiled form against the reference, normalize() against its
// promises, types against normalized values, compatibility against values.
#include <random>

#include "helpers.h"
#include "reference.h"
#include "switchyard/schema/compatibility.h"

namespace switchyard::schema {
namespace {

/// Small vocabularies, so that schemas and values meet.
class Generator {
 public:
  Generator(uint64_t seed, Arena& arena, bool with_defaults)
      : random_(seed), arena_(arena), with_defaults_(with_defaults) {}

  uint64_t below(uint64_t end) { return random_() % end; }
  bool one_in(uint64_t n) { return below(n) == 0; }

  Value value(int levels) {
    switch (below(levels == 0 ? 6 : 9)) {
      case 0: return one_in(2) ? Value::null() : Value::boolean(one_in(2));
      case 1:
      case 2: return Value::integer(static_cast<int64_t>(below(9)) - 3);
      case 3: return Value::real((static_cast<double>(below(17)) - 6) / 2);
      case 4:
      case 5: return Value::string(word());
      case 6: {
        ListBuilder items(arena_);
        for (uint64_t n = below(4); n > 0; --n) items.add(value(levels - 1));
        return items.build();
      }
      default: return object([&] { return value(levels - 1); });
    }
  }

  Value document() {
    MapBuilder members(arena_);
    MapBuilder definitions(arena_);
    for (const char* name : {"d0", "d1"}) definitions.add(name, schema(2));
    members.add("$defs", definitions.build());
    references_ = true;
    add_keywords(members, 3);
    return members.build();
  }

 private:
  std::string_view word() {
    static constexpr std::string_view kWords[] = {"", "a", "b", "ab", "abc", "é", "bbb"};
    return kWords[below(std::size(kWords))];
  }
  std::string_view name() {
    static constexpr std::string_view kNames[] = {"a", "b", "ab", "c", "bc"};
    return kNames[below(std::size(kNames))];
  }
  Value names() {
    ListBuilder list(arena_);
    for (uint64_t n = 1 + below(2); n > 0; --n) list.add(Value::string(name()));
    return list.build();
  }
  template <typename Make>
  Value object(Make make) {
    MapBuilder members(arena_);
    for (const std::string_view key : {"a", "b", "ab", "c", "bc"}) {
      if (one_in(3)) members.add(key, make());
    }
    return members.build();
  }

  Value schema(int levels) {
    if (one_in(12)) return Value::boolean(!one_in(3));
    MapBuilder members(arena_);
    add_keywords(members, levels);
    return members.build();
  }
  Value schemas(int levels) {
    ListBuilder list(arena_);
    for (uint64_t n = 1 + below(2); n > 0; --n) list.add(schema(levels - 1));
    return list.build();
  }

  void add_keywords(MapBuilder& out, int levels) {
    if (references_ && one_in(8)) {
      out.add("$ref", Value::string(one_in(2) ? "#/$defs/d0" : "#/$defs/d1"));
      return;
    }
    static constexpr std::string_view kTypes[] = {"null",   "boolean", "integer", "number",
                                                  "string", "array",   "object",  "object"};
    const std::string_view type = kTypes[below(std::size(kTypes))];
    if (!one_in(4)) {
      if (one_in(5)) {
        ListBuilder types(arena_);
        types.add(Value::string(type));
        types.add(Value::string(kTypes[below(7)]));
        out.add("type", types.build());
      } else {
        out.add("type", Value::string(type));
      }
    }
    if (one_in(8)) {
      ListBuilder allowed(arena_);
      for (uint64_t n = 1 + below(3); n > 0; --n) allowed.add(value(1));
      out.add("enum", allowed.build());
    }
    if (type == "integer" || type == "number") add_number_keywords(out);
    if (type == "string") add_string_keywords(out);
    if (type == "array" && levels > 0) add_list_keywords(out, levels);
    if (type == "object" && levels > 0) add_object_keywords(out, levels);
    if (levels > 0) add_combinators(out, levels);
  }
  Value small() {
    return one_in(2) ? Value::integer(static_cast<int64_t>(below(7)) - 3)
                     : Value::real(static_cast<double>(below(9)) / 2 - 2);
  }
  Value count() { return Value::integer(static_cast<int64_t>(below(4))); }

  void add_number_keywords(MapBuilder& out) {
    if (one_in(4)) out.add("minimum", small());
    if (one_in(4)) out.add("maximum", small());
    if (one_in(6)) out.add("exclusiveMinimum", small());
    if (one_in(6)) out.add("exclusiveMaximum", small());
    if (one_in(6)) out.add("multipleOf", one_in(2) ? Value::integer(2) : Value::real(0.5));
  }
  void add_string_keywords(MapBuilder& out) {
    if (one_in(3)) out.add("minLength", count());
    if (one_in(3)) out.add("maxLength", count());
    if (one_in(3)) out.add("pattern", Value::string(one_in(2) ? "^a" : "b"));
  }
  void add_list_keywords(MapBuilder& out, int levels) {
    if (one_in(2)) out.add("items", schema(levels - 1));
    if (one_in(4)) out.add("prefixItems", schemas(levels));
    if (one_in(5)) out.add("contains", schema(levels - 1));
    if (one_in(5)) out.add("minItems", count());
    if (one_in(5)) out.add("maxItems", count());
    if (one_in(4)) out.add("uniqueItems", Value::boolean(!one_in(4)));
  }
  void add_object_keywords(MapBuilder& out, int levels) {
    if (!one_in(4)) out.add("properties", object([&] { return property(levels - 1); }));
    if (one_in(3)) out.add("required", names());
    if (one_in(4)) out.add("additionalProperties", one_in(2) ? Value::boolean(false) : schema(levels - 1));
    if (one_in(6)) {
      MapBuilder patterns(arena_);
      patterns.add(one_in(2) ? "^a" : "c$", schema(levels - 1));
      out.add("patternProperties", patterns.build());
    }
    if (one_in(8)) out.add("propertyNames", schema(0));
    if (one_in(8)) out.add("minProperties", count());
    if (one_in(8)) out.add("maxProperties", count());
    if (one_in(6)) {
      MapBuilder rules(arena_);
      rules.add(name(), names());
      out.add("dependentRequired", rules.build());
    }
  }
  Value property(int levels) {
    const Value made = schema(levels);
    if (!with_defaults_ || !made.is(Kind::kMap) || !one_in(2)) return made;
    // A default must fit its schema, so look for a value that does.
    const SchemaPtr alone = Schema::compile(made).schema;
    for (int i = 0; i < 20 && alone != nullptr; ++i) {
      const Value fitting = value(1);
      if (!alone->accepts(fitting)) continue;
      MapBuilder members(arena_);
      for (const Member& member : made.members()) members.add(member.key, member.value);
      members.add("default", fitting);
      return members.build();
    }
    return made;
  }
  void add_combinators(MapBuilder& out, int levels) {
    if (one_in(10)) out.add("allOf", schemas(levels));
    if (one_in(8)) out.add("anyOf", schemas(levels));
    if (one_in(8)) out.add("oneOf", schemas(levels));
    if (one_in(12)) out.add("not", schema(levels - 1));
    if (one_in(12)) {
      out.add("if", schema(levels - 1));
      if (!one_in(3)) out.add("then", schema(levels - 1));
      if (!one_in(3)) out.add("else", schema(levels - 1));
    }
  }

  std::mt19937_64 random_;
  Arena& arena_;
  bool with_defaults_;
  bool references_ = false;
};

using K = SchemaType::Kind;

bool conforms(const Value& value, const SchemaType& type) {
  if (!type.enum_values.empty()) {
    const auto same = [&](const Value& allowed) { return equal(allowed, value); };
    if (std::none_of(type.enum_values.begin(), type.enum_values.end(), same)) return false;
  }
  if (type.nullable && value.is_null()) return true;
  switch (type.kind) {
    case K::kAny: return true;
    case K::kNever: return false;
    case K::kNull: return value.is_null();
    case K::kBoolean: return value.is(Kind::kBool);
    case K::kInteger: return value.is(Kind::kInteger);
    case K::kNumber: return value.is(Kind::kDouble);
    case K::kString: return value.is(Kind::kString);
    case K::kArray:
      return value.is(Kind::kList) &&
             std::all_of(value.items().begin(), value.items().end(),
                         [&](const Value& item) { return conforms(item, *type.items); });
    case K::kUnion:
      return std::any_of(type.alternatives.begin(), type.alternatives.end(),
                         [&](const SchemaType* alternative) { return conforms(value, *alternative); });
    case K::kObject: break;
  }
  if (!value.is(Kind::kMap)) return false;
  for (const PropertyType& property : type.properties) {
    const Value* member = value.find(property.name);
    if (member == nullptr ? property.always_present : !conforms(*member, *property.type)) return false;
  }
  for (const Member& member : value.members()) {
    if (type.find_property(member.key.as_string()) != nullptr) continue;
    if (type.additional == nullptr || !conforms(member.value, *type.additional)) return false;
  }
  return true;
}

TEST(SchemaProperty, AcceptsExactlyWhatTheReferenceAcceptsAndKeepsItsPromises) {
  size_t accepted = 0, refused = 0, changed = 0;
  for (uint64_t seed = 0; seed < 2500; ++seed) {
    Arena arena;
    Generator generator(seed, arena, false);
    const Value document = generator.document();
    const Compiled compiled = Schema::compile(document);
    if (compiled.schema == nullptr) {
      for (const Diagnostic& d : compiled.diagnostics) {
        if (d.severity != Diagnostic::Severity::kError) continue;
        ASSERT_EQ(d.code, "schema.endless_reference") << to_json(document);
      }
      continue;
    }
    const testing::Reference reference(document);
    for (int i = 0; i < 30; ++i) {
      const Value value = generator.value(3);
      const auto where = [&] {
        return std::to_string(seed) + "\n" + to_json(document) + "\n" + to_json(value);
      };
      const bool expected = reference.accepts(value);
      ASSERT_EQ(compiled.schema->accepts(value), expected) << where();
      ASSERT_EQ(compiled.schema->validate(value).empty(), expected) << where();
      const auto result = compiled.schema->normalize(value, arena);
      ASSERT_EQ(result.ok(), expected) << where();
      ++(expected ? accepted : refused);
      if (!expected) continue;
      ASSERT_TRUE(equal(*result, value)) << where() << "\n" << to_json(*result);
      changed += is_same(*result, value) ? 0 : 1;
      ASSERT_TRUE(conforms(*result, compiled.schema->type())) << where() << "\n" << to_json(*result);
      const auto again = compiled.schema->normalize(*result, arena);
      ASSERT_TRUE(again.ok()) << where();
      ASSERT_TRUE(is_same(*again, *result) || identical(*again, *result)) << where();
    }
  }
  // The generator must produce both.
  EXPECT_GT(accepted, 10000u);
  EXPECT_GT(refused, 10000u);
  EXPECT_GT(changed, 500u);
}

TEST(SchemaProperty, TypesHoldForValuesWithDefaultsFilledIn) {
  size_t filled = 0;
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    Arena arena;
    Generator generator(seed, arena, true);
    const Value document = generator.document();
    const Compiled compiled = Schema::compile(document);
    if (compiled.schema == nullptr) continue;
    for (int i = 0; i < 20; ++i) {
      const Value value = generator.value(3);
      const auto result = compiled.schema->normalize(value, arena);
      if (!result.ok()) continue;
      filled += equal(*result, value) ? 0 : 1;
      ASSERT_TRUE(compiled.schema->accepts(*result)) << seed << "\n"
                                                     << to_json(document) << "\n"
                                                     << to_json(value);
      const auto again = compiled.schema->normalize(*result, arena);
      ASSERT_TRUE(again.ok() && identical(*again, *result)) << seed << "\n"
                                                            << to_json(document) << "\n"
                                                            << to_json(value);
      ASSERT_TRUE(conforms(*result, compiled.schema->type())) << seed << "\n"
                                                              << to_json(document) << "\n"
                                                              << to_json(value) << "\n"
                                                              << to_json(*result);
    }
  }
  EXPECT_GT(filled, 100u);
}

TEST(SchemaProperty, CompatibilityThatWasProvenHoldsForEveryValue) {
  size_t proven = 0, shown = 0;
  for (uint64_t seed = 0; seed < 6000; ++seed) {
    Arena arena;
    Generator generator(seed, arena, false);
    const Compiled from = Schema::compile(generator.document());
    const Compiled to = Schema::compile(generator.document());
    if (from.schema == nullptr || to.schema == nullptr) continue;
    const Compatibility result = check_compatible(*from.schema, *to.schema);
    if (result.answer != Compatibility::Answer::kYes) continue;
    ++proven;
    for (int i = 0; i < 60; ++i) {
      const Value value = generator.value(3);
      if (!from.schema->accepts(value)) continue;
      ++shown;
      ASSERT_TRUE(to.schema->accepts(value)) << seed << "\n"
                                             << to_json(from.schema->document()) << "\n"
                                             << to_json(to.schema->document()) << "\n"
                                             << to_json(value);
    }
  }
  EXPECT_GT(proven, 100u);
  EXPECT_GT(shown, 500u);
}

}  // namespace
}  // namespace switchyard::schema
