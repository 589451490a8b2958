#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "switchyard/expression/program.h"
#include "switchyard/types/json.h"

namespace switchyard::expression::testing {

/// An environment with values, as a pipeline would have them: declare, then ask.
class World {
 public:
  /// A variable with a value given as JSON.
  World& with(const std::string& name, Type type, const std::string& json) {
    auto value = parse_json(json, *arena_);
    EXPECT_TRUE(value.ok()) << json;
    return with_value(name, std::move(type), *value);
  }
  World& with_value(const std::string& name, Type type, Value value) {
    environment_.declare(name, std::move(type));
    slots_.push_back(value);
    return *this;
  }
  /// A step that was skipped, or ran with that result.
  World& skipped(const std::string& name, Type type) {
    return with_value(name, Type::optional(std::move(type)), Value::none());
  }
  World& ran(const std::string& name, Type type, const std::string& json) {
    Value* inner = new (arena_->allocate<Value>(1)) Value(*parse_json(json, *arena_));
    return with_value(name, Type::optional(std::move(type)), Value::optional(inner));
  }

  Compiled compile(const std::string& text, CompileOptions options = {}) const {
    return expression::compile(text, environment_, options);
  }

  /// The result as JSON, "mistakes: ..." or "error <code>: ...".
  std::string evaluate(const std::string& text, EvalBudget budget = {}, CompileOptions options = {}) {
    const Compiled compiled = compile(text, options);
    if (!compiled.ok()) return "mistakes: " + compiled.to_error().message;
    const auto result = compiled.program->evaluate(slots_, *arena_, budget);
    return result.ok() ? to_json(*result) : "error " + result.error().code + ": " + result.error().message;
  }

  /// The single mistake of a text; a failure when there is none or another.
  Mistake mistake(const std::string& text, CompileOptions options = {}) const {
    const Compiled compiled = compile(text, options);
    EXPECT_EQ(compiled.mistakes.size(), 1u) << text;
    EXPECT_FALSE(compiled.ok()) << text;
    for (const auto& one : compiled.mistakes) EXPECT_TRUE(compiled.mistakes.size() == 1) << one.to_string();
    return compiled.mistakes.empty() ? Mistake{} : compiled.mistakes[0];
  }
  std::string type_of(const std::string& text) const {
    const Compiled compiled = compile(text);
    return compiled.ok() ? compiled.program->result_type().to_string()
                         : "mistakes: " + compiled.to_error().message;
  }

  const std::vector<Value>& slots() const { return slots_; }
  Environment& environment() { return environment_; }
  const Environment& environment() const { return environment_; }
  Arena& arena() { return *arena_; }

 private:
  Environment environment_;
  std::vector<Value> slots_;
  std::unique_ptr<Arena> arena_ = std::make_unique<Arena>();
};

/// A card payment, its features, and a model that may have been skipped.
inline World payment_world(bool heavy_ran = false) {
  const Type card = Type::object({{"number", Type::string()}, {"issuer", Type::string(), false}});
  const Type input = Type::object({{"merchant", Type::string()},
                                   {"amount", Type::real()},
                                   {"attempts", Type::integer()},
                                   {"country", Type::string(), false},
                                   {"limit", Type::nullable(Type::real())},
                                   {"note", Type::nullable(Type::string()), false},
                                   {"card", card, false},
                                   {"tags", Type::list(Type::string())},
                                   {"extra", Type::object({}, true)}});
  const Type score = Type::object({{"score", Type::real()}, {"reason", Type::string(), false}});
  World world;
  world.with("input", input,
             R"({"merchant": "m-7", "amount": 12.5, "attempts": 2, "country": "DE", "limit": null,
                 "card": {"number": "4711"}, "tags": ["new", "web"], "extra": {"anything": [1, "two"]}})");
  world.with("light", score, R"({"score": 0.25})");
  if (heavy_ran)
    world.ran("heavy", score, R"({"score": 0.75, "reason": "graph"})");
  else
    world.skipped("heavy", score);
  return world;
}

}  // namespace switchyard::expression::testing
