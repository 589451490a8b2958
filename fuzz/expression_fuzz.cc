// Any text: it compiles or it does not, and what compiles evaluates within its budget to what the checker
// promised, the same each time.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../src/expression/tests/conforms.h"
#include "switchyard/expression/program.h"
#include "switchyard/types/json.h"

using namespace switchyard;
using namespace switchyard::expression;

namespace {

struct World {
  Environment environment;
  Arena arena;
  Value slots[6];

  World() {
    const Type item = Type::object({{"a", Type::integer()}, {"b", Type::string(), false}});
    const Type input = Type::object({{"n", Type::integer()},
                                     {"d", Type::real()},
                                     {"s", Type::string()},
                                     {"o", Type::string(), false},
                                     {"z", Type::nullable(Type::real())},
                                     {"l", Type::list(item)},
                                     {"m", Type::map(Type::string(), Type::integer())}});
    declare(
        0, "input", input,
        R"({"n": 3, "d": 4, "s": "text", "z": null, "l": [{"a": 1}, {"a": 0, "b": "x"}], "m": {"k": 7}})");
    declare(1, "x", Type::dyn(), R"({"a": [1, "two", null, {"b": true}], "u": 18446744073709551615})");
    environment.declare("ran", Type::optional(item));
    slots[2] = Value::optional(new (arena.allocate<Value>(1)) Value(*parse_json(R"({"a": 5})", arena)));
    environment.declare("skipped", Type::optional(item));
    slots[3] = Value::none();
    environment.declare("t", Type::timestamp());
    slots[4] = Value::timestamp(1'700'000'000, 5);
    environment.declare("b", Type::boolean());
    slots[5] = Value::boolean(true);
  }
  void declare(size_t slot, const char* name, const Type& type, const char* json) {
    environment.declare(name, type);
    slots[slot] = *parse_json(json, arena);
  }
};

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const World world;
  if (size == 0) return 0;
  CompileOptions options;
  options.check_types = data[0] % 4 != 0;
  options.cost_limit = 20'000;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Compiled compiled = compile(text, world.environment, options);
  require(compiled.ok() == compiled.mistakes.empty());
  for (const auto& mistake : compiled.mistakes)
    require(mistake.offset + mistake.length <= size - 1 && !mistake.message.empty());
  if (!compiled.ok()) return 0;
  Arena arena;
  const auto first = compiled.program->evaluate(world.slots, arena);
  const auto second = compiled.program->evaluate(world.slots, arena);
  require(first.ok() == second.ok());
  if (!first.ok()) {
    require(first.error().to_string() == second.error().to_string());
    return 0;
  }
  require(identical(*first, *second));
  require(testing::conforms(*first, compiled.program->result_type()));
  if (compiled.program->constant().has_value()) require(identical(*first, *compiled.program->constant()));
  return 0;
}
