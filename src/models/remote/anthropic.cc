// Anthropic's messages API, brought into the form of a chat completion and back.
#include <memory>
#include <optional>

#include "chat.h"
#include "sse.h"
#include "switchyard/models/limits.h"
#include "switchyard/types/json.h"

namespace switchyard::models {
namespace {

constexpr std::string_view kVersion = "2023-06-01";
constexpr int64_t kDefaultMaxTokens = 4096;  // the API demands a number

std::string_view finish_reason(std::string_view stop_reason) {
  if (stop_reason == "max_tokens") return "length";
  if (stop_reason == "tool_use") return "tool_calls";
  if (stop_reason == "refusal") return "content_filter";
  return "stop";  // end_turn, stop_sequence
}

ModelUsage anthropic_usage(const Value& usage) {
  ModelUsage read;
  read.cached_tokens = integer_of(usage, "cache_read_input_tokens");
  // Their input_tokens leaves out what came from or went to the cache.
  read.input_tokens = integer_of(usage, "input_tokens") + read.cached_tokens +
                      integer_of(usage, "cache_creation_input_tokens");
  read.output_tokens = integer_of(usage, "output_tokens");
  return read;
}

/// One request of the chat form in the form of the messages API.
class RequestWriter {
 public:
  RequestWriter(std::string_view model, const Value& input, bool streams) : input_(input) {
    MapBuilder body(arena_);
    body.add("model", Value::string(model));
    body.add("max_tokens", Value::integer(max_tokens()));
    write_messages(body);
    write_parameters(body);
    write_tools(body);
    if (streams) body.add("stream", Value::boolean(true));
    text_ = to_json(body.build());
  }
  const std::string& text() const { return text_; }

 private:
  int64_t max_tokens() const {
    return integer_of(input_, "max_completion_tokens", integer_of(input_, "max_tokens", kDefaultMaxTokens));
  }

  void write_messages(MapBuilder& body) {
    ListBuilder messages(arena_), system(arena_);
    std::vector<Value> results;  // answers of tools in a row are one message of the user's
    const auto flush = [&] {
      if (results.empty()) return;
      ListBuilder blocks(arena_);
      for (const Value& one : results) blocks.add(one);
      messages.add(message("user", blocks.build()));
      results.clear();
    };
    for (const Value& one : input_.find("messages")->items()) {
      if (!one.is(Kind::kMap)) continue;
      const auto role = text_of(one, "role");
      if (role == "system" || role == "developer") {
        for (const Value& block : blocks_of(one).items()) system.add(block);
      } else if (role == "tool") {
        MapBuilder result(arena_);
        result.add("type", Value::string("tool_result"));
        result.add("tool_use_id", Value::string(text_of(one, "tool_call_id")));
        result.add("content", blocks_of(one));
        results.push_back(result.build());
      } else {
        flush();
        messages.add(message(role == "assistant" ? "assistant" : "user", blocks_of(one)));
      }
    }
    flush();
    const Value all_system = system.build();
    if (all_system.size() > 0) body.add("system", all_system);
    body.add("messages", messages.build());
  }

  Value message(std::string_view role, Value content) {
    MapBuilder map(arena_);
    map.add("role", Value::string(role));
    map.add("content", content);
    return map.build();
  }

  Value text_block(std::string_view text) {
    MapBuilder block(arena_);
    block.add("type", Value::string("text"));
    block.add("text", Value::string(text));
    return block.build();
  }

  /// The content of a message as blocks, calls of tools among them.
  Value blocks_of(const Value& message) {
    ListBuilder blocks(arena_);
    const Value* content = message.find("content");
    if (content != nullptr && content->is(Kind::kString) && !content->as_string().empty())
      blocks.add(text_block(content->as_string()));
    if (content != nullptr && content->is(Kind::kList))
      for (const Value& part : content->items())
        if (part.is(Kind::kMap)) blocks.add(block_of(part));
    const Value* calls = message.find("tool_calls");
    if (calls != nullptr && calls->is(Kind::kList))
      for (const Value& call : calls->items())
        if (call.is(Kind::kMap)) blocks.add(tool_use(call));
    return blocks.build();
  }

  Value block_of(const Value& part) {
    if (text_of(part, "type") != "image_url") return text_block(text_of(part, "text"));
    const Value* image = part.find("image_url");
    const std::string_view url = image != nullptr && image->is(Kind::kMap) ? text_of(*image, "url") : "";
    MapBuilder block(arena_), source(arena_);
    block.add("type", Value::string("image"));
    // "data:image/png;base64,...."
    const size_t comma = url.find(',');
    if (url.starts_with("data:") && comma != std::string_view::npos) {
      source.add("type", Value::string("base64"));
      source.add("media_type", Value::string(url.substr(5, url.find(';') - 5)));
      source.add("data", Value::string(url.substr(comma + 1)));
    } else {
      source.add("type", Value::string("url"));
      source.add("url", Value::string(url));
    }
    block.add("source", source.build());
    return block.build();
  }

  Value tool_use(const Value& call) {
    MapBuilder block(arena_);
    block.add("type", Value::string("tool_use"));
    block.add("id", Value::string(text_of(call, "id")));
    const Value* function = call.find("function");
    if (function != nullptr && function->is(Kind::kMap)) {
      block.add("name", Value::string(text_of(*function, "name")));
      auto arguments = parse_json(text_of(*function, "arguments"), arena_);
      block.add("input", arguments.ok() ? *arguments : MapBuilder(arena_).build());
    }
    return block.build();
  }

  void write_parameters(MapBuilder& body) {
    for (const std::string_view name : {"temperature", "top_p", "top_k", "metadata"})
      if (const Value* value = input_.find(name); value != nullptr && !value->is_null())
        body.add(name, *value);
    const Value* stop = input_.find("stop");
    if (stop == nullptr || stop->is_null()) return;
    if (stop->is(Kind::kList)) {
      body.add("stop_sequences", *stop);
    } else {
      ListBuilder one(arena_);
      one.add(*stop);
      body.add("stop_sequences", one.build());
    }
  }

  void write_tools(MapBuilder& body) {
    const Value* tools = input_.find("tools");
    if (tools == nullptr || !tools->is(Kind::kList) || tools->size() == 0) return;
    ListBuilder all(arena_);
    for (const Value& tool : tools->items()) {
      const Value* function = tool.is(Kind::kMap) ? tool.find("function") : nullptr;
      if (function == nullptr || !function->is(Kind::kMap)) continue;
      MapBuilder one(arena_);
      one.add("name", Value::string(text_of(*function, "name")));
      if (const auto about = text_of(*function, "description"); !about.empty())
        one.add("description", Value::string(about));
      const Value* parameters = function->find("parameters");
      MapBuilder nothing(arena_);
      nothing.add("type", Value::string("object"));
      one.add("input_schema", parameters != nullptr ? *parameters : nothing.build());
      all.add(one.build());
    }
    body.add("tools", all.build());
    write_choice(body);
  }

  void write_choice(MapBuilder& body) {
    const Value* choice = input_.find("tool_choice");
    const Value* parallel = input_.find("parallel_tool_calls");
    const bool chosen = choice != nullptr && !choice->is_null();
    const bool one_at_a_time = parallel != nullptr && parallel->is(Kind::kBool) && !parallel->as_bool();
    if (!chosen && !one_at_a_time) return;
    MapBuilder map(arena_);
    const std::string_view word = !chosen                     ? std::string_view("auto")
                                  : choice->is(Kind::kString) ? choice->as_string()
                                                              : std::string_view("tool");
    map.add("type", Value::string(word == "required"                 ? "any"
                                  : word == "none" || word == "tool" ? word
                                                                     : "auto"));
    if (word == "tool") {
      const Value* function = choice->is(Kind::kMap) ? choice->find("function") : nullptr;
      map.add("name", Value::string(
                          function != nullptr && function->is(Kind::kMap) ? text_of(*function, "name") : ""));
    }
    // Where no tool may be called there is nothing to forbid.
    if (one_at_a_time && word != "none") map.add("disable_parallel_tool_use", Value::boolean(true));
    body.add("tool_choice", map.build());
  }

  const Value& input_;
  Arena arena_;
  std::string text_;
};

/// A choice's delta in the chat form.
Document delta_part(const std::function<void(MapBuilder&, Arena&)>& fill, std::string_view reason) {
  auto arena = std::make_shared<Arena>(256);
  MapBuilder delta(*arena), choice(*arena), root(*arena);
  fill(delta, *arena);
  choice.add("index", Value::integer(0));
  choice.add("delta", delta.build());
  choice.add("finish_reason", reason.empty() ? Value() : Value::string(arena->copy(reason)));
  ListBuilder choices(*arena);
  choices.add(choice.build());
  root.add("choices", choices.build());
  const Value value = root.build();
  return Document(std::move(arena), value);
}

Value tool_delta(Arena& arena, int64_t index, std::string_view id, std::string_view name,
                 std::string_view arguments) {
  MapBuilder function(arena), call(arena);
  if (!name.empty()) function.add("name", Value::string(arena.copy(name)));
  function.add("arguments", Value::string(arena.copy(arguments)));
  call.add("index", Value::integer(index));
  if (!id.empty()) {
    call.add("id", Value::string(arena.copy(id)));
    call.add("type", Value::string("function"));
  }
  call.add("function", function.build());
  ListBuilder calls(arena);
  calls.add(call.build());
  return calls.build();
}

class MessageStream final : public StreamReader {
 public:
  Status take(std::string_view piece, const OnPart& part) override {
    return events_.take(piece, [&](const EventReader::Event& event) { return take_event(event, part); });
  }

  Result<RemoteReply> end() override {
    if (!stopped_ || events_.in_the_middle()) return truncated("the stream ended before message_stop");
    if (!answer_.finished()) return truncated("the stream ended without a stop_reason");
    return answer_.build(usage_, std::move(served_by_));
  }

 private:
  Status take_event(const EventReader::Event& event, const OnPart& part) {
    auto parsed = parse_json_document(event.data);
    if (!parsed.ok() || !(*parsed)->is(Kind::kMap))
      return bad_answer("an event of the stream is no JSON object");
    const Value& root = parsed->root();
    const auto type = text_of(root, "type");
    if (type == "error") {
      const Value* error = root.find("error");
      return make_error(
          ErrorKind::kUnavailable, "models.stream_failed",
          "the server broke the stream off: " +
              std::string(error != nullptr && error->is(Kind::kMap) ? text_of(*error, "message") : ""));
    }
    std::optional<Document> out;
    if (type == "message_start") begin(root, out);
    if (type == "content_block_start") begin_block(root, out);
    if (type == "content_block_delta") add(root, out);
    if (type == "message_delta") finish(root, out);
    if (type == "message_stop") stopped_ = true;
    if (!out.has_value() || part(*out)) return {};
    return make_error(ErrorKind::kCancelled, "models.cancelled", "nobody wants the rest of the answer");
  }

  void begin(const Value& root, std::optional<Document>& out) {
    const Value* message = root.find("message");
    if (message == nullptr || !message->is(Kind::kMap)) return;
    served_by_ = text_of(*message, "model");
    if (const Value* usage = message->find("usage"); usage != nullptr && usage->is(Kind::kMap))
      usage_ = anthropic_usage(*usage);
    out = delta_part(
        [](MapBuilder& delta, Arena&) {
          delta.add("role", Value::string("assistant"));
          delta.add("content", Value::string(""));
        },
        {});
  }

  void begin_block(const Value& root, std::optional<Document>& out) {
    const Value* block = root.find("content_block");
    if (block == nullptr || !block->is(Kind::kMap) || text_of(*block, "type") != "tool_use") return;
    const int64_t tool = static_cast<int64_t>(tools_.size());
    tools_[integer_of(root, "index")] = tool;
    const auto id = text_of(*block, "id");
    const auto name = text_of(*block, "name");
    answer_.begin_tool_call(0, tool, id, name);
    out = delta_part([&](MapBuilder& delta,
                         Arena& arena) { delta.add("tool_calls", tool_delta(arena, tool, id, name, "")); },
                     {});
  }

  void add(const Value& root, std::optional<Document>& out) {
    const Value* delta = root.find("delta");
    if (delta == nullptr || !delta->is(Kind::kMap)) return;
    const auto type = text_of(*delta, "type");
    if (type == "text_delta") {
      const auto text = text_of(*delta, "text");
      answer_.add_text(0, text);
      out = delta_part(
          [&](MapBuilder& map, Arena& arena) { map.add("content", Value::string(arena.copy(text))); }, {});
    } else if (type == "input_json_delta") {
      const auto found = tools_.find(integer_of(root, "index"));
      if (found == tools_.end()) return;
      const auto piece = text_of(*delta, "partial_json");
      answer_.add_arguments(0, found->second, piece);
      out = delta_part(
          [&](MapBuilder& map, Arena& arena) {
            map.add("tool_calls", tool_delta(arena, found->second, "", "", piece));
          },
          {});
    }
  }

  void finish(const Value& root, std::optional<Document>& out) {
    if (const Value* usage = root.find("usage"); usage != nullptr && usage->is(Kind::kMap))
      usage_.output_tokens = integer_of(*usage, "output_tokens", usage_.output_tokens);
    const Value* delta = root.find("delta");
    const auto reason = delta != nullptr && delta->is(Kind::kMap) ? text_of(*delta, "stop_reason") : "";
    if (reason.empty()) return;
    answer_.finish(0, finish_reason(reason));
    out = delta_part([](MapBuilder&, Arena&) {}, finish_reason(reason));
  }

  EventReader events_;
  ChatAnswer answer_;
  ModelUsage usage_;
  std::string served_by_;
  std::map<int64_t, int64_t> tools_;  // block → call
  bool stopped_ = false;
};

class Anthropic final : public Protocol {
 public:
  explicit Anthropic(const ModelManifest& manifest)
      : name_(manifest.remote.model.empty() ? manifest.model.name : manifest.remote.model) {}

  Result<Request> request(const Value& input, bool streams) const override {
    SY_RETURN_IF_ERROR(check_messages(input));
    Request request;
    request.path = "/v1/messages";
    request.headers.push_back({"anthropic-version", std::string(kVersion)});
    request.body = RequestWriter(name_, input, streams).text();
    return request;
  }

  Result<RemoteReply> reply(const http::ClientResponse& response, AnswerForm) const override {
    auto parsed = parse_json_document(response.body, {kMaxRemoteAnswerBytes, 64});
    if (!parsed.ok() || !(*parsed)->is(Kind::kMap)) return bad_answer("it is no JSON object");
    const Value* content = (*parsed)->find("content");
    if (content == nullptr || !content->is(Kind::kList)) return bad_answer("it has no content");
    ChatAnswer answer;
    answer.finish(0, finish_reason(text_of(parsed->root(), "stop_reason")));
    int64_t tools = 0;
    for (const Value& block : content->items()) {
      if (!block.is(Kind::kMap)) continue;
      if (text_of(block, "type") == "text") answer.add_text(0, text_of(block, "text"));
      if (text_of(block, "type") != "tool_use") continue;
      answer.begin_tool_call(0, tools, text_of(block, "id"), text_of(block, "name"));
      const Value* input = block.find("input");
      answer.add_arguments(0, tools++, input == nullptr ? "{}" : to_json(*input));
    }
    ModelUsage usage;
    if (const Value* told = (*parsed)->find("usage"); told != nullptr && told->is(Kind::kMap))
      usage = anthropic_usage(*told);
    return answer.build(usage, std::string(text_of(parsed->root(), "model")));
  }

  std::unique_ptr<StreamReader> stream() const override { return std::make_unique<MessageStream>(); }
  expression::Type output_type() const override { return chat_type(); }

 private:
  const std::string name_;
};

}  // namespace

Result<std::unique_ptr<Protocol>> make_anthropic_protocol(const ModelManifest& manifest) {
  if (manifest.kind != ModelKind::kChat) return wrong_kind(manifest, "anthropic", "chat");
  return std::unique_ptr<Protocol>(std::make_unique<Anthropic>(manifest));
}

}  // namespace switchyard::models
