#include "switchyard/workflow/start.h"

#include "../limits.h"
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

Error at(std::string field, Error error) {
  error.field = std::move(field);
  return error;
}

}  // namespace

Status start_turn(const Pipeline& pipeline, const Value& input, Arena& arena, StartFacts& facts) {
  const Value slots[] = {input, Value()};
  if (pipeline.concurrency.has_value() && pipeline.concurrency->key.has_value()) {
    const auto key = pipeline.concurrency->key->evaluate(slots, arena);
    if (!key.ok()) return at("concurrency.key", key.error());
    facts.group = key->is(Kind::kString) ? std::string(key->as_string()) : to_json(*key);
  }
  facts.priority = pipeline.priority;
  if (!pipeline.priority_of.has_value()) return {};
  const auto value = pipeline.priority_of->evaluate(slots, arena);
  if (!value.ok()) return at("priority", value.error());
  const int64_t priority = value->is(Kind::kInteger) ? value->as_integer() : -1;
  if (priority < 0 || priority > kMaxPriority) {
    return make_error(ErrorKind::kUnprocessable, "run.bad_priority",
                      "'" + pipeline.priority_of->text() + "' gave " + to_json(*value) +
                          ", and a priority is a whole number from 0 to " + std::to_string(kMaxPriority),
                      "priority");
  }
  facts.priority = static_cast<int32_t>(priority);
  return {};
}

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
  SY_RETURN_IF_ERROR(start_turn(pipeline, facts.input, arena, facts));
  return facts;
}

}  // namespace switchyard::workflow
