#include "interpret/evaluate.h"

#include <cmath>

#include "switchyard/base/hash.h"
#include "switchyard/types/json.h"

namespace switchyard::workflow {
namespace {

Error at(Error error, const std::string& place) {
  error.field = error.field.empty() ? place : place + ": " + error.field;
  return error;
}

/// RFC 3986 section 2.3: all but the unreserved characters.
void append_percent_encoded(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (word || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<uint8_t>(c) >> 4];
      out += kHex[static_cast<uint8_t>(c) & 15];
    }
  }
}

}  // namespace

Result<Value> evaluate(const Template& text, std::span<const Value> slots, Arena& arena) {
  if (const auto* constant = std::get_if<Value>(&text.node)) return *constant;
  if (const auto* program = std::get_if<expression::Program>(&text.node))
    return program->evaluate(slots, arena);
  if (const auto* fields = std::get_if<std::vector<Template::Field>>(&text.node)) {
    MapBuilder map(arena);
    for (const auto& field : *fields) {
      auto value = evaluate(field.value, slots, arena);
      if (!value.ok()) return at(std::move(value).error(), field.name);
      // An optional makes a field that may be absent: compile() gave it such a type.
      if (!value->is(Kind::kOptional))
        map.add(field.name, *value);
      else if (value->optional_value() != nullptr)
        map.add(field.name, *value->optional_value());
    }
    return map.build();
  }
  ListBuilder list(arena);
  for (const auto& item : std::get<std::vector<Template>>(text.node)) {
    auto value = evaluate(item, slots, arena);
    if (!value.ok()) return at(std::move(value).error(), "[" + std::to_string(list.size()) + "]");
    list.add(*value);
  }
  return list.build();
}

Result<bool> evaluate_condition(const expression::Program& program, std::span<const Value> slots,
                                Arena& arena) {
  SY_ASSIGN_OR_RETURN(const Value value, program.evaluate(slots, arena));
  if (!value.is(Kind::kBool)) {
    return make_error(ErrorKind::kUnprocessable, "workflow.not_a_condition",
                      "the condition '" + program.text() + "' gave " + std::string(kind_name(value.kind())) +
                          " instead of true or false");
  }
  return value.as_bool();
}

Result<std::string_view> evaluate_text(const expression::Program& program, std::span<const Value> slots,
                                       Arena& arena) {
  SY_ASSIGN_OR_RETURN(const Value value, program.evaluate(slots, arena));
  if (!value.is(Kind::kString)) {
    return make_error(ErrorKind::kUnprocessable, "workflow.not_a_text",
                      "'" + program.text() + "' gave " + std::string(kind_name(value.kind())) +
                          " instead of a text; write string(...)");
  }
  return value.as_string();
}

Result<double> evaluate_amount(const expression::Program& program, std::span<const Value> slots,
                               Arena& arena) {
  SY_ASSIGN_OR_RETURN(const Value value, program.evaluate(slots, arena));
  if (value.is_number() && value.to_double() >= 0 && std::isfinite(value.to_double()))
    return value.to_double();
  return make_error(ErrorKind::kUnprocessable, "workflow.bad_amount",
                    "'" + program.text() + "' is not a number of at least 0");
}

uint64_t seed_of(const RunState& run, const Frame& frame, std::string_view purpose) {
  return hash64(purpose, run.seed ^ ((uint64_t{frame.id} + 1) * 0x9E3779B97F4A7C15ull));
}

double seeded_uniform(const RunState& run, const Frame& frame, std::string_view purpose, uint32_t counter) {
  const uint64_t place = static_cast<uint64_t>(frame.id) << 32 | counter;
  const uint64_t bits = hash64(purpose, run.seed ^ (place * 0x9E3779B97F4A7C15ull));
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

Result<HttpCall> prepare_http(const Frame& frame, const HttpSpec& spec) {
  HttpCall call;
  call.method = spec.method;
  call.expect = spec.expect;
  Arena& arena = *frame.arena;
  SY_ASSIGN_OR_RETURN(const std::string_view url, evaluate_text(spec.url, frame.slots, arena));
  call.url = url;
  for (const auto& [name, program] : spec.query) {
    SY_ASSIGN_OR_RETURN(const Value value, program.evaluate(frame.slots, arena));
    if (!value.is(Kind::kString) && !value.is(Kind::kBool) && !value.is_number()) {
      return make_error(ErrorKind::kUnprocessable, "workflow.bad_query",
                        "the query parameter " + name + " is " + std::string(kind_name(value.kind())) +
                            "; give a text, a number or true/false",
                        "http.query." + name);
    }
    call.url += call.url.find('?') == std::string::npos ? '?' : '&';
    append_percent_encoded(name, call.url);
    call.url += '=';
    append_percent_encoded(value.is(Kind::kString) ? std::string(value.as_string()) : to_json(value),
                           call.url);
  }
  for (const auto& [name, program] : spec.headers) {
    SY_ASSIGN_OR_RETURN(const std::string_view value, evaluate_text(program, frame.slots, arena));
    if (value.find_first_of("\r\n") != std::string_view::npos) {
      return make_error(ErrorKind::kUnprocessable, "workflow.bad_header",
                        "the header " + name + " would contain a line break; remove it from the expression",
                        "http.headers." + name);
    }
    call.headers.emplace_back(name, value);
  }
  if (spec.body.has_value()) {
    SY_ASSIGN_OR_RETURN(const Value body, evaluate(*spec.body, frame.slots, arena));
    append_json(body, call.body);
  }
  return call;
}

Result<ReviewRequested> prepare_review(const RunState& run, const Frame& frame, const Step& step,
                                       RunId review, int64_t now_us) {
  const auto& spec = std::get<ReviewSpec>(step.spec);
  Arena& arena = *frame.arena;
  ReviewRequested request;
  request.review = review;
  request.queue = spec.queue;
  request.form = spec.form_json;
  request.priority = spec.priority;
  request.pipeline = run.pipeline->name;
  request.step_name = step.name;
  if (spec.due_us != 0) request.due_us = now_us + spec.due_us;
  if (spec.title.has_value()) {
    SY_ASSIGN_OR_RETURN(request.title, evaluate_text(*spec.title, frame.slots, arena));
  }
  MapBuilder show(arena);
  for (const auto& [name, program] : spec.show) {
    auto value = program.evaluate(frame.slots, arena);
    if (!value.ok()) return at(std::move(value).error(), "review.show." + name);
    // What is absent is simply not shown.
    if (!value->is(Kind::kOptional))
      show.add(name, *value);
    else if (value->optional_value() != nullptr)
      show.add(name, *value->optional_value());
  }
  request.show = show.build();
  return request;
}

}  // namespace switchyard::workflow
