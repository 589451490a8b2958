// graph: a pipeline as a drawing.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/cli.h"
#include "cli/folder.h"
#include "switchyard/authoring/check.h"
#include "switchyard/authoring/graph.h"

namespace switchyard::server::cli {
namespace {

struct GraphSettings {
  std::vector<std::string> paths{"."};
  std::string pipeline, format, output;
};

int bad_input(const std::string& message) {
  std::fprintf(stderr, "switchyard: %s\n", message.c_str());
  return kBadInput;
}

/// The mistakes of the pipelines that were asked for.
int print_mistakes(const std::vector<const governance::BundleDocument*>& documents) {
  for (const auto* document : documents)
    for (const auto& diagnostic : document->diagnostics)
      std::fprintf(stderr, "%s\n", diagnostic.to_string().c_str());
  return bad_input("a pipeline with mistakes cannot be drawn");
}

std::string names_of(const std::vector<const governance::BundleDocument*>& documents) {
  std::string names;
  for (const auto* document : documents) {
    names += (names.empty() ? "" : ", ") +
             (document->pipeline != nullptr ? document->pipeline->full_name() : document->path);
  }
  return names;
}

int graph(const GraphSettings& settings) {
  auto selection = select(settings.paths);
  if (!selection.ok()) {
    report(selection.error());
    return kBadInput;
  }
  const auto bundle = governance::compile_bundle({selection->files, {}});
  std::vector<const governance::BundleDocument*> found;
  bool mistakes = false;
  for (const auto& document : bundle.documents) {
    if (document.kind != ArtefactKind::kPipeline) continue;
    const bool selected = selection->only.empty() || std::find(selection->only.begin(), selection->only.end(),
                                                               document.path) != selection->only.end();
    const bool named = settings.pipeline.empty() || document.pipeline == nullptr ||
                       document.pipeline->name == settings.pipeline ||
                       document.pipeline->full_name() == settings.pipeline;
    if (!selected || !named) continue;
    // One that cannot be compiled has no name to be chosen by, unless there is no other.
    mistakes |= document.pipeline == nullptr;
    if (document.pipeline != nullptr || settings.pipeline.empty()) found.push_back(&document);
  }
  if (found.empty() && mistakes) {
    for (const auto& document : bundle.documents)
      if (document.kind == ArtefactKind::kPipeline && document.pipeline == nullptr)
        found.push_back(&document);
    return print_mistakes(found);
  }
  if (found.empty())
    return bad_input("there is no pipeline " + settings.pipeline +
                     "; name a folder or a document that has it");
  if (found.size() > 1)
    return bad_input("there are several pipelines; choose with --pipeline: " + names_of(found));
  if (found[0]->pipeline == nullptr) return print_mistakes(found);

  const auto drawn = authoring::make_graph(*found[0]->pipeline);
  const bool svg = settings.format == "svg" || (settings.format.empty() && settings.output.ends_with(".svg"));
  const std::string text = svg ? authoring::to_svg(drawn) : authoring::to_mermaid(drawn);
  if (const Status written = write_output(settings.output, text); !written.ok())
    return report(written.error());
  return kDone;
}

}  // namespace

void add_graph(CLI::App& app, int* code) {
  auto settings = std::make_shared<GraphSettings>();
  CLI::App* command = app.add_subcommand("graph", "Draw a pipeline: steps, what they read, conditions");
  command->add_option("paths", settings->paths,
                      "A folder, or the pipeline's document; . when nothing is said");
  command->add_option("--pipeline", settings->pipeline,
                      "Which, when there are several: name, or name@version");
  command->add_option("--format", settings->format, "mermaid or svg; by the output's name when not said")
      ->check(CLI::IsMember({"mermaid", "svg"}));
  command->add_option("-o,--output", settings->output, "File; standard output when not said");
  command->callback([settings, code] { *code = graph(*settings); });
}

}  // namespace switchyard::server::cli
