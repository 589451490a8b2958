// Whether a recorded value may stand where a type is expected.
#include "interpret/value_type.h"

#include <gtest/gtest.h>

#include "switchyard/types/json.h"

namespace switchyard::workflow {
namespace {

using expression::Type;

class Fits : public ::testing::Test {
 protected:
  bool fit(const std::string& json, const Type& type) { return fits(*parse_json(json, arena_), type); }
  std::string shown(const std::string& json) { return shown_type(*parse_json(json, arena_)); }
  Arena arena_;
};

TEST_F(Fits, NoNumberOfAnotherKindAndNoNullForAValue) {
  EXPECT_TRUE(fit("1", Type::integer()));
  EXPECT_FALSE(fit("1", Type::real()));
  EXPECT_FALSE(fit("1.5", Type::integer()));
  EXPECT_FALSE(fit("null", Type::string()));
  EXPECT_TRUE(fit("null", Type::nullable(Type::string())));
  EXPECT_TRUE(fit("\"x\"", Type::nullable(Type::string())));
  EXPECT_TRUE(fit("{\"any\": [1]}", Type::dyn()));
}

TEST_F(Fits, ObjectsFieldByField) {
  const Type type = Type::object({{"a", Type::integer()}, {"b", Type::string(), false}});
  EXPECT_TRUE(fit(R"({"a": 1})", type));
  EXPECT_TRUE(fit(R"({"a": 1, "b": "x"})", type));
  EXPECT_FALSE(fit(R"({"b": "x"})", type));
  EXPECT_FALSE(fit(R"({"a": 1, "b": 2})", type));
  EXPECT_FALSE(fit(R"({"a": 1, "c": 2})", type));
  EXPECT_TRUE(fit(R"({"a": 1, "c": 2})", Type::object({{"a", Type::integer()}}, true)));
  EXPECT_FALSE(fit("[1]", type));
}

TEST_F(Fits, ListsAndMapsInAllTheyHold) {
  EXPECT_TRUE(fit("[]", Type::list(Type::integer())));
  EXPECT_FALSE(fit("[1, \"x\"]", Type::list(Type::integer())));
  EXPECT_TRUE(fit(R"({"x": 1})", Type::map(Type::string(), Type::integer())));
  EXPECT_FALSE(fit(R"({"x": 1.5})", Type::map(Type::string(), Type::integer())));
}

TEST_F(Fits, AreToldAsMessagesShowTypes) {
  EXPECT_EQ(shown(R"({"label": "a", "n": [1, 2]})"), "{label: string, n: list(int)}");
  EXPECT_EQ(shown("[1, null]"), "list(int or null)");
}

}  // namespace
}  // namespace switchyard::workflow
