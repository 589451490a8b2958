#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "../json_object.h"
#include "features.h"
#include "switchyard/authoring/language_server.h"
#include "switchyard/authoring/limits.h"
#include "workspace.h"

namespace switchyard::authoring {
namespace {

using language::Bundle;
using language::EditorPosition;
using language::TextMap;
using language::Workspace;

// Error codes of JSON-RPC and of the protocol.
constexpr int kParseError = -32700, kInvalidRequest = -32600, kMethodNotFound = -32601,
              kInvalidParams = -32602, kNotInitialized = -32002, kRequestFailed = -32803;

constexpr std::string_view kCapabilities =
    R"({"positionEncoding":"utf-16","textDocumentSync":{"openClose":true,"change":2,"save":true},)"
    R"("completionProvider":{"triggerCharacters":[".","?"," ","(","'","/"]},"hoverProvider":true,)"
    R"("definitionProvider":true,"documentSymbolProvider":true,"documentFormattingProvider":true,)"
    R"("workspace":{"workspaceFolders":{"supported":true,"changeNotifications":true}}})";

/// Parameters that are not as the protocol has them; ends a request from anywhere.
struct BadParams {
  std::string what;
};

const Value& member(const Value& object, std::string_view name, Kind kind) {
  const Value* value = object.is(Kind::kMap) ? object.find(name) : nullptr;
  if (value == nullptr || !value->is(kind))
    throw BadParams{"'" + std::string(name) + "' is missing or of another kind"};
  return *value;
}
std::string text_member(const Value& object, std::string_view name) {
  return std::string(member(object, name, Kind::kString).as_string());
}
const Value& map_member(const Value& object, std::string_view name) {
  return member(object, name, Kind::kMap);
}

uint32_t count_member(const Value& object, std::string_view name) {
  const int64_t count = member(object, name, Kind::kInteger).as_integer();
  if (count < 0 || count > INT32_MAX) throw BadParams{"'" + std::string(name) + "' is no place in a text"};
  return static_cast<uint32_t>(count);
}
EditorPosition position_member(const Value& object, std::string_view name) {
  const Value& position = map_member(object, name);
  return {count_member(position, "line"), count_member(position, "character")};
}

std::string response(const std::string& id, std::string_view result) {
  std::string out;
  {
    JsonObject object(out);
    object.text("jsonrpc", "2.0");
    object.raw("id", id);
    object.raw("result", result);
  }
  return out;
}

std::string failure(const std::string& id, int code, std::string_view message) {
  std::string out;
  {
    JsonObject object(out);
    object.text("jsonrpc", "2.0");
    object.raw("id", id);
    JsonObject error(object.key("error"));
    error.raw("code", std::to_string(code));
    error.text("message", message);
  }
  return out;
}

std::string notification(std::string_view method, std::string_view params) {
  std::string out;
  {
    JsonObject object(out);
    object.text("jsonrpc", "2.0");
    object.text("method", method);
    object.raw("params", params);
  }
  return out;
}

}  // namespace

class LanguageServer::Impl {
 public:
  Impl(Files& files, std::string version) : workspace_(files), version_(std::move(version)) {}

  void handle(std::string_view content) {
    auto message = parse_json_document(content, {kMaxMessageBytes, 64});
    if (!message.ok()) return send(failure("null", kParseError, message.error().message));
    const Value& root = message->root();
    const Value* method = root.is(Kind::kMap) ? root.find("method") : nullptr;
    const Value* id = root.is(Kind::kMap) ? root.find("id") : nullptr;
    const bool answer = root.is(Kind::kMap) && method == nullptr && id != nullptr;
    if (answer) return;  // to a request of ours; there are none
    if (method == nullptr || !method->is(Kind::kString) ||
        (id != nullptr && !id->is(Kind::kInteger) && !id->is(Kind::kString)))
      return send(
          failure("null", kInvalidRequest, "a message needs a method, and an id that is a number or text"));
    const Value* given = root.find("params");
    const Value params = given != nullptr ? *given : Value::null();
    const std::string name(method->as_string());
    if (id == nullptr) return notice(name, params);
    const std::string id_json = to_json(*id);
    try {
      request(name, id_json, params);
    } catch (const BadParams& bad) {
      send(failure(id_json, kInvalidParams, name + ": " + bad.what));
    }
  }

  std::vector<std::string> take() { return std::exchange(outgoing_, {}); }
  bool is_done() const { return state_ == State::kDone; }
  int exit_code() const { return exit_code_; }

 private:
  enum class State : uint8_t { kNew, kRunning, kShutDown, kDone };

  void send(std::string message) { outgoing_.push_back(std::move(message)); }

  void request(const std::string& name, const std::string& id, const Value& params) {
    if (state_ == State::kNew && name != "initialize")
      return send(failure(id, kNotInitialized, "the first request is initialize"));
    if (state_ == State::kShutDown) return send(failure(id, kInvalidRequest, "the server was shut down"));
    if (name == "initialize") {
      if (state_ != State::kNew) return send(failure(id, kInvalidRequest, "the server is initialized"));
      return send(response(id, initialize(params)));
    }
    if (name == "shutdown") {
      state_ = State::kShutDown;
      return send(response(id, "null"));
    }
    if (name == "textDocument/completion") return send(response(id, ask(params, language::complete)));
    if (name == "textDocument/hover") return send(response(id, ask(params, language::hover)));
    if (name == "textDocument/definition") return send(response(id, ask(params, language::define)));
    if (name == "textDocument/documentSymbol") {
      const std::string path = document_path(params);
      return send(response(id, language::symbols(open_text(path), path)));
    }
    if (name == "textDocument/formatting") {
      const std::string path = document_path(params);
      std::string why;
      const std::string edits = language::format_edits(open_text(path), path, why);
      return send(why.empty() ? response(id, edits) : failure(id, kRequestFailed, why));
    }
    send(failure(id, kMethodNotFound, "there is no method '" + name + "'"));
  }

  /// Wrong parameters of a notification cannot be answered; they are told to the user.
  void notice(const std::string& name, const Value& params) {
    if (name == "exit") {
      exit_code_ = state_ == State::kShutDown ? 0 : 1;
      state_ = State::kDone;
      return;
    }
    if (state_ != State::kRunning) return;
    try {
      take_notice(name, params);
    } catch (const BadParams& bad) {
      log(name + ": " + bad.what);
    }
  }

  void take_notice(const std::string& name, const Value& params) {
    if (name == "textDocument/didOpen") {
      const Value& document = map_member(params, "textDocument");
      const std::string uri = text_member(document, "uri");
      if (!workspace_.open(language::path_of_uri(uri), text_member(document, "text")))
        return log("more than " + std::to_string(kMaxOpenDocuments) + " documents are open; " + uri +
                   " is not checked");
      publish();
    } else if (name == "textDocument/didChange") {
      change(params);
      publish();
    } else if (name == "textDocument/didClose") {
      workspace_.close(document_path(params));
      publish();
    } else if (name == "textDocument/didSave" || name == "workspace/didChangeWatchedFiles") {
      workspace_.refresh();
      publish();
    } else if (name == "workspace/didChangeWorkspaceFolders") {
      change_folders(map_member(params, "event"));
      publish();
    }
  }

  void log(const std::string& text) {
    std::string params;
    {
      JsonObject object(params);
      object.number("type", 2);
      object.text("message", text);
    }
    send(notification("window/logMessage", params));
  }

  std::string initialize(const Value& params) {
    const Value* folders = params.is(Kind::kMap) ? params.find("workspaceFolders") : nullptr;
    const Value* root = params.is(Kind::kMap) ? params.find("rootUri") : nullptr;
    if (folders != nullptr && folders->is(Kind::kList)) {
      for (const Value& folder : folders->items())
        roots_.push_back(language::path_of_uri(text_member(folder, "uri")));
    } else if (root != nullptr && root->is(Kind::kString)) {
      roots_.push_back(language::path_of_uri(root->as_string()));
    }
    workspace_.set_roots(roots_);
    state_ = State::kRunning;
    std::string out;
    {
      JsonObject object(out);
      object.raw("capabilities", kCapabilities);
      JsonObject info(object.key("serverInfo"));
      info.text("name", "switchyard");
      info.text("version", version_);
    }
    return out;
  }

  void change_folders(const Value& event) {
    for (const Value& folder : member(event, "removed", Kind::kList).items())
      std::erase(roots_, language::path_of_uri(text_member(folder, "uri")));
    for (const Value& folder : member(event, "added", Kind::kList).items())
      roots_.push_back(language::path_of_uri(text_member(folder, "uri")));
    workspace_.set_roots(roots_);
  }

  static std::string document_path(const Value& params) {
    return language::path_of_uri(text_member(map_member(params, "textDocument"), "uri"));
  }
  const TextMap& open_text(const std::string& path) const {
    const TextMap* text = workspace_.text(path);
    if (text == nullptr) throw BadParams{"'" + path + "' is not open"};
    return *text;
  }

  std::string ask(const Value& params, std::string (*feature)(const language::Question&)) {
    const std::string path = document_path(params);
    const TextMap& text = open_text(path);
    return feature({workspace_, path, text, text.offset_of(position_member(params, "position"))});
  }

  void change(const Value& params) {
    const std::string path = document_path(params);
    std::string text = open_text(path).text();
    for (const Value& item : member(params, "contentChanges", Kind::kList).items()) {
      const std::string replacement = text_member(item, "text");
      const Value* range = item.find("range");
      if (range == nullptr) {
        text = replacement;
        continue;
      }
      const TextMap map(text);
      const size_t begin = map.offset_of(position_member(*range, "start"));
      const size_t end = map.offset_of(position_member(*range, "end"));
      if (end < begin) throw BadParams{"a range ends before it begins"};
      text.replace(begin, end - begin, replacement);
    }
    workspace_.open(path, std::move(text));
  }

  /// A file may belong to the bundles of several open documents.
  static void add_once(const Diagnostic& finding, Diagnostics& list) {
    const bool known = std::any_of(list.begin(), list.end(), [&](const Diagnostic& other) {
      return other.line == finding.line && other.column == finding.column && other.code == finding.code &&
             other.message == finding.message;
    });
    if (!known) list.push_back(finding);
  }

  /// Findings of all files of the bundles that open documents belong to; an empty list where there were some.
  void publish() {
    std::map<std::string, Diagnostics> by_file;
    std::set<const Bundle*> seen;
    for (const std::string& path : workspace_.open_paths()) {
      by_file[path];
      const auto bundle = workspace_.bundle_of(path);
      if (!seen.insert(bundle.get()).second) continue;
      for (const Diagnostic& finding : bundle->findings)
        if (!finding.file.empty()) add_once(finding, by_file[bundle->absolute(finding.file)]);
    }
    for (const std::string& path : published_)
      if (!by_file.contains(path)) by_file[path];
    published_.clear();
    for (const auto& [path, findings] : by_file) {
      const TextMap* open = workspace_.text(path);
      const TextMap text = open != nullptr ? *open : TextMap(workspace_.content(path).value_or(""));
      std::string params;
      {
        JsonObject object(params);
        object.text("uri", language::uri_of_path(path));
        object.raw("diagnostics", language::diagnostics(findings, text));
      }
      send(notification("textDocument/publishDiagnostics", params));
      if (!findings.empty()) published_.insert(path);
    }
  }

  Workspace workspace_;
  const std::string version_;
  State state_ = State::kNew;
  int exit_code_ = 1;
  std::vector<std::string> roots_;
  std::set<std::string> published_;
  std::vector<std::string> outgoing_;
};

LanguageServer::LanguageServer(Files& files, std::string version)
    : impl_(std::make_unique<Impl>(files, std::move(version))) {}
LanguageServer::~LanguageServer() = default;

std::vector<std::string> LanguageServer::handle(std::string_view content) {
  impl_->handle(content);
  return impl_->take();
}
std::string LanguageServer::parse_error(std::string_view why) { return failure("null", kParseError, why); }
bool LanguageServer::is_done() const { return impl_->is_done(); }
int LanguageServer::exit_code() const { return impl_->exit_code(); }

}  // namespace switchyard::authoring
