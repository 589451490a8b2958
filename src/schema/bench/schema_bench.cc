// What checking the input of a decision costs: a flat object of 31 members, as card payments are.
#include <benchmark/benchmark.h>

#include "switchyard/base/check.h"
#include "switchyard/schema/schema.h"
#include "switchyard/types/json.h"

namespace switchyard::schema {
namespace {

constexpr int kMembers = 31;

Document must_parse(const std::string& text) { return parse_json_document(text).value(); }

SchemaPtr flat_schema(bool with_default) {
  std::string properties, required;
  for (int i = 0; i < kMembers; ++i) {
    const std::string name = "\"field_" + std::to_string(i) + "\"";
    const char* rule = i % 4 == 0   ? R"({"type": "string", "minLength": 1, "maxLength": 64})"
                       : i % 4 == 1 ? R"({"type": "integer", "minimum": 0})"
                                    : R"({"type": "number"})";
    properties += (i ? "," : "") + name + ":" + rule;
    required += (i ? "," : "") + name;
  }
  if (with_default) properties += R"(,"channel":{"type":"string","default":"web"})";
  const std::string text = R"({"type":"object","properties":{)" + properties + R"(},"required":[)" +
                           required + R"(],"additionalProperties":false})";
  return Schema::compile_or_error(*must_parse(text)).value();
}

/// Members backwards, so that the order of the schema is of no help; `integers` where doubles belong makes a
/// copy necessary.
std::string payment(bool integers) {
  std::string members;
  for (int i = kMembers; i-- > 0;) {
    const std::string number = std::to_string(i * 17) + (integers || i % 4 == 1 ? "" : ".25");
    members += (members.empty() ? "\"field_" : ",\"field_") + std::to_string(i) +
               "\":" + (i % 4 == 0 ? "\"merchant " + std::to_string(i) + "\"" : number);
  }
  return "{" + members + "}";
}

void normalize(benchmark::State& state, bool integers, bool with_default) {
  const SchemaPtr schema = flat_schema(with_default);
  const Document value = must_parse(payment(integers));
  Arena arena(8192);
  for (auto _ : state) {
    arena.reset();
    const auto result = schema->normalize(*value, arena);
    SY_CHECK(result.ok() && is_same(*result, *value) == (!integers && !with_default));
    benchmark::DoNotOptimize(result);
  }
}

void parse(benchmark::State& state) {
  const std::string text = payment(false);
  Arena arena(8192);
  for (auto _ : state) {
    arena.reset();
    const auto value = parse_json(text, arena);
    SY_CHECK(value.ok() && value->size() == kMembers);
    benchmark::DoNotOptimize(value);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * text.size()));
}

void write(benchmark::State& state) {
  const Document value = must_parse(payment(false));
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_json(*value, out);
    benchmark::DoNotOptimize(out.data());
  }
}

void find(benchmark::State& state) {
  const Document value = must_parse(payment(false));
  std::vector<std::string> names;
  for (int i = 0; i < kMembers; ++i) names.push_back("field_" + std::to_string(i));
  size_t at = 0;
  for (auto _ : state) {
    const Value* found = value->find(names[at]);
    SY_CHECK(found != nullptr);
    benchmark::DoNotOptimize(found);
    at = (at + 7) % kMembers;
  }
}

BENCHMARK_CAPTURE(normalize, nothing_to_change, false, false);
BENCHMARK_CAPTURE(normalize, integers_to_doubles, true, false);
BENCHMARK_CAPTURE(normalize, integers_and_a_default, true, true);
BENCHMARK(parse);
BENCHMARK(write);
BENCHMARK(find);

}  // namespace
}  // namespace switchyard::schema

BENCHMARK_MAIN();
