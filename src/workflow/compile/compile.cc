#include "switchyard/workflow/compiler.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "../limits.h"
#include "agents.h"
#include "blocks.h"
#include "canonical.h"
#include "common_fields.h"
#include "concurrency.h"
#include "context.h"
#include "graph.h"
#include "lint.h"
#include "names.h"
#include "schemas.h"
#include "steps/steps.h"
#include "switchyard/workflow/limits.h"
#include "template.h"

namespace switchyard::workflow {
namespace compiler {
namespace {

using document::Node;
using expression::Type;
using expression::TypeKind;

/// An attribute that runs are found by is a scalar; one that is absent or null is left out.
bool is_searchable(const Type& type) {
  switch (type.kind()) {
    case TypeKind::kOptional:
    case TypeKind::kNullable: return is_searchable(type.element());
    case TypeKind::kDyn:
    case TypeKind::kError:
    case TypeKind::kNull:
    case TypeKind::kBool:
    case TypeKind::kInt:
    case TypeKind::kUint:
    case TypeKind::kDouble:
    case TypeKind::kString:
    case TypeKind::kTimestamp:
    case TypeKind::kDuration: return true;
    default: return false;
  }
}

/// Compiles one document; used once.
class PipelineCompiler {
 public:
  PipelineCompiler(const Node& document, const std::string& file, Resolver& resolver, Outline* outline)
      : reporter_(file, kMaxMistakes),
        context_(reporter_, resolver, outline),
        root_{&document, ""},
        pipeline_(std::make_shared<Pipeline>()),
        outline_(outline),
        blocks_(context_, *pipeline_) {}

  CompileOutcome run() {
    Fields fields(context_, root_, "a pipeline");
    if (fields.is_mapping()) read(fields);
    if (outline_ != nullptr) fill_outline();
    const bool complete = reporter_.errors() == 0;
    if (complete) finish();
    return {complete ? pipeline_ : nullptr, reporter_.take()};
  }

 private:
  void read(Fields& fields) {
    read_name(fields);
    if (const auto place = fields.find("description")) read_description(*place);
    const auto input = fields.find("input");
    const auto search = fields.find("search");
    if (const auto place = fields.find("deadline")) {
      pipeline_->deadline_us = read_duration(context_, *place, "`deadline`").value_or(0);
    }
    const auto steps = fields.require("steps", "add steps: { <name>: { set: { ... } } }");
    const auto finally = fields.find("finally");
    const auto output =
        fields.require("output", "say what the pipeline answers: output: { <name>: <expression> }");
    const auto queries = fields.find("queries");
    AgentCompiler agent(context_, fields, *pipeline_);
    ConcurrencyCompiler concurrency(context_, fields, *pipeline_);
    fields.finish();
    agent.compile_state();

    blocks_.read(steps, finally);
    if (input.has_value()) read_input(*input);
    if (search.has_value()) read_search(*search);
    agent.compile_starts();
    concurrency.compile();
    blocks_.compile();
    pipeline_->listeners = std::move(context_.agent().listeners);
    pipeline_->signals = std::move(context_.agent().signals);
    std::sort(pipeline_->signals.begin(), pipeline_->signals.end(),
              [](const Signal& a, const Signal& b) { return a.name < b.name; });
    pipeline_->emits = std::move(context_.agent().emits);
    std::sort(pipeline_->emits.begin(), pipeline_->emits.end());
    pipeline_->emits.erase(std::unique(pipeline_->emits.begin(), pipeline_->emits.end()),
                           pipeline_->emits.end());
    if (output.has_value()) read_output(*output);
    if (queries.has_value()) read_queries(*queries);
    if (reporter_.errors() == 0) lint(context_, *pipeline_, blocks_.places(), blocks_.read_steps());
  }

  void read_name(Fields& fields) {
    const auto place =
        fields.require("pipeline", "name it in the first line: pipeline: risk/card-payment@1.0.0");
    if (!place.has_value()) return;
    const auto text = read_text(context_, *place, "`pipeline`");
    if (!text.has_value()) return;
    const auto [name, version] = split_version(*text);
    if (!is_pipeline_name(name)) {
      context_.error(*place, "pipeline.bad_name", "'" + std::string(name) + "' is no name of a pipeline",
                     "write small letters, digits, dashes and slashes: risk/card-payment@1.0.0");
    } else if (!is_version(version)) {
      const auto at = document::position_in(*place->node, std::min(name.size() + 1, text->size()));
      context_.error_at(at, place->path, "pipeline.bad_version",
                        version.empty() ? "the pipeline's name lacks its version"
                                        : "'" + std::string(version) + "' is no version",
                        "write a semantic version after the name: " + std::string(name) + "@1.0.0");
    } else {
      pipeline_->name = name;
      pipeline_->version = version;
    }
  }

  void read_description(const Place& place) {
    const auto text = read_text(context_, place, "`description`");
    if (!text.has_value()) return;
    if (text->size() > kMaxDescriptionBytes) {
      context_.error(place, "pipeline.too_long",
                     "`description` has more than " + std::to_string(kMaxDescriptionBytes) + " bytes",
                     "shorten it");
    }
    pipeline_->description = *text;
  }

  void read_input(const Place& place) {
    Fields fields(context_, place, "`input`");
    const auto schema = fields.find("schema");
    const auto key = fields.find("key");
    fields.finish();
    if (schema.has_value()) {
      auto loaded = load_schema(context_, *schema, "the input's schema");
      pipeline_->input_type = loaded.has_value() ? loaded->type : Type::error();
      if (loaded.has_value()) pipeline_->input = loaded->schema;
      context_.set_input_type(pipeline_->input_type);
    }
    if (key.has_value()) {
      pipeline_->key = context_.expression(*key, Type::string(), "`key`", Context::Scope::kInputOnly);
    }
  }

  void read_search(const Place& place) {
    Fields fields(context_, place, "`search`");
    if (!fields.is_mapping()) return;
    if (place.node->entries.size() > kMaxSearchAttributes) {
      context_.error(place, "pipeline.too_many",
                     "`search` has more than " + std::to_string(kMaxSearchAttributes) + " attributes",
                     "keep those that people look for");
    }
    for (const auto& entry : place.node->entries) {
      const Place at = place.entry(entry);
      if (!is_step_name(entry.key)) {
        context_.error_at(entry.position, at.path, "pipeline.bad_name",
                          "'" + entry.key + "' is no name of an attribute",
                          "write small letters, digits and underscores, beginning with a letter");
      }
      auto program = context_.expression(at, std::nullopt, "`search`", Context::Scope::kInputOnly);
      if (!program.has_value()) continue;
      if (!is_searchable(program->result_type())) {
        context_.error(at, "pipeline.type",
                       "`search` expects text, a number, true/false or a time, and '" + program->text() +
                           "' is " + program->result_type().to_string(),
                       "choose one of its fields");
        continue;
      }
      pipeline_->search.emplace_back(entry.key, std::move(*program));
    }
  }

  void read_output(const Place& place) {
    context_.begin_collect(&blocks_.read_steps());
    compile_template(context_, place, nullptr, "`output`");
    context_.end_collect();
    auto output = compile_template(context_, place, nullptr, "`output`");
    if (!output.has_value()) return;
    if (output->type.is(TypeKind::kOptional))
      return report_type(context_, place, output->type, output->type.element(), "`output`");
    pipeline_->output_type = output->type;
    pipeline_->output = std::move(*output);
  }

  /// What may be asked of a run at any time: no step is known to have its result by then.
  void read_queries(const Place& place) {
    Fields fields(context_, place, "`queries`");
    if (!fields.is_mapping()) return;
    if (place.node->entries.size() > kMaxQueries) {
      context_.error(place, "pipeline.too_many",
                     "there are more than " + std::to_string(kMaxQueries) + " queries",
                     "make one of several: progress: { done: ..., left: ... }");
    }
    const Block* root = pipeline_->blocks.empty() ? nullptr : &pipeline_->blocks[0];
    const auto set_types = [&](bool any_time) {
      for (uint16_t i = 0; root != nullptr && i < root->count; ++i) {
        const Step& step = pipeline_->steps[i];
        const bool wrap = (any_time || step.may_be_absent) && !step.result_type.is_error();
        context_.set_step_type(step.index, wrap ? Type::optional(step.result_type) : step.result_type);
      }
    };
    set_types(true);
    for (const auto& entry : place.node->entries) {
      const Place at = place.entry(entry);
      if (!is_step_name(entry.key)) {
        context_.error_at(entry.position, at.path, "pipeline.bad_name",
                          "'" + entry.key + "' is no name of a query",
                          "write small letters, digits and underscores, beginning with a letter");
      }
      const std::string whose = "the query '" + entry.key + "'";
      context_.begin_collect(&blocks_.read_steps());
      compile_template(context_, at, nullptr, whose);
      context_.end_collect();
      auto value = compile_template(context_, at, nullptr, whose);
      if (!value.has_value()) continue;
      if (value->type.is(TypeKind::kOptional))
        report_type(context_, at, value->type, value->type.element(), whose);
      else
        pipeline_->queries.push_back({entry.key, std::move(*value)});
    }
    set_types(false);
  }

  void fill_outline() {
    context_.close_outline();
    for (size_t i = 0; i < pipeline_->steps.size() && i < blocks_.places().size(); ++i) {
      const Step& step = pipeline_->steps[i];
      const bool wrap = step.may_be_absent && !step.result_type.is_error();
      outline_->steps.push_back({step.name, blocks_.places()[i].path, step.kind,
                                 wrap ? Type::optional(step.result_type) : step.result_type});
    }
  }

  void finish() {
    pipeline_->dependencies = context_.take_dependencies();
    pipeline_->canonical = canonical_form(*root_.node, context_.inlined());
    pipeline_->hash = pipeline_hash(pipeline_->canonical);
    link(*pipeline_);
  }

  document::Reporter reporter_;
  Context context_;
  Place root_;
  std::shared_ptr<Pipeline> pipeline_;  // shared with the runs that will be pinned to it
  Outline* const outline_;
  BlocksCompiler blocks_;
};

}  // namespace
}  // namespace compiler

CompileOutcome compile(const document::Node& document, const std::string& file_name, Resolver& resolver,
                       Outline* outline) {
  return compiler::PipelineCompiler(document, file_name, resolver, outline).run();
}

}  // namespace switchyard::workflow
