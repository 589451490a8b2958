// OpenAI's chat completions and embeddings, as vLLM, Ollama, TGI, llama.cpp and many vendors speak them.
#include <algorithm>
#include <memory>

#include "chat.h"
#include "sse.h"
#include "switchyard/models/limits.h"
#include "switchyard/types/json.h"

namespace switchyard::models {
namespace {

using expression::Type;

/// What is the gateway's to decide, not the caller's.
bool is_ours(std::string_view member) {
  return member == "model" || member == "stream" || member == "stream_options";
}

/// A copy of `map` with `value` in place of what `key` has.
Value with_member(const Value& map, std::string_view key, Value value, Arena& arena) {
  MapBuilder copy(arena);
  bool there = false;
  for (const Member& member : map.members()) {
    const bool same = member.key.is(Kind::kString) && member.key.as_string() == key;
    there = there || same;
    copy.add(copy_value(member.key, arena), same ? value : copy_value(member.value, arena));
  }
  if (!there) copy.add(Value::string(arena.copy(key)), value);
  return copy.build();
}

/// A copy of a chunk's choice in which every call of a tool has its index: clients put the pieces together by
/// it, and not every server sends it.
Value with_indexes(const Value& choice, Arena& arena) {
  const Value* delta = choice.is(Kind::kMap) ? choice.find("delta") : nullptr;
  const Value* calls = delta != nullptr && delta->is(Kind::kMap) ? delta->find("tool_calls") : nullptr;
  const auto lacks = [](const Value& call) { return call.is(Kind::kMap) && call.find("index") == nullptr; };
  if (calls == nullptr || !calls->is(Kind::kList) ||
      std::none_of(calls->items().begin(), calls->items().end(), lacks))
    return copy_value(choice, arena);
  ListBuilder whole(arena);
  int64_t index = 0;
  for (const Value& call : calls->items()) {
    whole.add(lacks(call) ? with_member(call, "index", Value::integer(index), arena)
                          : copy_value(call, arena));
    ++index;
  }
  return with_member(choice, "delta", with_member(*delta, "tool_calls", whole.build(), arena), arena);
}

class ChatStream final : public StreamReader {
 public:
  Status take(std::string_view piece, const OnPart& part) override {
    return events_.take(piece, [&](const EventReader::Event& event) { return take_event(event, part); });
  }

  Result<RemoteReply> end() override {
    // A server that says nothing of the end may have been cut off by whatever stands between.
    if (events_.in_the_middle() || !(done_ || answer_.finished()))
      return truncated("the stream of the answer ended before the answer did");
    if (answer_.empty()) return bad_answer("the stream had no choice in it");
    if (!answer_.finished()) return truncated("the stream ended without a finish_reason");
    return answer_.build(usage_, std::move(served_by_));
  }

 private:
  Status take_event(const EventReader::Event& event, const OnPart& part) {
    if (done_) return {};
    if (event.data.starts_with("[DONE]")) {
      done_ = true;
      return {};
    }
    auto chunk = parse_json_document(event.data);
    if (!chunk.ok() || !(*chunk)->is(Kind::kMap))
      return bad_answer("a chunk of the stream is no JSON object");
    const Value& root = chunk->root();
    if (is_truthy(root.find("error")) || event.name == "error") return failed(root);
    if (const auto model = text_of(root, "model"); !model.empty()) served_by_ = model;
    if (const Value* usage = root.find("usage"); usage != nullptr && usage->is(Kind::kMap))
      usage_ = read_usage(*usage);
    const Value* choices = root.find("choices");
    if (choices == nullptr || !choices->is(Kind::kList) || choices->size() == 0) return {};
    for (const Value& choice : choices->items()) add(choice);
    auto arena = std::make_shared<Arena>(event.data.size() + 256);
    MapBuilder map(*arena);
    ListBuilder whole(*arena);
    for (const Value& choice : choices->items()) whole.add(with_indexes(choice, *arena));
    map.add("choices", whole.build());
    const Value value = map.build();
    if (part(Document(std::move(arena), value))) return {};
    return make_error(ErrorKind::kCancelled, "models.cancelled", "nobody wants the rest of the answer");
  }

  void add(const Value& choice) {
    if (!choice.is(Kind::kMap)) return;
    const int64_t index = integer_of(choice, "index");
    if (const Value* delta = choice.find("delta"); delta != nullptr && delta->is(Kind::kMap))
      answer_.add_delta(index, *delta);
    if (const auto reason = text_of(choice, "finish_reason"); !reason.empty()) answer_.finish(index, reason);
  }

  static Error failed(const Value& root) {
    const Value* error = root.find("error");
    std::string message = "the server broke the stream off with an error";
    if (error != nullptr && error->is(Kind::kMap)) message += ": " + std::string(text_of(*error, "message"));
    if (error != nullptr && error->is(Kind::kString)) message += ": " + std::string(error->as_string());
    return make_error(ErrorKind::kUnavailable, "models.stream_failed", message);
  }

  EventReader events_;
  ChatAnswer answer_;
  ModelUsage usage_;
  std::string served_by_;
  bool done_ = false;
};

class OpenAi : public Protocol {
 public:
  explicit OpenAi(const ModelManifest& manifest)
      : name_(manifest.remote.model.empty() ? manifest.model.name : manifest.remote.model) {}

 protected:
  std::string body(const Value& input, std::string_view more) const {
    std::string out = "{\"model\":";
    append_json_string(name_, out);
    for (const Member& member : input.members()) {
      if (!member.key.is(Kind::kString) || is_ours(member.key.as_string())) continue;
      out += ',';
      append_json_string(member.key.as_string(), out);
      out += ':';
      append_json(member.value, out);
    }
    out += more;
    out += '}';
    return out;
  }
  static Result<Document> parse(const http::ClientResponse& response) {
    auto parsed = parse_json_document(response.body, {kMaxRemoteAnswerBytes, 64});
    if (!parsed.ok()) return bad_answer("it is no JSON: " + parsed.error().message);
    if (!(*parsed)->is(Kind::kMap)) return bad_answer("it is no JSON object");
    return parsed;
  }

 private:
  const std::string name_;
};

class OpenAiChat final : public OpenAi {
 public:
  using OpenAi::OpenAi;

  Result<Request> request(const Value& input, bool streams) const override {
    SY_RETURN_IF_ERROR(check_messages(input));
    Request request;
    request.path = "/chat/completions";
    request.body = body(input, streams ? R"(,"stream":true,"stream_options":{"include_usage":true})" : "");
    return request;
  }

  Result<RemoteReply> reply(const http::ClientResponse& response, AnswerForm) const override {
    SY_ASSIGN_OR_RETURN(const Document parsed, parse(response));
    const Value* choices = parsed->find("choices");
    if (choices == nullptr || !choices->is(Kind::kList) || choices->size() == 0 ||
        !choices->items()[0].is(Kind::kMap))
      return bad_answer("it has no choices");
    const Value& first = choices->items()[0];
    const Value* message = first.find("message");
    if (message == nullptr || !message->is(Kind::kMap)) return bad_answer("its first choice has no message");
    auto arena = std::make_shared<Arena>(response.body.size() + 512);
    RemoteReply reply;
    if (const Value* usage = parsed->find("usage"); usage != nullptr && usage->is(Kind::kMap))
      reply.usage = read_usage(*usage);
    reply.served_by = text_of(*parsed, "model");
    const auto reason = text_of(first, "finish_reason");
    MapBuilder output(*arena);
    output.add("text", Value::string(arena->copy(text_of(*message, "content"))));
    output.add("finish_reason", Value::string(reason.empty() ? "stop" : arena->copy(reason)));
    output.add("choices", copy_value(*choices, *arena));
    output.add("usage", usage_value(reply.usage, *arena));
    const Value root = output.build();
    reply.output = Document(std::move(arena), root);
    return reply;
  }

  std::unique_ptr<StreamReader> stream() const override { return std::make_unique<ChatStream>(); }
  Type output_type() const override { return chat_type(); }
};

class OpenAiEmbeddings final : public OpenAi {
 public:
  using OpenAi::OpenAi;

  Result<Request> request(const Value& input, bool) const override {
    const Value* what = input.is(Kind::kMap) ? input.find("input") : nullptr;
    if (what == nullptr || !(what->is(Kind::kString) || what->is(Kind::kList))) {
      return make_error(ErrorKind::kInvalidArgument, "models.bad_input",
                        "an embedding model's input is a map with 'input', a text or a list of texts",
                        "input");
    }
    Request request;
    request.path = "/embeddings";
    // Floats: what is kept in the record should be readable. How the client wants them is the surface's
    // matter.
    request.body =
        body(input, input.find("encoding_format") == nullptr ? R"(,"encoding_format":"float")" : "");
    return request;
  }

  Result<RemoteReply> reply(const http::ClientResponse& response, AnswerForm) const override {
    SY_ASSIGN_OR_RETURN(const Document parsed, parse(response));
    const Value* data = parsed->find("data");
    if (data == nullptr || !data->is(Kind::kList) || data->size() == 0) return bad_answer("it has no data");
    auto arena = std::make_shared<Arena>(response.body.size() + 512);
    std::vector<Value> vectors(data->size());
    for (const Value& one : data->items()) {
      const Value* vector = one.is(Kind::kMap) ? one.find("embedding") : nullptr;
      const int64_t index = vector == nullptr ? -1 : integer_of(one, "index", -1);
      if (vector == nullptr || !vector->is(Kind::kList) || index < 0 ||
          index >= static_cast<int64_t>(vectors.size()))
        return bad_answer("an embedding lacks its index or its numbers");
      SY_ASSIGN_OR_RETURN(vectors[static_cast<size_t>(index)], reals(*vector, *arena));
    }
    RemoteReply reply;
    if (const Value* usage = parsed->find("usage"); usage != nullptr && usage->is(Kind::kMap))
      reply.usage = read_usage(*usage);
    reply.served_by = text_of(*parsed, "model");
    ListBuilder all(*arena);
    for (const Value& vector : vectors) {
      if (vector.is_null()) return bad_answer("an index of its embeddings is missing");
      all.add(vector);
    }
    MapBuilder usage(*arena), output(*arena);
    usage.add("prompt_tokens", Value::integer(reply.usage.input_tokens));
    usage.add("total_tokens", Value::integer(reply.usage.input_tokens));
    output.add("embedding", vectors.front());
    output.add("embeddings", all.build());
    output.add("usage", usage.build());
    const Value root = output.build();
    reply.output = Document(std::move(arena), root);
    return reply;
  }

  Type output_type() const override {
    const Type usage =
        Type::object({{"prompt_tokens", Type::integer(), true}, {"total_tokens", Type::integer(), true}});
    return Type::object({{"embedding", Type::list(Type::real()), true},
                         {"embeddings", Type::list(Type::list(Type::real())), true},
                         {"usage", usage, true}});
  }

 private:
  static Result<Value> reals(const Value& vector, Arena& arena) {
    Value* numbers = arena.allocate<Value>(vector.size());
    for (size_t i = 0; i < vector.size(); ++i) {
      if (!vector.items()[i].is_number()) return bad_answer("an embedding holds what is no number");
      numbers[i] = Value::real(vector.items()[i].to_double());
    }
    return Value::list({numbers, vector.size()});
  }
};

}  // namespace

Result<std::unique_ptr<Protocol>> make_openai_protocol(const ModelManifest& manifest) {
  if (manifest.kind == ModelKind::kChat)
    return std::unique_ptr<Protocol>(std::make_unique<OpenAiChat>(manifest));
  if (manifest.kind == ModelKind::kEmbeddings)
    return std::unique_ptr<Protocol>(std::make_unique<OpenAiEmbeddings>(manifest));
  return wrong_kind(manifest, "openai", "chat or embeddings");
}

}  // namespace switchyard::models
