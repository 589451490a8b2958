// Evaluation of what decisions ask: the figures of docs/performance.md for CEL.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "switchyard/expression/program.h"
#include "switchyard/types/json.h"

namespace {

using namespace switchyard;
using namespace switchyard::expression;

constexpr const char* kInput = R"({
  "card_id": "c-1029", "amount": 129.5, "limit": 2500.0, "country": "DE", "currency": "EUR", "merchant": "m-77",
  "category": 5411, "hour": 23, "attempts": 2, "online": true,
  "items": [{"sku": "a", "price": 10.0}, {"sku": "b", "price": 20.5}, {"sku": "c", "price": 99.0}]
})";

Type input_type() {
  const Type item = Type::object({{"sku", Type::string()}, {"price", Type::real()}});
  return Type::object({{"card_id", Type::string()},
                       {"amount", Type::real()},
                       {"limit", Type::real()},
                       {"country", Type::string(), false},
                       {"currency", Type::string()},
                       {"merchant", Type::string()},
                       {"category", Type::integer()},
                       {"hour", Type::integer()},
                       {"attempts", Type::integer()},
                       {"online", Type::boolean()},
                       {"items", Type::list(item)}});
}

void evaluate(benchmark::State& state, const std::string& text, const char* expected) {
  Environment environment;
  environment.declare("input", input_type());
  const Compiled compiled = compile(text, environment);
  if (!compiled.ok()) {
    state.SkipWithError(compiled.to_error().message.c_str());
    return;
  }
  const auto input = parse_json_document(kInput);
  const Value slots[] = {input->root()};
  Arena arena;
  // A benchmark of a wrong answer says nothing.
  const auto first = compiled.program->evaluate(slots, arena);
  if (!first.ok() || to_json(*first) != expected) {
    state.SkipWithError((first.ok() ? to_json(*first) : first.error().to_string()).c_str());
    return;
  }
  for (auto _ : state) {
    arena.reset();
    auto result = compiled.program->evaluate(slots, arena);
    benchmark::DoNotOptimize(result);
  }
  state.counters["instructions"] = static_cast<double>(compiled.program->instruction_count());
}

void compare_two_fields(benchmark::State& state) { evaluate(state, "input.amount > input.limit", "false"); }
void ten_terms(benchmark::State& state) {
  evaluate(
      state,
      "input.amount > 100.0 && input.amount < input.limit && has(input.country) && input.country == 'DE' && "
      "input.currency in ['EUR', 'GBP', 'USD'] && input.category != 7995 && input.hour >= 22 && "
      "input.attempts <= 3 && input.online && input.merchant.startsWith('m-')",
      "true");
}
void arithmetic(benchmark::State& state) {
  evaluate(state, "input.amount * 1.05 + 3 > input.limit / 2", "false");
}
void optional_default(benchmark::State& state) {
  evaluate(state, "input.?country.orValue('unknown') == 'DE'", "true");
}
void long_list(benchmark::State& state) {
  std::string text = "input.category in [";
  for (int i = 5000; i < 5800; ++i) text += std::to_string(i) + ", ";
  evaluate(state, text + "1]", "true");
}
void quantifier(benchmark::State& state) { evaluate(state, "input.items.exists(i, i.price > 50.0)", "true"); }
void build_list(benchmark::State& state) {
  evaluate(state, "input.items.filter(i, i.price > 15.0).map(i, i.sku)", R"(["b","c"])");
}
void matches(benchmark::State& state) { evaluate(state, "input.card_id.matches('^c-[0-9]+$')", "true"); }
void absorbed_error(benchmark::State& state) {
  evaluate(state, "1 / (input.attempts - 2) > 0 || input.online", "true");
}

void compile_ten_terms(benchmark::State& state) {
  Environment environment;
  environment.declare("input", input_type());
  for (auto _ : state) {
    auto compiled = compile(
        "input.amount > 100.0 && input.amount < input.limit && has(input.country) && input.country == 'DE' "
        "&& "
        "input.currency in ['EUR', 'GBP', 'USD'] && input.category != 7995 && input.hour >= 22 && "
        "input.attempts <= 3 && input.online && input.merchant.startsWith('m-')",
        environment);
    benchmark::DoNotOptimize(compiled);
  }
}

/// The limit that two comparisons of members are measured against: the same done by hand.
void by_hand(benchmark::State& state) {
  const auto input = parse_json_document(kInput);
  const Value root = input->root();
  for (auto _ : state) {
    bool more = root.find("amount")->as_double() > root.find("limit")->as_double();
    benchmark::DoNotOptimize(more);
  }
}

BENCHMARK(by_hand);
BENCHMARK(compare_two_fields);
BENCHMARK(ten_terms);
BENCHMARK(arithmetic);
BENCHMARK(optional_default);
BENCHMARK(long_list);
BENCHMARK(quantifier);
BENCHMARK(build_list);
BENCHMARK(matches);
BENCHMARK(absorbed_error);
BENCHMARK(compile_ten_terms);

}  // namespace

BENCHMARK_MAIN();
