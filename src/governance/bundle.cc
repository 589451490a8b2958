#include "switchyard/governance/bundle.h"

#include <algorithm>
#include <set>
#include <utility>

#include "compile.h"
#include "registry.h"
#include "sources.h"
#include "switchyard/expression/program.h"
#include "switchyard/types/json.h"

namespace switchyard::governance {
namespace {

void collect_names(const expression::Node& node, std::set<std::string>& names) {
  if (node.kind == expression::NodeKind::kIdent) names.emplace(node.name);
  for (const auto* child : node.children) collect_names(*child, names);
}

/// A JSON Schema for what an output expression gives, as far as that is known without the model's tensors.
std::string_view declared_type(const std::string& text) {
  const auto parsed = expression::parse_only(text);
  if (!parsed.ok()) return "{}";
  std::set<std::string> names;
  collect_names(parsed.ast->root(), names);
  expression::Environment environment;
  for (const auto& name : names) environment.declare(name, expression::Type::dyn());
  const auto compiled = expression::compile(text, environment);
  if (!compiled.ok()) return "{}";
  switch (compiled.program->result_type().kind()) {
    case expression::TypeKind::kBool: return R"({"type":"boolean"})";
    case expression::TypeKind::kInt: return R"({"type":"integer"})";
    case expression::TypeKind::kDouble: return R"({"type":"number"})";
    case expression::TypeKind::kString: return R"({"type":"string"})";
    default: return "{}";
  }
}

/// Knows models by what their manifests say.
class DeclaredModels final : public ModelLoader {
 public:
  Result<Document> load(const models::ModelManifest& manifest, std::string_view) override {
    if (manifest.output_schema != nullptr)
      return parse_json_document(to_json(manifest.output_schema->document()));
    std::string properties, required;
    for (const models::OutputField& output : manifest.outputs) {
      std::string name;
      append_json_string(output.name, name);
      properties +=
          (properties.empty() ? "" : ",") + name + ":" + std::string(declared_type(output.expression));
      required += (required.empty() ? "" : ",") + name;
    }
    return parse_json_document(R"({"type":"object","properties":{)" + properties + R"(},"required":[)" +
                               required + R"(],"additionalProperties":false})");
  }
  void unload(const models::ModelName&) override {}
};

class BundleCompiler {
 public:
  explicit BundleCompiler(const BundleRequest& request) : request_(request) {}

  BundleOutcome run() {
    add_known();
    for (const Source& source : sort_sources(request_.files, outcome_.unreadable)) {
      CompiledArtefact compiled = compile(source, request_.files);
      BundleDocument document;
      document.kind = source.kind;
      document.path = source.file->path;
      document.diagnostics = std::move(compiled.diagnostics);
      for (Diagnostic& diagnostic : document.diagnostics) name_file(source, diagnostic);
      document.outline = compiled.outline;
      if (compiled.compiled != nullptr) {
        document.artefact = compiled.compiled->artefact;
        document.pipeline = compiled.compiled->pipeline;
        document.table = compiled.compiled->table;
        document.model = compiled.compiled->model;
        document.prompt = compiled.compiled->prompt;
        add(source, std::move(compiled), document.diagnostics);
      }
      outcome_.documents.push_back(std::move(document));
    }
    return std::move(outcome_);
  }

 private:
  void add_known() {
    struct Known {
      Source source;
      const std::vector<SourceFile>* files;
    };
    std::vector<Known> known;
    for (const auto& files : request_.known) {
      Diagnostics ignored;
      for (const Source& source : sort_sources(files, ignored))
        if (source.file == &files.front()) known.push_back({source, &files});
    }
    // Kinds are numbered otherwise than they depend on each other; sort_sources() knows the order.
    std::vector<SourceFile> fronts;
    for (const Known& item : known) fronts.push_back({item.source.file->path, item.source.file->content});
    Diagnostics ignored;
    for (const Source& source : sort_sources(fronts, ignored)) {
      const Known& item = known[static_cast<size_t>(source.file - fronts.data())];
      CompiledArtefact compiled = compile(item.source, *item.files);
      if (compiled.compiled != nullptr) registry_.add(std::move(compiled.compiled));
    }
  }

  CompiledArtefact compile(const Source& source, const std::vector<SourceFile>& files) {
    CompileRequest compile;
    compile.kind = source.kind;
    compile.path = source.file->path;
    compile.source = source.file->content;
    compile.parsed = source.parsed;
    compile.registry = &registry_;
    compile.models = &models_;
    compile.declared_models = true;
    compile.outline = true;
    compile.files = [&](const std::string& relative) {
      return read_beside(files, source.file->path, relative);
    };
    return compile_artefact(compile);
  }

  /// Mistakes of a file that a document names have its path as the document writes it.
  void name_file(const Source& source, Diagnostic& diagnostic) const {
    if (diagnostic.file == source.file->path) return;
    const std::string path = clean_path(folder_of(source.file->path) + diagnostic.file);
    const bool known = std::any_of(request_.files.begin(), request_.files.end(),
                                   [&](const SourceFile& file) { return file.path == path; });
    if (known) diagnostic.file = path;
  }

  void add(const Source& source, CompiledArtefact compiled, Diagnostics& diagnostics) {
    const Artefact& artefact = *compiled.compiled->artefact;
    const ArtefactKey key{artefact.kind, artefact.name, artefact.version};
    const auto [first, is_new] = paths_.emplace(key, source.file->path);
    const Compiled* existing = registry_.find(key.kind, key.name, key.version);
    // Of a model that is known elsewhere the hash cannot be compared: it covers the weights.
    const bool comparable = existing != nullptr && (!is_new || key.kind != ArtefactKind::kModel);
    if (comparable && existing->artefact->sha256 != artefact.sha256) {
      diagnostics.push_back({Diagnostic::Severity::kError, "governance.version_exists", source.file->path, 1,
                             1, "",
                             std::string(artefact_kind_name(key.kind)) + " " + artefact.full_name() +
                                 (is_new ? " was deployed" : " stands in " + first->second) +
                                 " with another content; versions are immutable",
                             "give the changed document a new version"});
      return;
    }
    if (is_new) registry_.add(std::move(compiled.compiled));
  }

  const BundleRequest& request_;
  Registry registry_;
  DeclaredModels models_;
  std::map<ArtefactKey, std::string> paths_;
  BundleOutcome outcome_;
};

}  // namespace

BundleOutcome compile_bundle(const BundleRequest& request) { return BundleCompiler(request).run(); }

}  // namespace switchyard::governance
