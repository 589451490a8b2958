#include "compiled_prompt.h"

#include <algorithm>
#include <array>

#include "history.h"
#include "limits.h"
#include "render.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts {

bool is_role(std::string_view role) {
  static constexpr std::array<std::string_view, 4> kRoles{"system", "developer", "user", "assistant"};
  return std::find(kRoles.begin(), kRoles.end(), role) != kRoles.end();
}

namespace {

bool is_image_address(std::string_view text) {
  return text.starts_with("https://") || text.starts_with("http://") || text.starts_with("data:image/");
}

}  // namespace

/// One rendering of the messages.
class CompiledPrompt::Rendering {
 public:
  Rendering(const Value& input, const Value& output_schema)
      : renderer_(input, output_schema), arena_(std::make_shared<Arena>(4096)), messages_(*arena_) {}

  Result<Document> run(const std::vector<Entry>& entries) {
    SY_RETURN_IF_ERROR(add(entries));
    if (messages_.size() == 0) {
      return make_error(ErrorKind::kUnprocessable, "prompt.no_messages",
                        "the prompt has no message for this input: none of its conditions holds", "messages");
    }
    const Value list = messages_.build();
    return Document(std::move(arena_), list);
  }

 private:
  Status add(const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      if (entry.when.has_value()) {
        auto wanted = renderer_.holds(*entry.when);
        if (!wanted.ok()) return at(entry, "when", std::move(wanted).error());
        if (!*wanted) continue;
      }
      if (!entry.range.has_value()) {
        SY_RETURN_IF_ERROR(add(entry));
        continue;
      }
      auto rounds = renderer_.each(*entry.range, entry.slot, [&] { return add(entry); });
      if (!rounds.ok()) return at(entry, "for", std::move(rounds).error());
    }
    return {};
  }

  Status add(const Entry& entry) {
    if (entry.kind == Entry::Kind::kGroup) return add(entry.entries);
    if (entry.kind == Entry::Kind::kHistory) return add_history(entry);
    if (entry.kind == Entry::Kind::kExamples) {
      for (const auto& [question, answer] : entry.examples) {
        SY_RETURN_IF_ERROR(add(entry, "user", question));
        SY_RETURN_IF_ERROR(add(entry, "assistant", answer));
      }
      return {};
    }
    std::string role, content;
    if (Status done = renderer_.render(entry.role, role); !done.ok())
      return at(entry, "role", std::move(done).error());
    if (!is_role(role)) {
      return at(entry, "role",
                make_error(ErrorKind::kUnprocessable, "prompt.bad_role",
                           "'" + role.substr(0, 64) +
                               "' is no role of a message; roles are system, developer, user and assistant"));
    }
    if (!entry.parts.empty()) return add_parts(entry, role);
    if (Status done = renderer_.render(entry.content, content); !done.ok())
      return at(entry, "content", std::move(done).error());
    return add(entry, role, content);
  }

  Status add_history(const Entry& entry) {
    Arena scratch;
    auto list = renderer_.list(*entry.history, scratch);
    if (!list.ok()) return at(entry, "history", std::move(list).error());
    Status done = append_history(*list, messages_, *arena_, bytes_);
    if (!done.ok()) {
      const std::string field = "history" + done.error().field;
      return at(entry, field, std::move(done).error());
    }
    return check_size(entry, messages_.size());
  }

  Status check_size(const Entry& entry, size_t messages) const {
    if (messages <= kMaxMessages && bytes_ <= kMaxRenderedBytes) return {};
    return at(entry, "",
              make_error(ErrorKind::kUnprocessable, "prompt.too_large",
                         "the rendered prompt is over the limits of " + std::to_string(kMaxMessages) +
                             " messages and " + std::to_string(kMaxRenderedBytes) + " bytes; give it less"));
  }

  Status add_parts(const Entry& entry, std::string_view role) {
    ListBuilder parts(*arena_, static_cast<uint32_t>(entry.parts.size()));
    size_t bytes = 0;
    for (size_t i = 0; i < entry.parts.size(); ++i) {
      const Part& part = entry.parts[i];
      const std::string field = "content[" + std::to_string(i) + "]";
      std::string text;
      if (Status done = renderer_.render(part.pieces, text); !done.ok())
        return at(entry, field, std::move(done).error());
      if (part.is_image && !is_image_address(text))
        return at(
            entry, field,
            make_error(ErrorKind::kUnprocessable, "prompt.bad_image",
                       "'" + text.substr(0, 64) +
                           "' is no address of an image; write an https URL, or data:image/...;base64,..."));
      bytes += text.size();
      parts.add(part_value(part, text));
    }
    return add(entry, role, parts.build(), bytes);
  }

  Value part_value(const Part& part, std::string_view text) {
    MapBuilder map(*arena_, 2);
    map.add("type", Value::string(part.is_image ? "image_url" : "text"));
    if (!part.is_image) {
      map.add("text", Value::string(arena_->copy(text)));
      return map.build();
    }
    MapBuilder image(*arena_, 2);
    image.add("url", Value::string(arena_->copy(text)));
    if (!part.detail.empty()) image.add("detail", Value::string(arena_->copy(part.detail)));
    map.add("image_url", image.build());
    return map.build();
  }

  Status add(const Entry& entry, std::string_view role, std::string_view content) {
    return add(entry, role, Value::string(arena_->copy(content)), content.size());
  }

  Status add(const Entry& entry, std::string_view role, Value content, size_t bytes) {
    bytes_ += bytes;
    SY_RETURN_IF_ERROR(check_size(entry, messages_.size() + 1));
    MapBuilder message(*arena_, 2);
    message.add("role", Value::string(arena_->copy(role)));
    message.add("content", content);
    messages_.add(message.build());
    return {};
  }

  /// The innermost place stays.
  static Error at(const Entry& entry, std::string_view field, Error error) {
    if (error.field.starts_with("messages[")) return error;
    error.field = field.empty() ? entry.path : entry.path + "." + std::string(field);
    return error;
  }

  Renderer renderer_;
  std::shared_ptr<Arena> arena_;
  ListBuilder messages_;
  size_t bytes_ = 0;
};

Value CompiledPrompt::response_format(Arena& arena) const {
  MapBuilder format(arena);
  if (format_ == AnswerFormat::kJson) {
    format.add("type", Value::string("json_object"));
    return format.build();
  }
  // The interface takes letters, digits, '_' and '-', at most 64 of them.
  std::string name = name_.substr(0, 64);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || c == '.'; }, '_');
  MapBuilder schema(arena);
  schema.add("name", Value::string(arena.copy(name)));
  schema.add("schema", copy_value(output_->document(), arena));
  format.add("type", Value::string("json_schema"));
  format.add("json_schema", schema.build());
  return format.build();
}

void CompiledPrompt::add_tools(MapBuilder& map, Arena& arena) const {
  if (toolbox_.empty()) return;
  ListBuilder tools(arena, static_cast<uint32_t>(toolbox_.tools.size()));
  for (const Tool& tool : toolbox_.tools) {
    MapBuilder function(arena, 3), one(arena, 2);
    function.add("name", Value::string(arena.copy(tool.name)));
    if (!tool.description.empty()) function.add("description", Value::string(arena.copy(tool.description)));
    function.add("parameters", copy_value(tool.parameters->document(), arena));
    one.add("type", Value::string("function"));
    one.add("function", function.build());
    tools.add(one.build());
  }
  map.add("tools", tools.build());
  if (toolbox_.choice == ToolChoice::kNamed) {
    MapBuilder function(arena, 1), choice(arena, 2);
    function.add("name", Value::string(arena.copy(toolbox_.named)));
    choice.add("type", Value::string("function"));
    choice.add("function", function.build());
    map.add("tool_choice", choice.build());
  } else if (toolbox_.choice != ToolChoice::kAuto) {  // what servers do unasked
    map.add("tool_choice", Value::string(toolbox_.choice == ToolChoice::kNone ? "none" : "required"));
  }
  if (toolbox_.parallel.has_value()) map.add("parallel_tool_calls", Value::boolean(*toolbox_.parallel));
}

Sha256 CompiledPrompt::hash_of(const Value& messages) const {
  if (toolbox_.empty()) return switchyard::sha256(to_canonical_json(messages));
  Arena arena;
  MapBuilder told(arena);
  told.add("messages", messages);
  add_tools(told, arena);
  return switchyard::sha256(to_canonical_json(told.build()));
}

Document CompiledPrompt::parameters(uint64_t seed) const {
  auto arena = std::make_shared<Arena>(512);
  MapBuilder map(*arena);
  for (const auto& [key, value] : parameters_)
    map.add(Value::string(arena->copy(key)), copy_value(value, *arena));
  if (seeded_) {
    // Not negative and of 31 bits: some servers take no more.
    const uint64_t mixed = hash64(name_ + "@" + version_, seed);
    map.add("seed", Value::integer(static_cast<int64_t>(mixed & 0x7fffffff)));
  }
  add_tools(map, *arena);
  if (output_ != nullptr && format_ != AnswerFormat::kText)
    map.add("response_format", response_format(*arena));
  const Value built = map.build();
  return Document(std::move(arena), built);
}

Result<Rendered> CompiledPrompt::render(const Value& input, uint64_t seed) const {
  Arena arena;
  auto normal = input_->normalize(input, arena);
  if (!normal.ok()) {
    return make_error(
        ErrorKind::kUnprocessable, "prompt.bad_input",
        "the input does not fit the prompt " + name_ + "@" + version_ + ": " + normal.error().message,
        "input" + normal.error().field);
  }
  Rendered rendered;
  SY_ASSIGN_OR_RETURN(rendered.messages,
                      Rendering(*normal, output_ == nullptr ? Value() : output_->document()).run(entries_));
  rendered.sha256 = hash_of(rendered.messages.root());
  rendered.parameters = parameters(seed);
  return rendered;
}

}  // namespace switchyard::prompts
