#include "compile.h"

#include <algorithm>

#include "switchyard/base/hash.h"
#include "switchyard/governance/limits.h"
#include "switchyard/models/remote.h"
#include "switchyard/rules/schema_types.h"
#include "switchyard/types/json.h"

namespace switchyard::governance {
namespace {

ArtefactKind kind_of_dependency(workflow::Dependency::Kind kind) {
  switch (kind) {
    case workflow::Dependency::Kind::kRules: return ArtefactKind::kRules;
    case workflow::Dependency::Kind::kModel: return ArtefactKind::kModel;
    case workflow::Dependency::Kind::kPrompt: return ArtefactKind::kPrompt;
    case workflow::Dependency::Kind::kCosts: return ArtefactKind::kCosts;
    case workflow::Dependency::Kind::kPipeline: return ArtefactKind::kPipeline;
  }
  return ArtefactKind::kPipeline;
}

/// Answers the pipeline compiler from a registry, and remembers what it answered.
class RegistryResolver final : public workflow::Resolver {
 public:
  explicit RegistryResolver(const CompileRequest& request) : request_(request) {}

  const rules::RuleTable* rules(const workflow::ArtefactRef& ref) override {
    const Compiled* compiled = find(ArtefactKind::kRules, ref);
    return compiled == nullptr ? nullptr : compiled->table.get();
  }
  const workflow::ModelInterface* model(const workflow::ArtefactRef& ref) override {
    // Without a version it is a logical model, which its route answers for, if it has one.
    const Compiled* compiled = ref.version.empty() ? find(ArtefactKind::kRoute, ref) : nullptr;
    if (compiled == nullptr) compiled = find(ArtefactKind::kModel, ref);
    return compiled == nullptr ? nullptr : compiled->model.get();
  }
  const prompts::Prompt* prompt(const workflow::ArtefactRef& ref) override {
    const Compiled* compiled = find(ArtefactKind::kPrompt, ref);
    return compiled == nullptr ? nullptr : compiled->prompt.get();
  }
  std::shared_ptr<const events::EventType> event_type(const std::string& type) override {
    const Compiled* compiled = find(ArtefactKind::kEventType, {type, {}});
    return compiled == nullptr ? nullptr : compiled->event_type;
  }
  const workflow::PipelineInterface* pipeline(const workflow::ArtefactRef& ref) override {
    const Compiled* compiled = find(ArtefactKind::kPipeline, ref);
    return compiled == nullptr ? nullptr : compiled->interface.get();
  }
  const document::Node* costs(const workflow::ArtefactRef& ref) override {
    const Compiled* compiled = find(ArtefactKind::kCosts, ref);
    return compiled == nullptr ? nullptr : compiled->costs.get();
  }
  Result<std::string> file(const std::string& relative_path) override {
    auto text = request_.files(relative_path);
    if (text.ok()) used_[relative_path] = *text;
    return text;
  }
  std::vector<std::string> names(workflow::Dependency::Kind kind) override {
    std::vector<std::string> names;
    const ArtefactKind wanted = kind_of_dependency(kind);
    for (const auto& [key, version] : request_.registry->active) {
      const bool routed = wanted == ArtefactKind::kModel && key.first == ArtefactKind::kRoute;
      if (key.first == wanted || routed) names.push_back(key.second);
    }
    return names;
  }

  void fill(Artefact& artefact) const {
    artefact.files = used_;
    for (const auto& [key, version] : resolved_)
      artefact.resolved.push_back({key.first, {key.second, version}});
  }

 private:
  const Compiled* find(ArtefactKind kind, const workflow::ArtefactRef& ref) {
    std::string version = ref.version;
    if (version.empty() && request_.recorded != nullptr) {
      for (const auto& [recorded_kind, name_version] : request_.recorded->resolved) {
        if (recorded_kind == kind && name_version.first == ref.name) version = name_version.second;
      }
    }
    if (version.empty()) {
      const auto active = request_.registry->active.find({kind, ref.name});
      if (active == request_.registry->active.end()) return nullptr;
      version = active->second;
    }
    const Compiled* compiled = request_.registry->find(kind, ref.name, version);
    if (compiled != nullptr) resolved_[{kind, ref.name}] = version;
    return compiled;
  }

  const CompileRequest& request_;
  std::map<std::string, std::string> used_;
  std::map<std::pair<ArtefactKind, std::string>, std::string> resolved_;
};

void mistake(Diagnostics& diagnostics, const CompileRequest& request, document::Position at, std::string code,
             std::string path, std::string message, std::string mend) {
  diagnostics.push_back({Diagnostic::Severity::kError, std::move(code), request.path, at.line, at.column,
                         std::move(path), std::move(message), std::move(mend)});
}

/// "name@version" under `key`, for documents whose own module does not read it.
bool read_name(const document::Node& root, std::string_view key, const CompileRequest& request,
               Artefact& artefact, Diagnostics& diagnostics) {
  const document::Node* node = root.find(key);
  auto name = models::ModelName::parse(node == nullptr ? std::string_view() : std::string_view(node->text));
  if (!name.ok()) {
    mistake(diagnostics, request, node == nullptr ? root.position : node->position, "governance.bad_name",
            std::string(key),
            "'" + (node == nullptr ? std::string() : node->text) + "' is no name with a version",
            "write " + std::string(key) + ": some-name@1.0.0");
    return false;
  }
  artefact.name = name->name;
  artefact.version = name->version;
  return true;
}

void compile_pipeline(const CompileRequest& request, const document::Node& root, CompiledArtefact& result,
                      Artefact& artefact) {
  RegistryResolver resolver(request);
  if (request.outline) result.outline = std::make_shared<workflow::Outline>();
  auto outcome = workflow::compile(root, request.path, resolver, result.outline.get());
  result.diagnostics.insert(result.diagnostics.end(), outcome.diagnostics.begin(), outcome.diagnostics.end());
  if (outcome.pipeline == nullptr) return;
  artefact.name = outcome.pipeline->name;
  artefact.version = outcome.pipeline->version;
  artefact.sha256 = outcome.pipeline->hash;
  if (artefact.name.starts_with(kCallsPrefix) && !request.is_call) {
    return mistake(result.diagnostics, request, document::position_of(root, "pipeline"),
                   "governance.reserved_name", "pipeline",
                   "names that begin with '" + std::string(kCallsPrefix) + "' are the server's own",
                   "choose another name");
  }
  resolver.fill(artefact);
  result.compiled->pipeline = outcome.pipeline;
  auto interface = std::make_shared<workflow::PipelineInterface>();
  interface->version = outcome.pipeline->version;
  interface->input_type =
      outcome.pipeline->input != nullptr ? outcome.pipeline->input_type : expression::Type::dyn();
  interface->output_type = outcome.pipeline->output_type;
  interface->limited = outcome.pipeline->concurrency.has_value();
  result.compiled->interface = std::move(interface);
}

void compile_rules(const CompileRequest& request, const document::Node& root, CompiledArtefact& result,
                   Artefact& artefact) {
  auto outcome = rules::compile(root, request.path, [&](const std::string& path) {
    auto text = request.files(path);
    if (text.ok()) artefact.files[path] = *text;
    return text;
  });
  result.diagnostics.insert(result.diagnostics.end(), outcome.diagnostics.begin(), outcome.diagnostics.end());
  if (outcome.table == nullptr) return;
  artefact.name = outcome.table->name();
  artefact.version = outcome.table->version();
  artefact.sha256 = outcome.table->sha256();
  result.compiled->table = outcome.table;
}

void compile_prompt(const CompileRequest& request, const document::Node& root, CompiledArtefact& result,
                    Artefact& artefact) {
  prompts::CompileRequest prompt;
  prompt.document = &root;
  prompt.source = request.source;
  prompt.file_name = request.path;
  prompt.files = [&](const std::string& path) {
    auto text = request.files(path);
    if (text.ok()) artefact.files[path] = *text;
    return text;
  };
  prompt.types = {rules::type_of, rules::accepted_type, rules::readable_type};
  auto outcome = prompts::compile(prompt);
  result.diagnostics.insert(result.diagnostics.end(), outcome.diagnostics.begin(), outcome.diagnostics.end());
  if (outcome.prompt == nullptr) return;
  artefact.name = outcome.prompt->name();
  artefact.version = outcome.prompt->version();
  artefact.sha256 = outcome.prompt->sha256();
  result.compiled->prompt = std::move(outcome.prompt);
}

/// Mistakes that know their path alone get their place.
void add_found(const CompileRequest& request, const document::Node& root, Diagnostics found,
               CompiledArtefact& result) {
  for (Diagnostic& diagnostic : found) {
    const auto at = document::position_of(root, diagnostic.path);
    diagnostic.file = request.path;
    diagnostic.line = at.line;
    diagnostic.column = at.column;
    result.diagnostics.push_back(std::move(diagnostic));
  }
}

/// Fills what a pipeline must know of a model. False: its output's schema cannot be used.
bool describe_model(const CompileRequest& request, const document::Node& root,
                    const models::ModelManifest& manifest, const Document& output_schema,
                    CompiledArtefact& result, Artefact& artefact) {
  auto output = schema::Schema::compile_or_error(output_schema.root());
  if (!output.ok()) {
    mistake(result.diagnostics, request, root.position, output.error().code, "output", output.error().message,
            "correct output.schema");
    return false;
  }
  artefact.name = manifest.model.name;
  artefact.version = manifest.model.version;
  auto interface = std::make_shared<workflow::ModelInterface>();
  interface->version = manifest.model.version;
  interface->input = manifest.input_schema;
  interface->input_type =
      manifest.input_schema != nullptr ? workflow::type_of(*manifest.input_schema) : expression::Type::dyn();
  interface->output_type = workflow::type_of(**output);
  result.compiled->model = std::move(interface);
  result.compiled->manifest = std::make_shared<models::ModelManifest>(manifest);
  return true;
}

/// Which backend answers is looked up when it is called: a new version of it serves the models there are.
void compile_remote_model(const CompileRequest& request, const document::Node& root,
                          const models::ModelManifest& manifest, const Value& document,
                          CompiledArtefact& result, Artefact& artefact) {
  const Compiled* backend = request.registry->find_active(ArtefactKind::kBackend, manifest.backend);
  if (backend == nullptr || backend->backend == nullptr) {
    std::vector<std::string> names{std::string(models::kLocalBackend)};
    for (const auto& [key, version] : request.registry->active)
      if (key.first == ArtefactKind::kBackend) names.push_back(key.second);
    const std::string near = document::nearest(manifest.backend, names);
    return mistake(
        result.diagnostics, request, document::position_of(root, "backend"), "governance.unknown_backend",
        "backend", "there is no backend '" + manifest.backend + "'",
        near.empty() ? "deploy it with this model, or write backend: onnx" : "did you mean '" + near + "'?");
  }
  auto schema_document = models::remote_output_schema(manifest, *backend->backend);
  if (!schema_document.ok()) {
    const Error& error = schema_document.error();
    return mistake(result.diagnostics, request, document::position_of(root, error.field), error.code,
                   error.field, error.message, "correct the manifest, or name another backend");
  }
  artefact.sha256 = sha256(to_canonical_json(document));
  describe_model(request, root, manifest, *schema_document, result, artefact);
}

void compile_backend(const CompileRequest& request, const document::Node& root, CompiledArtefact& result,
                     Artefact& artefact) {
  Arena arena;
  const Value document = document::to_value(root, arena);
  Diagnostics found;
  auto spec = std::make_shared<models::BackendSpec>(models::parse_backend(document, found));
  add_found(request, root, std::move(found), result);
  if (has_errors(result.diagnostics)) return;
  // What is missing on this machine now may be there when the log is read again, and the other way round.
  if (request.recorded == nullptr && request.models != nullptr) {
    if (Status usable = request.models->check_backend(*spec); !usable.ok())
      return mistake(result.diagnostics, request, document::position_of(root, usable.error().field),
                     usable.error().code, usable.error().field, usable.error().message,
                     "make it so on the server, then deploy again");
  }
  artefact.name = spec->name.name;
  artefact.version = spec->name.version;
  artefact.sha256 = sha256(to_canonical_json(document));
  result.compiled->backend = std::move(spec);
}

/// The recorded inputs are part of the version, like all files that a document names.
Status take_warm_up_file(const CompileRequest& request, models::ModelManifest& manifest, Artefact& artefact) {
  const std::string& name = manifest.warm_up.file;
  if (name.empty()) return {};
  SY_ASSIGN_OR_RETURN(const std::string text, request.files(name));
  artefact.files[name] = text;
  return models::read_warm_up_file(text, manifest);
}

void compile_model(const CompileRequest& request, const document::Node& root, CompiledArtefact& result,
                   Artefact& artefact) {
  Arena arena;
  const Value document = document::to_value(root, arena);
  Diagnostics found;
  models::ModelManifest manifest = models::parse_manifest(document, found);
  add_found(request, root, std::move(found), result);
  if (has_errors(result.diagnostics)) return;
  if (manifest.is_remote()) return compile_remote_model(request, root, manifest, document, result, artefact);
  if (const Status taken = take_warm_up_file(request, manifest, artefact); !taken.ok()) {
    return mistake(
        result.diagnostics, request, document::position_of(root, "warmup.inputs"), taken.error().code,
        "warmup.inputs", taken.error().message,
        "put a JSON list of inputs that this version answers beside the manifest, or leave it out");
  }
  auto weights = request.files(manifest.file);
  const auto file_position = document::position_of(root, "file");
  if (!weights.ok() && request.declared_models) {
    result.diagnostics.push_back({Diagnostic::Severity::kWarning, "governance.file_missing", request.path,
                                  file_position.line, file_position.column, "file", weights.error().message,
                                  "put the file beside the manifest before it is deployed"});
    weights = std::string();
  }
  if (!weights.ok()) {
    return mistake(result.diagnostics, request, file_position, "governance.file_missing", "file",
                   weights.error().message, "put the file beside the manifest, or correct its name");
  }
  auto schema_document = request.models->load(manifest, *weights);
  if (!schema_document.ok()) {
    const Error& error = schema_document.error();
    const std::string path = error.field.starts_with("warmup.") ? error.field : "file";
    return mistake(result.diagnostics, request, document::position_of(root, path), error.code, path,
                   error.message, "correct the manifest or the model file");
  }
  artefact.blob = to_hex(sha256(*weights));
  std::string whole = to_canonical_json(document) + artefact.blob;
  for (const auto& [name, text] : artefact.files) whole += to_hex(sha256(text));
  artefact.sha256 = sha256(whole);
  if (!describe_model(request, root, manifest, *schema_document, result, artefact)) return;
  result.weights = std::move(*weights);
}

/// The registered types as this compilation sees them: on recovery in the versions of the deployment.
events::EventTypes event_types(const CompileRequest& request) {
  return [&request](std::string_view type) -> std::shared_ptr<const events::EventType> {
    const std::string name(type);
    const Compiled* found = request.registry->find_active(ArtefactKind::kEventType, name);
    if (request.recorded != nullptr) {
      found = nullptr;
      for (const auto& [kind, name_version] : request.recorded->resolved)
        if (kind == ArtefactKind::kEventType && name_version.first == name)
          found = request.registry->find(kind, name, name_version.second);
    }
    return found == nullptr ? nullptr : found->event_type;
  };
}

void compile_webhook(const CompileRequest& request, const document::Node& root, CompiledArtefact& result,
                     Artefact& artefact) {
  const auto types = event_types(request);
  auto outcome = events::compile_webhook(root, request.path, types);
  result.diagnostics.insert(result.diagnostics.end(), outcome.diagnostics.begin(), outcome.diagnostics.end());
  if (outcome.webhook == nullptr) return;
  artefact.name = outcome.webhook->name;
  artefact.version = outcome.webhook->version;
  artefact.sha256 = outcome.webhook->sha256;
  for (const std::string& type : outcome.webhook->reads)
    artefact.resolved.push_back({ArtefactKind::kEventType, {type, types(type)->version}});
  result.compiled->webhook = std::move(outcome.webhook);
}

void compile_event_type(const CompileRequest& request, const document::Node& root, CompiledArtefact& result,
                        Artefact& artefact) {
  auto outcome = events::compile_event_type(root, request.path);
  result.diagnostics.insert(result.diagnostics.end(), outcome.diagnostics.begin(), outcome.diagnostics.end());
  if (outcome.type == nullptr) return;
  outcome.type->data_type = workflow::type_of(*outcome.type->schema);
  artefact.name = outcome.type->name;
  artefact.version = outcome.type->version;
  artefact.sha256 = outcome.type->sha256;
  result.compiled->event_type = std::move(outcome.type);
}

/// What a route must know of models, from a registry.
class RouteResolver final : public router::Resolver {
 public:
  RouteResolver(const CompileRequest& request, Artefact& artefact) : request_(request), artefact_(artefact) {}

  const router::ModelFacts* model(const models::ModelName& model) override {
    const Compiled* compiled = request_.registry->find(ArtefactKind::kModel, model.name, model.version);
    if (compiled == nullptr || compiled->model == nullptr || compiled->manifest == nullptr) return nullptr;
    artefact_.resolved.push_back({ArtefactKind::kModel, {model.name, model.version}});
    const models::ModelManifest& manifest = *compiled->manifest;
    facts_ = {};
    facts_.input_type = compiled->model->input_type;
    facts_.output_type = compiled->model->output_type;
    facts_.prices = router::prices_of(manifest);
    if (manifest.is_remote()) {
      facts_.backend = manifest.backend;
      const Compiled* backend = request_.registry->find_active(ArtefactKind::kBackend, manifest.backend);
      if (backend != nullptr && backend->backend != nullptr) facts_.vendor = backend->backend->vendor;
    }
    return &facts_;
  }
  std::vector<std::string> models() override {
    std::vector<std::string> names;
    for (const auto& [key, compiled] : request_.registry->versions)
      if (key.kind == ArtefactKind::kModel) names.push_back(key.name + "@" + key.version);
    return names;
  }

 private:
  const CompileRequest& request_;
  Artefact& artefact_;
  router::ModelFacts facts_;
};

void compile_route(const CompileRequest& request, const document::Node& root, CompiledArtefact& result,
                   Artefact& artefact) {
  RouteResolver resolver(request, artefact);
  auto outcome = router::compile(root, request.path, resolver);
  result.diagnostics.insert(result.diagnostics.end(), outcome.diagnostics.begin(), outcome.diagnostics.end());
  if (outcome.route == nullptr) return;
  artefact.name = outcome.route->name;
  artefact.version = outcome.route->version;
  artefact.sha256 = outcome.route->sha256;
  // All candidates take and give the same, or the route would not have compiled.
  const models::ModelName& first = outcome.route->candidates.front().model;
  const Compiled* model = request.registry->find(ArtefactKind::kModel, first.name, first.version);
  result.compiled->model = model->model;
  result.compiled->manifest = model->manifest;
  result.compiled->route = std::move(outcome.route);
}

void compile_plain(const CompileRequest& request, const document::Node& root, std::string_view key,
                   CompiledArtefact& result, Artefact& artefact) {
  if (!read_name(root, key, request, artefact, result.diagnostics)) return;
  Arena arena;
  artefact.sha256 = sha256(to_canonical_json(document::to_value(root, arena)));
}

/// A server has one policy: two could not both be right about a decision.
void compile_retention(const CompileRequest& request, const document::Node& root, CompiledArtefact& result,
                       Artefact& artefact) {
  if (!read_name(root, "retention", request, artefact, result.diagnostics)) return;
  auto outcome = retention::compile(root, request.path);
  result.diagnostics.insert(result.diagnostics.end(), outcome.diagnostics.begin(), outcome.diagnostics.end());
  if (outcome.policy == nullptr) return;
  for (const auto& [kind_name, version] : request.registry->active) {
    if (kind_name.first != ArtefactKind::kRetention || kind_name.second == artefact.name) continue;
    mistake(result.diagnostics, request, document::position_of(root, "retention"),
            "governance.second_retention", "retention",
            "there is the retention policy " + kind_name.second + "@" + version + " already",
            "deploy a new version of " + kind_name.second);
  }
  outcome.policy->name = artefact.name;
  outcome.policy->version = artefact.version;
  Arena arena;
  artefact.sha256 = sha256(to_canonical_json(document::to_value(root, arena)));
  result.compiled->retention = std::move(outcome.policy);
}

void compile_privacy(const CompileRequest& request, const document::Node& root, CompiledArtefact& result,
                     Artefact& artefact) {
  const bool named = read_name(root, "privacy", request, artefact, result.diagnostics);
  auto outcome = privacy::compile(root, request.path);
  result.diagnostics.insert(result.diagnostics.end(), outcome.diagnostics.begin(), outcome.diagnostics.end());
  if (!named || outcome.policy == nullptr) return;
  outcome.policy->name = artefact.name;
  outcome.policy->version = artefact.version;
  Arena arena;
  artefact.sha256 = sha256(to_canonical_json(document::to_value(root, arena)));
  result.compiled->privacy = std::move(outcome.policy);
}

}  // namespace

std::optional<ArtefactKind> kind_of(const document::Node& root) {
  if (!root.is(document::Node::Kind::kMapping)) return std::nullopt;
  // A pipeline may have steps called rules or model, but only below `steps`; `pipeline` is asked first all
  // the same.
  static constexpr std::pair<std::string_view, ArtefactKind> kWords[] = {
      {"pipeline", ArtefactKind::kPipeline}, {"rules", ArtefactKind::kRules},
      {"model", ArtefactKind::kModel},       {"costs", ArtefactKind::kCosts},
      {"prompt", ArtefactKind::kPrompt},     {"webhook", ArtefactKind::kWebhook},
      {"event", ArtefactKind::kEventType},   {"retention", ArtefactKind::kRetention},
      {"backend", ArtefactKind::kBackend},   {"route", ArtefactKind::kRoute},
      {"privacy", ArtefactKind::kPrivacy}};
  for (const auto& [word, kind] : kWords) {
    const document::Node* node = root.find(word);
    if (node != nullptr && node->is(document::Node::Kind::kString)) return kind;
  }
  return std::nullopt;
}

CompiledArtefact compile_artefact(const CompileRequest& request) {
  CompiledArtefact result;
  const bool is_read = request.parsed != nullptr && request.parsed->root != nullptr;
  auto parsed = is_read ? std::move(*request.parsed) : document::parse(request.source, request.path);
  result.diagnostics = std::move(parsed.diagnostics);
  if (parsed.root == nullptr) return result;
  auto artefact = std::make_shared<Artefact>();
  artefact->kind = request.kind;
  artefact->path = request.path;
  artefact->source = request.source;
  result.compiled = std::make_shared<Compiled>();
  switch (request.kind) {
    case ArtefactKind::kPipeline: compile_pipeline(request, *parsed.root, result, *artefact); break;
    case ArtefactKind::kRules: compile_rules(request, *parsed.root, result, *artefact); break;
    case ArtefactKind::kModel: compile_model(request, *parsed.root, result, *artefact); break;
    case ArtefactKind::kCosts: compile_plain(request, *parsed.root, "costs", result, *artefact); break;
    case ArtefactKind::kPrompt: compile_prompt(request, *parsed.root, result, *artefact); break;
    case ArtefactKind::kWebhook: compile_webhook(request, *parsed.root, result, *artefact); break;
    case ArtefactKind::kEventType: compile_event_type(request, *parsed.root, result, *artefact); break;
    case ArtefactKind::kRetention: compile_retention(request, *parsed.root, result, *artefact); break;
    case ArtefactKind::kBackend: compile_backend(request, *parsed.root, result, *artefact); break;
    case ArtefactKind::kRoute: compile_route(request, *parsed.root, result, *artefact); break;
    case ArtefactKind::kPrivacy: compile_privacy(request, *parsed.root, result, *artefact); break;
  }
  size_t bytes = artefact->source.size();
  for (const auto& [path, text] : artefact->files) bytes += text.size();
  if (bytes > kMaxDocumentBytes) {
    mistake(result.diagnostics, request, {1, 1}, "governance.document_too_large", "",
            "the document and the files it names have " + std::to_string(bytes) + " bytes",
            "keep them under " + std::to_string(kMaxDocumentBytes));
  }
  if (has_errors(result.diagnostics)) {
    result.compiled.reset();
    return result;
  }
  if (request.kind == ArtefactKind::kCosts) result.compiled->costs = std::move(parsed.root);
  result.compiled->artefact = std::move(artefact);
  return result;
}

namespace {

void add_call_pipeline(Registry& registry, const std::string& key, const std::string& name,
                       const std::string& model) {
  CompileRequest request;
  request.kind = ArtefactKind::kPipeline;
  request.path = name;
  request.source = "pipeline: " + std::string(kCallsPrefix) + name +
                   "\ninput: {}\nsteps: { answer: { model: " + model +
                   ", input: input, timeout: 10m } }\noutput: answer\n";
  request.registry = &registry;
  request.is_call = true;
  request.files = [](const std::string& path) -> Result<std::string> {
    return make_error(ErrorKind::kNotFound, "governance.file_missing", "there is no file " + path);
  };
  auto outcome = compile_artefact(request);
  if (outcome.compiled == nullptr || outcome.compiled->pipeline == nullptr) return;
  auto& versions = registry.calls[key];
  std::erase_if(versions,
                [&](const auto& one) { return one->pipeline->hash == outcome.compiled->pipeline->hash; });
  versions.push_back(std::move(outcome.compiled));
}

}  // namespace

void add_call_pipelines(Registry& registry, const Artefact& artefact) {
  add_call_pipeline(registry, artefact.name, artefact.full_name(), artefact.name);
  if (artefact.kind == ArtefactKind::kModel)
    add_call_pipeline(registry, artefact.full_name(), artefact.name + "/exactly@" + artefact.version,
                      artefact.full_name());
}

}  // namespace switchyard::governance
