// /v1: OpenAI's chat completions, embeddings and models, so that its clients work unchanged. Each call is a
// decision: a run of the pipeline that asks one model and nothing else.
#include <algorithm>
#include <cstring>

#include "error_answer.h"
#include "surfaces/common.h"
#include "surfaces/model_calls.h"
#include "switchyard/base/base64.h"

namespace switchyard::gateway {
namespace {

using namespace surfaces;  // NOLINT: the file is a surface

constexpr int64_t kMicros = 1'000'000;

/// What every object of one answer carries.
struct Head {
  std::string id;
  int64_t created_s = 0;
  std::string model;
};

void append_head(const Head& head, std::string_view object, std::string& out) {
  out += "{\"id\":";
  append_json_string(head.id, out);
  out += ",\"object\":\"" + std::string(object) + "\",\"created\":" + std::to_string(head.created_s) +
         ",\"model\":";
  append_json_string(head.model, out);
}

const Value* member(const Document& document, std::string_view name) {
  return document->is(Kind::kMap) ? document->find(name) : nullptr;
}

http::Response chat_answer(const Head& head, const Document& output) {
  std::string json;
  append_head(head, "chat.completion", json);
  json += ",\"choices\":";
  const Value* choices = member(output, "choices");
  append_json(choices == nullptr ? Value() : *choices, json);
  if (const Value* usage = member(output, "usage")) {
    json += ",\"usage\":";
    append_json(*usage, json);
  }
  json += '}';
  return http::Response::json(200, std::move(json));
}

/// The way of a chat answer to a client that wants it in pieces. The parts come from one thread, the end from
/// another, after the last of them.
class ChatStream {
 public:
  ChatStream(std::shared_ptr<Call> call, Head head, bool include_usage)
      : call_(std::move(call)), head_(std::move(head)), include_usage_(include_usage) {}

  /// False: the client is gone.
  bool part(const Document& part) {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    begin();
    const Value* choices = member(part, "choices");
    return choices == nullptr || chunk(*choices);
  }

  void succeed(const Document& output) {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    // An answer that came whole: out of a cache, from a model that cannot stream, of an earlier request.
    if (!begun_) {
      begin();
      if (const Value* choices = member(output, "choices"); choices != nullptr && choices->is(Kind::kList))
        for (const Value& choice : choices->items()) whole_choice(choice);
    }
    if (const Value* usage = member(output, "usage"); usage != nullptr && include_usage_) {
      std::string json = "data: ";
      append_head(head_, "chat.completion.chunk", json);
      json += ",\"choices\":[],\"usage\":";
      append_json(*usage, json);
      stream_.write(json + "}\n\n");
    }
    stream_.write("data: [DONE]\n\n");
    stream_.end();
  }

  void fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    if (!begun_) return fail_call(*call_, error);
    // The status has gone out as a success; only an event can take it back. Clients raise it as an error.
    stream_.write("data: " + openai_error(error) + "\n\n");
    stream_.end();
  }

 private:
  void begin() {
    if (begun_) return;
    begun_ = true;
    stream_ = call_->responder.begin_stream(
        {200, "text/event-stream", {{"x-switchyard-decision", head_.id.substr(head_.id.find('-') + 1)}}, {}});
  }

  bool chunk(const Value& choices) {
    std::string json = "data: ";
    append_head(head_, "chat.completion.chunk", json);
    json += ",\"choices\":";
    append_json(choices, json);
    json += include_usage_ ? ",\"usage\":null}\n\n" : "}\n\n";
    return stream_.write(std::move(json));
  }

  void whole_choice(const Value& choice) {
    if (!choice.is(Kind::kMap)) return;
    Arena arena;
    const Value* index = choice.find("index");
    const Value* message = choice.find("message");
    const Value* reason = choice.find("finish_reason");
    const auto send = [&](Value delta, Value finish) {
      MapBuilder one(arena);
      one.add("index", index == nullptr ? Value::integer(0) : *index);
      one.add("delta", delta);
      one.add("finish_reason", finish);
      ListBuilder choices(arena);
      choices.add(one.build());
      chunk(choices.build());
    };
    send(message == nullptr ? MapBuilder(arena).build() : delta_of(*message, arena), Value());
    send(MapBuilder(arena).build(), reason == nullptr ? Value::string("stop") : *reason);
  }

  /// A message as the one delta it could have come in.
  static Value delta_of(const Value& message, Arena& arena) {
    MapBuilder delta(arena);
    for (const Member& one : message.members()) {
      if (one.key.as_string() != "tool_calls" || !one.value.is(Kind::kList)) {
        delta.add(one.key, one.value);
        continue;
      }
      ListBuilder calls(arena);
      int64_t index = 0;
      for (const Value& call : one.value.items()) {
        MapBuilder copy(arena);
        copy.add("index", Value::integer(index++));
        if (call.is(Kind::kMap))
          for (const Member& part : call.members())
            if (part.key.as_string() != "index") copy.add(part.key, part.value);
        calls.add(copy.build());
      }
      delta.add(one.key, calls.build());
    }
    return delta.build();
  }

  std::mutex mutex_;
  const std::shared_ptr<Call> call_;
  const Head head_;
  const bool include_usage_;
  http::Stream stream_;
  bool begun_ = false;
  bool ended_ = false;
};

Error missing(std::string_view name, std::string_view what) {
  return make_error(ErrorKind::kInvalidArgument, "request.missing",
                    "the member '" + std::string(name) + "' is missing: " + std::string(what),
                    std::string(name));
}

/// The request but for what is the gateway's.
Value call_input(const Value& body, std::initializer_list<std::string_view> ours, Arena& arena) {
  MapBuilder input(arena);
  for (const Member& one : body.members())
    if (std::find(ours.begin(), ours.end(), one.key.as_string()) == ours.end()) input.add(one.key, one.value);
  return input.build();
}

Status check_messages(const Value& body) {
  const Value* messages = body.find("messages");
  if (messages == nullptr || !messages->is(Kind::kList) || messages->size() == 0)
    return missing("messages", "a list of at least one { role, content }");
  for (size_t i = 0; i < messages->size(); ++i) {
    const Value& one = messages->items()[i];
    const Value* role = one.is(Kind::kMap) ? one.find("role") : nullptr;
    if (role == nullptr || !role->is(Kind::kString))
      return missing("messages[" + std::to_string(i) + "].role", "system, user, assistant or tool");
  }
  return {};
}

void chat(Call&& call, const Services& services) {
  auto request = read_model_call(call, services, models::ModelKind::kChat);
  if (!request.ok()) return call.fail(request.error());
  if (Status usable = check_messages(request->body); !usable.ok()) return call.fail(usable.error());
  const auto streams = optional_bool(request->body, "stream", false);
  if (!streams.ok()) return call.fail(streams.error());
  bool include_usage = false;
  if (const Value* options = request->body.find("stream_options");
      options != nullptr && options->is(Kind::kMap)) {
    const auto wanted = optional_bool(*options, "include_usage", false);
    if (!wanted.ok()) return call.fail(wanted.error());
    include_usage = *wanted;
  }
  request->run.input = call_input(request->body, {"model", "stream", "stream_options"}, *request->run.arena);
  auto shared = std::make_shared<Call>(std::move(call));
  const Head head{"chatcmpl-" + reserve(*request, services), services.clock->now_us() / kMicros,
                  request->model};
  if (!*streams) {
    return begin_model_call(services, std::move(*request), shared, nullptr,
                            [shared, head](Result<Document> output) {
                              if (!output.ok()) return fail_call(*shared, output.error());
                              auto response = chat_answer(head, *output);
                              shared->answer(std::move(response));
                            });
  }
  const auto stream = std::make_shared<ChatStream>(shared, head, include_usage);
  begin_model_call(
      services, std::move(*request), shared, [stream](const Document& part) { return stream->part(part); },
      [stream](Result<Document> output) {
        if (output.ok())
          stream->succeed(*output);
        else
          stream->fail(output.error());
      });
}

/// The numbers as little-endian 32-bit floats in base64, as OpenAI's Python client asks for by default.
std::string packed(const Value& vector) {
  std::string bytes(vector.size() * sizeof(float), '\0');
  for (size_t i = 0; i < vector.size(); ++i) {
    const auto number = static_cast<float>(vector.items()[i].to_double());
    std::memcpy(bytes.data() + i * sizeof number, &number, sizeof number);
  }
  return base64_encode(bytes);
}

http::Response embeddings_answer(const std::string& model, const Document& output, bool base64) {
  std::string json = "{\"object\":\"list\",\"data\":[";
  const Value* vectors = member(output, "embeddings");
  if (vectors != nullptr && vectors->is(Kind::kList)) {
    for (size_t i = 0; i < vectors->size(); ++i) {
      if (i > 0) json += ',';
      json += "{\"object\":\"embedding\",\"index\":" + std::to_string(i) + ",\"embedding\":";
      if (base64)
        append_json_string(packed(vectors->items()[i]), json);
      else
        append_json(vectors->items()[i], json);
      json += '}';
    }
  }
  json += "],\"model\":";
  append_json_string(model, json);
  if (const Value* usage = member(output, "usage")) {
    json += ",\"usage\":";
    append_json(*usage, json);
  }
  return http::Response::json(200, json + "}");
}

void embeddings(Call&& call, const Services& services) {
  auto request = read_model_call(call, services, models::ModelKind::kEmbeddings);
  if (!request.ok()) return call.fail(request.error());
  const Value* input = request->body.find("input");
  if (input == nullptr || !(input->is(Kind::kString) || (input->is(Kind::kList) && input->size() > 0)))
    return call.fail(missing("input", "a text, a list of texts, or tokens"));
  const auto format = optional_text(request->body, "encoding_format");
  if (!format.ok()) return call.fail(format.error());
  if (!format->empty() && *format != "float" && *format != "base64")
    return call.fail(make_error(ErrorKind::kInvalidArgument, "request.bad_type",
                                "'encoding_format' is float or base64", "encoding_format"));
  request->run.input = call_input(request->body, {"model", "encoding_format"}, *request->run.arena);
  auto shared = std::make_shared<Call>(std::move(call));
  reserve(*request, services);
  begin_model_call(services, std::move(*request), shared, nullptr,
                   [shared, model = request->model, base64 = *format == "base64"](Result<Document> output) {
                     if (!output.ok()) return fail_call(*shared, output.error());
                     shared->answer(embeddings_answer(model, *output, base64));
                   });
}

void append_model(const CallableModel& model, std::string& json) {
  JsonObject object(json);
  object.text("id", model.name)
      .text("object", "model")
      .number("created", model.deployed_us / kMicros)
      .text("owned_by", model.owner);
  object.close();
}

void list_models(Call&& call, const Services& services) {
  std::string json = "{\"object\":\"list\",\"data\":[";
  for (const CallableModel& model : callable_models(*services.governance->snapshot())) {
    if (!call.caller.may_call(model.name)) continue;
    if (json.back() != '[') json += ',';
    append_model(model, json);
  }
  call.answer_json(200, json + "]}");
}

void get_model(Call&& call, const Services& services) {
  const std::string name(call.request.path_parameter("model"));
  for (const CallableModel& model : callable_models(*services.governance->snapshot())) {
    if (model.name != name || !call.caller.may_call(name)) continue;
    std::string json;
    append_model(model, json);
    return call.answer_json(200, std::move(json));
  }
  call.fail(unknown_model(name));
}

}  // namespace

void add_openai(Gateway& gateway, const Services& services) {
  const Operations on(gateway, services);
  on("POST /v1/chat/completions", "create_chat_completion", Permission::kDecisionsStart, chat);
  on("POST /v1/embeddings", "create_embedding", Permission::kDecisionsStart, embeddings);
  on("GET /v1/models", "list_openai_models", Permission::kDeploymentsRead, list_models);
  on("GET /v1/models/{model}", "get_openai_model", Permission::kDeploymentsRead, get_model);
}

}  // namespace switchyard::gateway
