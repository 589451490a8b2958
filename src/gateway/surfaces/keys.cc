// /api/v1/keys: list, show, make, change, rotate and revoke API keys.
#include "surfaces/common.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

/// How long the old secret of a rotated key stays valid where the request does not say.
constexpr int64_t kDefaultGraceUs = int64_t{24} * 3'600'000'000;

void append_key(const KeyInfo& key, int64_t now_us, std::string& out,
                const telemetry::Secret* secret = nullptr) {
  JsonObject object(out);
  object.text("id", key.id).text("name", key.name);
  if (secret != nullptr) object.text("key", secret->reveal());
  std::string& roles = object.raw("roles");
  roles += '[';
  for (const Role role : key.roles) {
    if (roles.back() != '[') roles += ',';
    append_json_string(role_name(role), roles);
  }
  roles += ']';
  const bool expired = key.expires_us != 0 && key.expires_us <= now_us;
  object.text("tenant", key.tenant.empty() ? kDefaultTenant : std::string_view(key.tenant))
      .text("state", key.revoked_us != 0 ? "revoked"
                     : expired           ? "expired"
                                         : "valid")
      .time("created_at", key.created_us)
      .time("expires_at", key.expires_us)
      .time("revoked_at", key.revoked_us)
      .time("rotated_at", key.rotated_us);
  if (key.previous_until_us > now_us) object.time("previous_valid_until", key.previous_until_us);
  const KeyPolicy& policy = key.policy;
  for (const auto& [name, limit] :
       {std::pair<const char*, uint64_t>{"requests_per_minute", policy.limits.requests_per_minute},
        {"tokens_per_minute", policy.limits.tokens_per_minute},
        {"concurrent", policy.limits.concurrent}})
    if (limit != 0) object.number(name, static_cast<int64_t>(limit));
  if (policy.budget.day_micros != 0) object.text("budget_per_day", money_text(policy.budget.day_micros));
  if (policy.budget.month_micros != 0)
    object.text("budget_per_month", money_text(policy.budget.month_micros));
  if (!policy.routes.empty()) {
    std::string& routes = object.raw("routes");
    for (const std::string& route : policy.routes) {
      routes += &route == &policy.routes.front() ? '[' : ',';
      append_json_string(route, routes);
    }
    routes += ']';
  }
  object.text("priority", priority_name(policy.priority)).close();
}

Result<std::optional<int64_t>> count_member(const Value& body, std::string_view name, int64_t most) {
  const Value* value = body.find(name);
  if (value == nullptr) return std::optional<int64_t>();
  if (!value->is(Kind::kInteger) || value->as_integer() < 0 || value->as_integer() > most)
    return make_error(
        ErrorKind::kInvalidArgument, "gateway.bad_limit",
        "'" + std::string(name) + "' is a whole number from 0 (no limit) to " + std::to_string(most) + ".",
        std::string(name));
  return std::optional(value->as_integer());
}

Result<std::optional<int64_t>> money_member(const Value& body, std::string_view name) {
  const Value* value = body.find(name);
  if (value == nullptr) return std::optional<int64_t>();
  const auto micros = value->is(Kind::kString) ? parse_money(value->as_string()) : std::nullopt;
  if (!micros)
    return make_error(
        ErrorKind::kInvalidArgument, "gateway.bad_budget",
        "'" + std::string(name) + "' is an amount as a text: \"25\" or \"0.50\"; \"0\" for none.",
        std::string(name));
  return micros;
}

Result<std::vector<std::string>> texts_member(const Value& list, std::string_view name) {
  std::vector<std::string> texts;
  const auto wrong = [name] {
    return make_error(ErrorKind::kInvalidArgument, "request.bad_type",
                      "'" + std::string(name) + "' must be a list of texts", std::string(name));
  };
  if (!list.is(Kind::kList)) return wrong();
  for (const Value& item : list.items()) {
    if (!item.is(Kind::kString)) return wrong();
    texts.emplace_back(item.as_string());
  }
  return texts;
}

/// What the members of a request say; used for new keys, too, for which `name` and `roles` must be there.
Result<KeyChanges> read_changes(const Value& body, int64_t now_us) {
  KeyChanges changes;
  if (body.find("name") != nullptr) {
    SY_ASSIGN_OR_RETURN(changes.name, text_member(body, "name"));
  }
  if (const Value* roles = body.find("roles")) {
    SY_ASSIGN_OR_RETURN(const auto names, texts_member(*roles, "roles"));
    changes.roles.emplace();
    for (const std::string& name : names) {
      SY_ASSIGN_OR_RETURN(const Role role, role_from(name));
      changes.roles->push_back(role);
    }
  }
  if (body.find("expires_in") != nullptr) {
    SY_ASSIGN_OR_RETURN(const std::string text, text_member(body, "expires_in"));
    changes.expires_us = 0;
    if (text != "never") {
      SY_ASSIGN_OR_RETURN(const int64_t span_us, parse_wait(text, "expires_in"));
      changes.expires_us = now_us + span_us;
    }
  }
  SY_ASSIGN_OR_RETURN(const auto requests, count_member(body, "requests_per_minute", kMaxRequestsPerMinute));
  if (requests) changes.requests_per_minute = static_cast<uint32_t>(*requests);
  SY_ASSIGN_OR_RETURN(const auto tokens, count_member(body, "tokens_per_minute", kMaxTokensPerMinute));
  if (tokens) changes.tokens_per_minute = static_cast<uint64_t>(*tokens);
  SY_ASSIGN_OR_RETURN(const auto concurrent, count_member(body, "concurrent", kMaxConcurrent));
  if (concurrent) changes.concurrent = static_cast<uint32_t>(*concurrent);
  SY_ASSIGN_OR_RETURN(changes.budget_day_micros, money_member(body, "budget_per_day"));
  SY_ASSIGN_OR_RETURN(changes.budget_month_micros, money_member(body, "budget_per_month"));
  if (const Value* routes = body.find("routes")) {
    SY_ASSIGN_OR_RETURN(changes.routes, texts_member(*routes, "routes"));
  }
  if (body.find("priority") != nullptr) {
    SY_ASSIGN_OR_RETURN(const std::string name, text_member(body, "priority"));
    changes.priority = priority_from(name);
    if (!changes.priority)
      return make_error(ErrorKind::kInvalidArgument, "gateway.bad_priority",
                        "'" + name.substr(0, 40) + "' is no priority; write low, normal or high.",
                        "priority");
  }
  return changes;
}

KeySpec spec_of(const KeyChanges& said, std::string tenant) {
  KeySpec spec{said.name.value_or(""),
               said.roles.value_or(std::vector<Role>()),
               said.expires_us.value_or(0),
               std::move(tenant),
               {}};
  spec.policy.limits = {said.requests_per_minute.value_or(0), said.tokens_per_minute.value_or(0),
                        said.concurrent.value_or(0)};
  spec.policy.budget = {said.budget_day_micros.value_or(0), said.budget_month_micros.value_or(0)};
  spec.policy.routes = said.routes.value_or(std::vector<std::string>());
  spec.policy.priority = said.priority.value_or(Priority::kNormal);
  return spec;
}

void answer_key(Call& call, const Services& services, int status, const Result<KeyInfo>& key) {
  if (!key.ok()) return call.fail(key.error());
  std::string json;
  append_key(*key, services.clock->now_us(), json);
  call.answer_json(status, std::move(json));
}
void answer_key(Call& call, const Services& services, int status, const Result<NewKey>& key) {
  if (!key.ok()) return call.fail(key.error());
  std::string json;
  append_key(key->info, services.clock->now_us(), json, &key->text);
  call.answer_json(status, std::move(json));
}

void list_keys(Call&& call, const Services& services) {
  std::string json;
  JsonObject object(json);
  std::string& list = object.raw("keys");
  list += '[';
  const int64_t now_us = services.clock->now_us();
  for (const KeyInfo& key : services.keys->list()) {
    if (list.back() != '[') list += ',';
    append_key(key, now_us, list);
  }
  list += ']';
  object.close();
  call.answer_json(200, std::move(json));
}

void get_key(Call&& call, const Services& services) {
  answer_key(call, services, 200, services.keys->find(call.request.path_parameter("id")));
}

// Changes go to the file, so they run on the pool.

void create_key(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  const Value& root = body->root();
  const Status known =
      only_members(root, {"name", "roles", "tenant", "expires_in", "requests_per_minute", "tokens_per_minute",
                          "concurrent", "budget_per_day", "budget_per_month", "routes", "priority"});
  if (!known.ok()) return call.fail(known.error());
  const auto name = text_member(root, "name");
  if (!name.ok()) return call.fail(name.error());
  const auto tenant = optional_text(root, "tenant");
  if (!tenant.ok()) return call.fail(tenant.error());
  const auto said = read_changes(root, services.clock->now_us());
  if (!said.ok()) return call.fail(said.error());
  on_pool(services, std::move(call), [&services, spec = spec_of(*said, *tenant)](Call& later) {
    answer_key(later, services, 201, services.keys->create(spec));
  });
}

void edit_key(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  const Value& root = body->root();
  const Status known =
      only_members(root, {"name", "roles", "expires_in", "requests_per_minute", "tokens_per_minute",
                          "concurrent", "budget_per_day", "budget_per_month", "routes", "priority"});
  if (!known.ok()) return call.fail(known.error());
  const auto said = read_changes(root, services.clock->now_us());
  if (!said.ok()) return call.fail(said.error());
  on_pool(services, std::move(call), [&services, changes = *said](Call& later) {
    answer_key(later, services, 200, services.keys->edit(later.request.path_parameter("id"), changes));
  });
}

void rotate_key(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {"grace"}); !known.ok())
    return call.fail(known.error());
  const auto text = optional_text(body->root(), "grace");
  if (!text.ok()) return call.fail(text.error());
  const auto grace_us = text->empty() ? Result<int64_t>(kDefaultGraceUs) : parse_wait(*text, "grace");
  if (!grace_us.ok()) return call.fail(grace_us.error());
  on_pool(services, std::move(call), [&services, grace = *grace_us](Call& later) {
    answer_key(later, services, 200, services.keys->rotate(later.request.path_parameter("id"), grace));
  });
}

void revoke_key(Call&& call, const Services& services) {
  const auto body = object_body(call);
  if (!body.ok()) return call.fail(body.error());
  if (const Status known = only_members(body->root(), {}); !known.ok()) return call.fail(known.error());
  on_pool(services, std::move(call), [&services](Call& later) {
    const std::string id(later.request.path_parameter("id"));
    if (const Status revoked = services.keys->revoke(id); !revoked.ok()) return later.fail(revoked.error());
    answer_key(later, services, 200, services.keys->find(id));
  });
}

}  // namespace

void add_keys(Gateway& gateway, const Services& services) {
  const Operations on(gateway, services);
  on("GET /api/v1/keys", "list_keys", Permission::kKeysManage, list_keys);
  on("POST /api/v1/keys", "create_key", Permission::kKeysManage, create_key);
  on("GET /api/v1/keys/{id}", "get_key", Permission::kKeysManage, get_key);
  on("PATCH /api/v1/keys/{id}", "edit_key", Permission::kKeysManage, edit_key);
  on("POST /api/v1/keys/{id}/rotate", "rotate_key", Permission::kKeysManage, rotate_key);
  on("POST /api/v1/keys/{id}/revoke", "revoke_key", Permission::kKeysManage, revoke_key);
}

}  // namespace switchyard::gateway
