#include "private_calls.h"

#include <cstdlib>
#include <map>
#include <mutex>
#include <utility>

#include "private_tensors.h"

namespace switchyard::server {
namespace {

/// Puts what was replaced back into the parts of a chat answer. A token may be cut anywhere, so that a little
/// text is held back until the next part, at the latest until the choice has ended.
class PartRestorer {
 public:
  explicit PartRestorer(std::shared_ptr<const privacy::Session> session) : session_(std::move(session)) {}

  Document restore(const Document& part) {
    auto arena = std::make_shared<Arena>(512);
    MapBuilder root(*arena);
    for (const Member& member : part->members()) {
      const bool is_choices = member.key.as_string() == "choices" && member.value.is(Kind::kList);
      root.add(copy_value(member.key, *arena),
               is_choices ? restore_choices(member.value, *arena) : copy_value(member.value, *arena));
    }
    const Value value = root.build();
    return Document(std::move(arena), value);
  }

 private:
  struct Choice {
    std::map<std::string, privacy::Restorer, std::less<>> texts;  // by the delta's member
    std::map<int64_t, privacy::Restorer> arguments;               // by the call's index
  };

  static int64_t index_of(const Value& map) {
    const Value* index = map.find("index");
    return index != nullptr && index->is(Kind::kInteger) ? index->as_integer() : 0;
  }

  Value restore_choices(const Value& choices, Arena& arena) {
    ListBuilder all(arena);
    for (const Value& choice : choices.items())
      all.add(choice.is(Kind::kMap) ? restore_choice(choice, arena) : copy_value(choice, arena));
    return all.build();
  }

  Value restore_choice(const Value& choice, Arena& arena) {
    Choice& state = choices_[index_of(choice)];
    const Value* reason = choice.find("finish_reason");
    const bool ends = reason != nullptr && !reason->is_null();
    MapBuilder map(arena);
    for (const Member& member : choice.members()) {
      const bool is_delta = member.key.as_string() == "delta" && member.value.is(Kind::kMap);
      map.add(copy_value(member.key, arena),
              is_delta ? restore_delta(member.value, state, ends, arena) : copy_value(member.value, arena));
    }
    return map.build();
  }

  Value restore_delta(const Value& delta, Choice& state, bool ends, Arena& arena) {
    MapBuilder map(arena);
    for (const Member& member : delta.members()) {
      const auto key = member.key.as_string();
      if (key == "tool_calls" && member.value.is(Kind::kList)) {
        map.add(copy_value(member.key, arena), restore_calls(member.value, state, ends, arena));
      } else if (key != "role" && member.value.is(Kind::kString)) {
        auto& restorer = state.texts.try_emplace(std::string(key), session_).first->second;
        std::string text = restorer.feed(member.value.as_string());
        if (ends) text += restorer.finish();
        map.add(copy_value(member.key, arena), Value::string(arena.copy(text)));
      } else {
        map.add(copy_value(member.key, arena), copy_value(member.value, arena));
      }
    }
    // What is still held back of texts that this last delta does not have.
    if (ends) {
      for (auto& [key, restorer] : state.texts) {
        if (delta.find(key) != nullptr || restorer.held_bytes() == 0) continue;
        map.add(Value::string(arena.copy(key)), Value::string(arena.copy(restorer.finish())));
      }
      if (delta.find("tool_calls") == nullptr) add_held_arguments(map, state, arena);
    }
    return map.build();
  }

  Value restore_calls(const Value& calls, Choice& state, bool ends, Arena& arena) {
    ListBuilder all(arena);
    for (const Value& call : calls.items()) {
      const Value* function = call.is(Kind::kMap) ? call.find("function") : nullptr;
      const Value* arguments =
          function != nullptr && function->is(Kind::kMap) ? function->find("arguments") : nullptr;
      if (arguments == nullptr || !arguments->is(Kind::kString)) {
        all.add(copy_value(call, arena));
        continue;
      }
      auto& restorer =
          state.arguments.try_emplace(index_of(call), session_, privacy::Restorer::Mode::kJson).first->second;
      std::string text = restorer.feed(arguments->as_string());
      if (ends) text += restorer.finish();
      MapBuilder one(arena), restored(arena);
      for (const Member& member : function->members())
        restored.add(copy_value(member.key, arena), member.key.as_string() == "arguments"
                                                        ? Value::string(arena.copy(text))
                                                        : copy_value(member.value, arena));
      const Value built = restored.build();
      for (const Member& member : call.members())
        one.add(copy_value(member.key, arena),
                member.key.as_string() == "function" ? built : copy_value(member.value, arena));
      all.add(one.build());
    }
    return all.build();
  }

  static void add_held_arguments(MapBuilder& delta, Choice& state, Arena& arena) {
    ListBuilder calls(arena);
    size_t count = 0;
    for (auto& [index, restorer] : state.arguments) {
      if (restorer.held_bytes() == 0) continue;
      MapBuilder function(arena), call(arena);
      function.add("arguments", Value::string(arena.copy(restorer.finish())));
      call.add("index", Value::integer(index));
      call.add("function", function.build());
      calls.add(call.build());
      ++count;
    }
    if (count > 0) delta.add("tool_calls", calls.build());
  }

  const std::shared_ptr<const privacy::Session> session_;
  std::map<int64_t, Choice> choices_;
};

}  // namespace

void PrivateCalls::follow(const governance::Snapshot& snapshot) {
  std::map<std::pair<std::string, std::string>, Result<Policy>> policies;
  for (const auto& [manifest, backend] : snapshot.remote_models()) {
    if (backend->privacy.empty() || backend->privacy == models::kNoPrivacy) continue;
    Result<Policy> policy = snapshot.privacy(backend->privacy, {});
    if (*policy == nullptr) {
      policy = make_error(ErrorKind::kUnavailable, "privacy.no_policy",
                          "backend " + backend->name.to_string() + " wants the privacy policy " +
                              backend->privacy + ", which is not deployed: nothing leaves for it until it is",
                          "privacy");
    }
    policies.emplace(std::pair(manifest->model.name, manifest->model.version), std::move(policy));
  }
  const std::unique_lock lock(mutex_);
  policies_ = std::move(policies);
}

Result<PrivateCalls::Policy> PrivateCalls::policy_of(const models::ModelName& model) const {
  const std::shared_lock lock(mutex_);
  const auto found = policies_.find({model.name, model.version});
  return found == policies_.end() ? Policy() : found->second;
}

std::function<void()> PrivateCalls::call(models::CallRequest request, Done done) {
  const auto refuse = [&done](Error error) {
    done(models::never_asked(std::move(error)));
    return [] {};
  };
  const auto policy = policy_of(request.model);
  if (!policy.ok()) return refuse(policy.error());
  if (*policy == nullptr) return models_.call(std::move(request), std::move(done));
  auto reduced = apply_to_input(**policy, request.input.root(), key_.has_value() ? &*key_ : nullptr);
  if (!reduced.ok()) return refuse(std::move(reduced).error());
  request.input = std::move(reduced->document);
  const bool replaced = !reduced->session->empty();
  if (request.on_part && replaced) {
    request.on_part = [restorer = std::make_shared<PartRestorer>(reduced->session),
                       on_part = std::move(request.on_part)](const Document& part) {
      return on_part(restorer->restore(part));
    };
  }
  return models_.call(std::move(request), [session = replaced ? reduced->session : nullptr,
                                           report = reduced->report.to_document(),
                                           done = std::move(done)](models::CallOutcome outcome) {
    if (outcome.answer.ok()) {
      if (session != nullptr) outcome.answer->output = session->restore(outcome.answer->output.root());
      outcome.answer->privacy = report;
    }
    done(std::move(outcome));
  });
}

Result<std::optional<telemetry::Secret>> privacy_key_of_environment() {
  const char* text = std::getenv("SWITCHYARD_PRIVACY_KEY");
  if (text == nullptr) return std::optional<telemetry::Secret>();
  SY_ASSIGN_OR_RETURN(telemetry::Secret key, privacy::read_key(text));
  return std::optional<telemetry::Secret>(std::move(key));
}

}  // namespace switchyard::server
