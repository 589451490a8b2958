// http: { method, url, headers, query, body, expect, effect, response }: calls a service.
#include <algorithm>
#include <array>
#include <utility>

#include "../../limits.h"
#include "../schemas.h"
#include "../template.h"
#include "steps.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;
using expression::Type;
using expression::TypeKind;

using Named = std::vector<std::pair<std::string, expression::Program>>;

bool is_safe(std::string_view method) { return method == "GET" || method == "HEAD"; }

std::optional<std::string> read_method(Context& context, const Place& place) {
  static const std::vector<std::string> kMethods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  if (place.node->is(Node::Kind::kString) &&
      std::find(kMethods.begin(), kMethods.end(), place.node->text) != kMethods.end()) {
    return place.node->text;
  }
  context.error(place, "pipeline.bad_method", "`method` cannot be " + place.node->describe(),
                "write one of " + word_list(kMethods));
  return std::nullopt;
}

/// RFC 9110 section 5.6.2: token.
bool is_header_name(std::string_view name) {
  if (name.empty() || name.size() > 128) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return word || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool read_headers(Context& context, const Place& place, Named& headers) {
  static constexpr std::array<std::string_view, 5> kOurs{"host", "content-length", "transfer-encoding",
                                                         "connection", "idempotency-key"};
  Fields fields(context, place, "`headers`");
  bool complete = fields.is_mapping();
  for (const auto& entry : place.node->entries) {
    const Place at = place.entry(entry);
    std::string lower = entry.key;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (!is_header_name(entry.key) || std::find(kOurs.begin(), kOurs.end(), lower) != kOurs.end()) {
      context.error_at(entry.position, at.path, "pipeline.bad_header",
                       is_header_name(entry.key)
                           ? "the header '" + entry.key + "' is set by the engine itself"
                           : "'" + entry.key + "' is no name of a header",
                       "remove it");
      complete = false;
    }
    auto value = context.expression(at, Type::string(), "the header '" + entry.key + "'");
    complete &= value.has_value();
    if (value.has_value()) headers.emplace_back(entry.key, std::move(*value));
  }
  if (headers.size() > kMaxHeaders) {
    context.error(place, "pipeline.too_many",
                  "`headers` has more than " + std::to_string(kMaxHeaders) + " entries",
                  "send fewer headers");
    complete = false;
  }
  return complete;
}

bool read_query(Context& context, const Place& place, Named& query) {
  Fields fields(context, place, "`query`");
  bool complete = fields.is_mapping();
  for (const auto& entry : place.node->entries) {
    const Place at = place.entry(entry);
    auto value = context.expression(at, std::nullopt, "the query parameter '" + entry.key + "'");
    if (value.has_value()) {
      const Type& type = value->result_type();
      if (!type.is(TypeKind::kString) && !type.is_number() && !type.is(TypeKind::kBool) && !type.is_dyn() &&
          !type.is_error()) {
        report_type(context, at, type, Type::string(), "the query parameter '" + entry.key + "'");
        value.reset();
      }
    }
    complete &= value.has_value();
    if (value.has_value()) query.emplace_back(entry.key, std::move(*value));
  }
  if (query.size() > kMaxHeaders) {
    context.error(place, "pipeline.too_many",
                  "`query` has more than " + std::to_string(kMaxHeaders) + " entries",
                  "send them in the body");
    complete = false;
  }
  return complete;
}

bool read_expect(Context& context, const Place& place, std::vector<uint16_t>& expect) {
  bool complete = true;
  const auto add = [&](const Place& at) {
    const auto status = read_integer(context, at, "a status in `expect`", 100, 599);
    complete &= status.has_value();
    if (status.has_value()) expect.push_back(static_cast<uint16_t>(*status));
  };
  if (!place.node->is(Node::Kind::kSequence)) {
    add(place);
  } else {
    for (size_t i = 0; i < place.node->items.size(); ++i) add(place.item(i));
  }
  return complete;
}

/// A url that is known now must be one that can be called.
void check_url(Context& context, const Place& place, const expression::Program& url) {
  const auto constant = url.constant();
  if (!constant.has_value() || !constant->is(Kind::kString)) return;
  const std::string_view text = constant->as_string();
  if (text.starts_with("http://") || text.starts_with("https://")) return;
  context.error(place, "pipeline.bad_url", "'" + std::string(text) + "' is no http address",
                "write \"'https://...'\"");
}

}  // namespace

std::optional<EffectClass> read_effect(Context& context, const Place& place) {
  if (place.node->is(Node::Kind::kString)) {
    for (const auto effect : {EffectClass::kPure, EffectClass::kIdempotent, EffectClass::kEffectful})
      if (place.node->text == effect_class_name(effect)) return effect;
  }
  context.error(
      place, "pipeline.bad_effect", "`effect` cannot be " + place.node->describe(),
      "write pure (may be repeated and forgotten), idempotent (may be repeated with its key) or effectful");
  return std::nullopt;
}

bool compile_http(StepInput& in) {
  Context& context = in.context;
  Fields fields(context, in.place, "`http`");
  bool complete = fields.is_mapping();
  std::optional<std::string> method;
  if (const auto place = fields.require("method", "add method: POST")) method = read_method(context, *place);
  complete &= method.has_value();
  std::optional<expression::Program> url;
  if (const auto place = fields.require("url", "add url: \"'https://example.org/path'\"")) {
    url = context.expression(*place, Type::string(), "`url`");
    if (url.has_value()) check_url(context, *place, *url);
  }
  complete &= url.has_value();

  Named headers, query;
  std::optional<Template> body;
  std::vector<uint16_t> expect;
  std::optional<LoadedSchema> response;
  std::optional<EffectClass> effect =
      method.has_value() && is_safe(*method) ? EffectClass::kIdempotent : EffectClass::kEffectful;
  if (const auto place = fields.find("headers")) complete &= read_headers(context, *place, headers);
  if (const auto place = fields.find("query")) complete &= read_query(context, *place, query);
  if (const auto place = fields.find("body")) {
    body = compile_template(context, *place, nullptr, "`body`");
    if (body.has_value() && body->type.is(TypeKind::kOptional)) {
      report_type(context, *place, body->type, body->type.element(), "`body`");
      body.reset();
    }
    complete &= body.has_value();
    if (method.has_value() && is_safe(*method)) {
      context.error(*place, "pipeline.bad_method", "a " + *method + " request has no body",
                    "use `query`, or another method");
      complete = false;
    }
  }
  if (const auto place = fields.find("expect")) complete &= read_expect(context, *place, expect);
  if (const auto place = fields.find("effect")) effect = read_effect(context, *place);
  complete &= effect.has_value();
  if (const auto place = fields.find("response")) {
    response = load_schema(context, *place, "the response of `http`");
    complete &= response.has_value();
  }
  fields.finish();

  in.step.effect = effect.value_or(EffectClass::kEffectful);
  in.step.result_type = Type::object({{"status", Type::integer()},
                                      {"headers", Type::map(Type::string(), Type::string())},
                                      {"body", response.has_value() ? response->type : Type::dyn()}});
  if (!complete) return false;
  HttpSpec spec{std::move(*method),
                std::move(*url),
                std::move(headers),
                std::move(body),
                std::move(expect),
                *effect,
                response.has_value() ? response->schema : nullptr};
  spec.query = std::move(query);
  in.step.spec = std::move(spec);
  return true;
}

}  // namespace switchyard::workflow::compiler
