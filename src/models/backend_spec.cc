#include "switchyard/models/backend_spec.h"

#include <algorithm>

#include "document_reader.h"
#include "switchyard/http/url.h"
#include "switchyard/models/limits.h"

namespace switchyard::models {
namespace {

class Reader : private DocumentReader {
 public:
  using DocumentReader::DocumentReader;
  BackendSpec read(const Value& document);

 private:
  void read_name(const Value& root);
  void read_urls(const Value& root);
  void read_auth(const Value& root);
  void read_secret(const Value& from, const std::string& path);
  void read_headers(const Value& root);

  BackendSpec spec_;
};

void Reader::read_name(const Value& root) {
  const char* mend = "write the name and version, e.g. backend: local-llm@1.0.0";
  const std::string name = text(root, "", "backend", true, mend);
  if (name.empty()) return;
  auto parsed = ModelName::parse(name);
  if (!parsed.ok()) return mistake("backend", "bad_name", "'" + name + "' is no name with a version", mend);
  spec_.name = std::move(parsed).value();
  if (spec_.name.name == kLocalBackend)
    mistake("backend", "bad_name", "'onnx' is the backend in this process", "choose another name");
}

void Reader::read_urls(const Value& root) {
  const bool grpc = spec_.protocol == "oip-grpc";
  const char* mend = grpc ? "write url: grpc://127.0.0.1:8001, or urls: [ ... ] for equal replicas"
                          : "write url: http://127.0.0.1:8000/v1, or urls: [ ... ] for equal replicas";
  const bool wanted = spec_.protocol != "worker";
  const bool one = root.find("url") != nullptr;
  const bool many = root.find("urls") != nullptr;
  if (!wanted) {
    if (one || many)
      mistake(one ? "url" : "urls", "unknown_member", "workers come by themselves: they have no url",
              "leave it out");
    return;
  }
  if (one == many)
    return mistake("url", "missing", one ? "'url' and 'urls' exclude each other" : "'url' is missing", mend);
  std::vector<std::pair<std::string, std::string>> written;
  if (one) {
    written.emplace_back("url", text(root, "", "url", true, mend));
  } else if (const Value* list = member(root, "", "urls", Kind::kList, true, mend)) {
    if (list->size() == 0 || list->size() > kMaxReplicas)
      mistake("urls", "out_of_range", std::to_string(list->size()) + " urls",
              "name 1 to " + std::to_string(kMaxReplicas) + " (kMaxReplicas)");
    for (size_t i = 0; i < list->size(); ++i) {
      const Value& item = list->items()[i];
      written.emplace_back("urls[" + std::to_string(i) + "]",
                           item.is(Kind::kString) ? std::string(item.as_string()) : std::string());
    }
  }
  for (auto& [path, url] : written) {
    const auto parsed = http::parse_url(url, grpc ? http::Schemes::kHttpAndGrpc : http::Schemes::kHttp);
    if (!parsed.ok() || parsed->http2 != grpc) {
      mistake(path, "bad_url",
              parsed.ok() ? "protocol oip-grpc is spoken at grpc:// or grpcs://" : parsed.error().message,
              mend);
      continue;
    }
    while (url.ends_with('/')) url.pop_back();
    spec_.urls.push_back(std::move(url));
  }
}

void Reader::read_secret(const Value& from, const std::string& path) {
  const char* mend = "write { env: NAME_OF_A_VARIABLE } or { file: /path }: secrets are never in documents";
  if (!from.is(Kind::kMap) || from.size() != 1)
    return mistake(path, "bad_secret", "no source of a secret", mend);
  check_members(from, path, {"env", "file"});
  spec_.secret.environment = text(from, path, "env", false, mend);
  spec_.secret.file = text(from, path, "file", false, mend);
}

void Reader::read_auth(const Value& root) {
  const char* mend =
      "write auth: { bearer: { env: NAME } } or auth: { header: x-api-key, value: { env: NAME } }";
  const Value* auth = member(root, "", "auth", Kind::kMap, false, mend);
  if (auth == nullptr) return;
  check_members(*auth, "auth", {"bearer", "header", "value"});
  const Value* bearer = auth->find("bearer");
  const Value* value = auth->find("value");
  if ((bearer == nullptr) == (value == nullptr))
    return mistake("auth", "missing", "one of 'bearer' and 'value' is needed", mend);
  if (bearer != nullptr) {
    spec_.auth_header = "Authorization";
    spec_.auth_prefix = "Bearer ";
    return read_secret(*bearer, "auth.bearer");
  }
  spec_.auth_header = text(*auth, "auth", "header", true, mend);
  read_secret(*value, "auth.value");
}

void Reader::read_headers(const Value& root) {
  const char* mend = "write headers: { name: text }";
  const Value* headers = member(root, "", "headers", Kind::kMap, false, mend);
  if (headers == nullptr) return;
  for (const Member& entry : headers->members()) {
    const std::string name(entry.key.is(Kind::kString) ? entry.key.as_string() : "");
    if (!entry.value.is(Kind::kString) || name.empty())
      mistake(join_path("headers", name), "wrong_kind", "a header is text", mend);
    else
      spec_.headers.emplace_back(name, std::string(entry.value.as_string()));
  }
}

BackendSpec Reader::read(const Value& document) {
  if (!document.is(Kind::kMap)) {
    mistake("", "wrong_kind", "a backend is a map", "begin with backend: NAME@VERSION");
    return {};
  }
  check_members(document, "",
                {"backend", "description", "protocol", "url", "urls", "class", "vendor", "privacy", "queue",
                 "auth", "headers", "timeout_ms", "max_concurrent", "max_waiting", "ejection"});
  read_name(document);
  spec_.description = text(document, "", "description", false, "write a sentence");
  if (document.find("protocol") == nullptr)
    mistake("protocol", "missing", "'protocol' is missing",
            "write protocol: openai, anthropic, oip, oip-grpc, http or worker");
  spec_.protocol =
      word(document, "", "protocol", {"openai", "anthropic", "http", "oip", "oip-grpc", "worker"});
  read_urls(document);
  if (word(document, "", "class", {"in_house", "vendor"}) == "vendor") spec_.owner = BackendClass::kVendor;
  spec_.vendor = text(document, "", "vendor", false, "write the vendor's name");
  spec_.privacy = text(document, "", "privacy", false, "write the name of a privacy policy");
  if (spec_.owner == BackendClass::kVendor && spec_.privacy.empty())
    mistake("privacy", "missing", "what may leave for a vendor is not said",
            "name a privacy policy, or write privacy: none to let everything leave");
  spec_.queue = text(document, "", "queue", spec_.protocol == "worker", "write queue: the name workers poll");
  read_auth(document);
  read_headers(document);
  spec_.timeout_ms = count(document, "", "timeout_ms", 0, 1, kMaxTimeoutMs);
  spec_.max_concurrent = count(document, "", "max_concurrent", 0, 1, kMaxRemoteConcurrent);
  spec_.max_waiting = count(document, "", "max_waiting", 0, 1, kMaxRemoteConcurrent);
  if (spec_.max_waiting != 0 && spec_.protocol == "worker")
    mistake("max_waiting", "unknown_member", "what workers have not taken waits in their queue",
            "leave it out");
  const char* mend = "write ejection: { failures: 5, for_ms: 30000 }";
  if (const Value* ejection = member(document, "", "ejection", Kind::kMap, false, mend)) {
    check_members(*ejection, "ejection", {"failures", "for_ms"});
    spec_.eject_after = count(*ejection, "ejection", "failures", spec_.eject_after, 1, 1000);
    spec_.eject_ms = count(*ejection, "ejection", "for_ms", spec_.eject_ms, 1, kMaxTimeoutMs);
  }
  return std::move(spec_);
}

}  // namespace

BackendSpec parse_backend(const Value& document, Diagnostics& diagnostics) {
  return Reader(diagnostics).read(document);
}

}  // namespace switchyard::models
