#include "switchyard/workflow/start.h"

#include "switchyard/types/json.h"

namespace switchyard::workflow {
namespace {

Result<Value> search_attributes(const Pipeline& pipeline, const Value& input, Arena& arena) {
  if (pipeline.search.empty()) return Value();
  const Value slots[] = {input, Value()};
  MapBuilder attributes(arena);
  for (const auto& [name, program] : pipeline.search) {
    auto value = program.evaluate(slots, arena);
    if (!value.ok()) {
      Error error = std::move(value).error();
      error.field = "search." + name;
      return error;
    }
    const bool absent = value->is(Kind::kOptional) && value->optional_value() == nullptr;
    attributes.add(name, absent ? Value() : value->is(Kind::kOptional) ? *value->optional_value() : *value);
  }
  return attributes.build();
}

Result<std::string> partition_key(const Pipeline& pipeline, const Value& input, Arena& arena) {
  if (!pipeline.key.has_value()) return std::string();
  const Value slots[] = {input, Value()};
  SY_ASSIGN_OR_RETURN(const Value key, pipeline.key->evaluate(slots, arena));
  return key.is(Kind::kString) ? std::string(key.as_string()) : to_json(key);
}

}  // namespace

Result<StartFacts> start_facts(const Pipeline& pipeline, const Value& input, Arena& arena) {
  StartFacts facts;
  facts.input = input;
  if (pipeline.input != nullptr) {
    auto normal = pipeline.input->normalize(input, arena);
    if (!normal.ok()) {
      const Error& error = normal.error();
      return make_error(ErrorKind::kUnprocessable, "run.bad_input",
                        "the input does not fit the pipeline's schema: " + error.message,
                        "/input" + error.field);
    }
    facts.input = *normal;
  }
  SY_ASSIGN_OR_RETURN(facts.key, partition_key(pipeline, facts.input, arena));
  SY_ASSIGN_OR_RETURN(facts.search, search_attributes(pipeline, facts.input, arena));
  return facts;
}

}  // namespace switchyard::workflow
