// Runs the test files of the CEL specification; see tests/conformance/cel/README.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "switchyard/expression/program.h"
#include "switchyard/types/json.h"
#include "textproto.h"

namespace switchyard::expression {
namespace {

using testing::parse_textproto;
using testing::TextMessage;

const std::string kFolder = std::string(SWITCHYARD_SOURCE_DIR) + "/tests/conformance/cel/";

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// What a test needs that is no part of this implementation; the test must be on the list of exclusions.
struct Unsupported {
  std::string what;
};

// -- values and types of the test data --------------------------------------------------------------------

double read_double(const std::string& text) {
  if (text == "inf" || text == "infinity" || text == "Infinity")
    return std::numeric_limits<double>::infinity();
  if (text == "-inf" || text == "-infinity" || text == "-Infinity")
    return -std::numeric_limits<double>::infinity();
  if (text == "nan" || text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  return std::strtod(text.c_str(), nullptr);
}

Value read_value(const TextMessage& message, Arena& arena);

Value read_object(const TextMessage& message) {
  const auto& any = message.fields.at(0);
  const auto seconds = std::strtoll(any.value.text("seconds", "0").c_str(), nullptr, 10);
  const auto nanos = static_cast<int32_t>(std::strtol(any.value.text("nanos", "0").c_str(), nullptr, 10));
  if (any.name == "[type.googleapis.com/google.protobuf.Timestamp]") return Value::timestamp(seconds, nanos);
  if (any.name == "[type.googleapis.com/google.protobuf.Duration]") return Value::duration(seconds, nanos);
  throw Unsupported{"a message " + any.name};
}

Value read_value(const TextMessage& message, Arena& arena) {
  if (message.fields.empty()) return Value();
  const auto& field = message.fields[0];
  const std::string& text = field.scalar;
  if (field.name == "null_value") return Value();
  if (field.name == "bool_value") return Value::boolean(text == "true");
  if (field.name == "int64_value") return Value::integer(std::strtoll(text.c_str(), nullptr, 0));
  if (field.name == "uint64_value") return Value::unsigned_integer(std::strtoull(text.c_str(), nullptr, 0));
  if (field.name == "double_value") return Value::real(read_double(text));
  if (field.name == "string_value") return Value::string(arena.copy(text));
  if (field.name == "bytes_value") return Value::bytes(arena.copy(text));
  if (field.name == "type_value") return Value::type(arena.copy(text));
  if (field.name == "object_value") return read_object(field.value);
  if (field.name == "list_value") {
    ListBuilder list(arena);
    for (const auto* item : field.value.all("values")) list.add(read_value(item->value, arena));
    return list.build();
  }
  if (field.name == "map_value") {
    MapBuilder map(arena);
    for (const auto* entry : field.value.all("entries"))
      map.add(read_value(*entry->value.message("key"), arena),
              read_value(*entry->value.message("value"), arena));
    return map.build();
  }
  throw Unsupported{"a value of kind " + field.name};
}

Type read_primitive(const std::string& name) {
  if (name == "BOOL") return Type::boolean();
  if (name == "INT64") return Type::integer();
  if (name == "UINT64") return Type::unsigned_integer();
  if (name == "DOUBLE") return Type::real();
  if (name == "STRING") return Type::string();
  if (name == "BYTES") return Type::bytes();
  throw Unsupported{"a primitive type " + name};
}

Type read_type(const TextMessage& message) {
  const auto& field = message.fields.at(0);
  const TextMessage& inner = field.value;
  if (field.name == "primitive") return read_primitive(field.scalar);
  if (field.name == "wrapper") return Type::nullable(read_primitive(field.scalar));
  if (field.name == "dyn") return Type::dyn();
  if (field.name == "null") return Type::null();
  if (field.name == "type") return Type::type();
  const std::string& name = field.scalar;
  if (name == "TIMESTAMP" || name == "google.protobuf.Timestamp") return Type::timestamp();
  if (name == "DURATION" || name == "google.protobuf.Duration") return Type::duration();
  if (field.name == "list_type") return Type::list(read_type(*inner.message("elem_type")));
  if (field.name == "map_type")
    return Type::map(read_type(*inner.message("key_type")), read_type(*inner.message("value_type")));
  if (field.name == "abstract_type" && inner.text("name") == "optional_type")
    return Type::optional(read_type(*inner.message("parameter_types")));
  throw Unsupported{"a type " + field.name + " " + name};
}

/// Equality for expectations: NaN is NaN, but the kinds of numbers must be the same.
bool same(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is(Kind::kList)) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i)
      if (!same(a.items()[i], b.items()[i])) return false;
    return true;
  }
  if (a.is(Kind::kMap)) {
    if (a.size() != b.size()) return false;
    for (const auto& member : a.members()) {
      const Value* other = b.find(member.key);
      if (other == nullptr || !same(member.value, *other)) return false;
    }
    return true;
  }
  if (a.is(Kind::kDouble) && a.as_double() == b.as_double()) return true;  // 0.0 and -0.0
  return identical(a, b);
}

// -- one test ---------------------------------------------------------------------------------------------

/// Empty when the test passes, else why not.
std::string run(const TextMessage& test) {
  Arena arena;
  Environment environment;
  std::vector<Value> slots;
  for (const auto* declared : test.all("type_env")) {
    const TextMessage* ident = declared->value.message("ident");
    if (ident == nullptr) throw Unsupported{"a function declaration"};
    environment.declare(declared->value.text("name"), read_type(*ident->message("type")));
    slots.emplace_back();
  }
  for (const auto* binding : test.all("bindings")) {
    const std::string name = binding->value.text("key");
    auto slot = environment.find(name);
    if (!slot) {
      slot = environment.declare(name, Type::dyn());
      slots.emplace_back();
    }
    slots[slot->value] = read_value(*binding->value.message("value")->message("value"), arena);
  }
  CompileOptions options;
  options.container = test.text("container");
  options.check_types = test.text("disable_check") != "true";
  options.prove_members = false;
  const Compiled compiled = compile(test.text("expr"), environment, options);
  if (!compiled.ok()) {
    for (const auto& mistake : compiled.mistakes) {
      if (mistake.code == "expression.no_messages") throw Unsupported{"a message"};
      // The data's enums, which are names in its containers.
      for (const auto* name : {"'GlobalEnum'", "'TestAllTypes'"})
        if (mistake.message.find(name) != std::string::npos) throw Unsupported{"an enum"};
    }
    // An error that the data expects of the checker.
    const TextMessage* error = test.message("eval_error");
    if (error != nullptr && error->message("errors") != nullptr &&
        error->message("errors")->text("message").starts_with("found no matching overload") &&
        compiled.mistakes.at(0).code == "expression.no_overload" && test.text("disable_check") == "false")
      return "";
    return "does not compile: " + compiled.mistakes.at(0).to_string();
  }
  const TextMessage* typed = test.message("typed_result");
  if (typed != nullptr) {
    const Type wanted = read_type(*typed->message("deduced_type"));
    if (!(compiled.program->result_type() == wanted))
      return "has type " + compiled.program->result_type().to_string() + " instead of " + wanted.to_string();
  }
  if (test.text("check_only") == "true") return "";

  const TextMessage* wanted = typed != nullptr ? typed->message("result") : test.message("value");
  const bool error_wanted = test.find("eval_error") != nullptr;
  const auto result = compiled.program->evaluate(slots, arena);
  if (!result.ok()) {
    if (result.error().kind != ErrorKind::kUnprocessable) return "gives a wrong kind of error";
    return error_wanted ? "" : "fails: " + result.error().to_string();
  }
  if (error_wanted) return "gives " + to_json(*result) + " instead of an error";
  const Value expected = wanted == nullptr ? Value::boolean(true) : read_value(*wanted, arena);
  return same(*result, expected) ? "" : "gives " + to_json(*result) + " instead of " + to_json(expected);
}

// -- files ------------------------------------------------------------------------------------------------

/// "file/section/test -- reason", one a line; '#' begins a comment.
std::map<std::string, std::string> read_exclusions() {
  std::map<std::string, std::string> out;
  std::istringstream lines(read_file(kFolder + "exclusions.txt"));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t dash = line.find(" -- ");
    if (dash == std::string::npos || dash + 4 >= line.size()) {
      ADD_FAILURE() << "an exclusion needs a reason after ' -- ': " << line;
      continue;
    }
    const bool added = out.emplace(line.substr(0, dash), line.substr(dash + 4)).second;
    EXPECT_TRUE(added) << "listed twice: " << line;
  }
  return out;
}

/// All the data there is.
std::vector<std::string> all_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder))
    if (entry.path().extension() == ".textproto") names.push_back(entry.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

class CelConformance : public ::testing::TestWithParam<std::string> {};

TEST_P(CelConformance, PassesEveryTestThatIsNotExcludedWithAReason) {
  const std::string file = GetParam();
  const auto exclusions = read_exclusions();
  const TextMessage data = parse_textproto(read_file(kFolder + file + ".textproto"));
  std::set<std::string> names;
  size_t passed = 0;
  size_t excluded = 0;
  for (const auto* section : data.all("section")) {
    for (const auto* test : section->value.all("test")) {
      std::string name = file + "/" + section->value.text("name") + "/" + test->value.text("name");
      while (!names.insert(name).second) name += "'";  // the data has a few names twice
      std::string outcome;
      try {
        outcome = run(test->value);
      } catch (const Unsupported& unsupported) {
        outcome = "needs " + unsupported.what;
      }
      const auto exclusion = exclusions.find(name);
      if (exclusion != exclusions.end()) {
        ++excluded;
        EXPECT_NE(outcome, "") << name << " passes and must not be excluded";
        const bool lacks = outcome.starts_with("needs ");
        EXPECT_EQ(lacks, exclusion->second.find(": there are none here") != std::string::npos ||
                             exclusion->second.find(": functions cannot be declared") != std::string::npos)
            << name << " fails for another reason than the one given: " << outcome;
      } else {
        passed += outcome.empty();
        EXPECT_EQ(outcome, "") << name << "\n  " << test->value.text("expr").substr(0, 300);
      }
    }
  }
  EXPECT_TRUE(!names.empty() || file == "unknowns") << "holds no test";
  for (const auto& [name, reason] : exclusions)
    EXPECT_TRUE(!name.starts_with(file + "/") || names.contains(name)) << "excludes no test: " << name;
  RecordProperty("passed", static_cast<int>(passed));
  RecordProperty("excluded", static_cast<int>(excluded));
  printf("%-15s %4zu passed, %3zu excluded\n", file.c_str(), passed, excluded);
}

INSTANTIATE_TEST_SUITE_P(Files, CelConformance, ::testing::ValuesIn(all_files()),
                         [](const auto& param) { return param.param; });

TEST(CelConformanceExclusions, NameOnlyFilesThatAreRun) {
  const auto files = all_files();
  EXPECT_EQ(files.size(), 30u) << "a file of the data is missing, or is new";
  for (const auto& [name, reason] : read_exclusions()) {
    const bool known = std::any_of(files.begin(), files.end(),
                                   [&](const std::string& file) { return name.starts_with(file + "/"); });
    EXPECT_TRUE(known) << name;
  }
}

}  // namespace
}  // namespace switchyard::expression
