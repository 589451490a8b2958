#include "switchyard/workflow/compiler.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "../limits.h"
#include "canonical.h"
#include "common_fields.h"
#include "context.h"
#include "graph.h"
#include "lint.h"
#include "names.h"
#include "schemas.h"
#include "steps/steps.h"
#include "template.h"

namespace switchyard::workflow {
namespace compiler {
namespace {

using document::Node;
using expression::Type;
using expression::TypeKind;

/// Entries of a pipeline that the language has and this version has not.
constexpr std::array<std::string_view, 5> kLaterFields{"on", "schedule", "state", "finally", "compensate"};

std::vector<std::string> kind_words() {
  std::vector<std::string> words;
  for (const KindInfo& info : step_kinds()) words.emplace_back(info.word);
  return words;
}

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
  PipelineCompiler(const Node& document, const std::string& file, Resolver& resolver)
      : reporter_(file, kMaxMistakes),
        context_(reporter_, resolver),
        root_{&document, ""},
        pipeline_(std::make_shared<Pipeline>()) {}

  CompileOutcome run() {
    Fields fields(context_, root_, "a pipeline");
    if (fields.is_mapping()) read(fields);
    const bool complete = reporter_.errors() == 0;
    if (complete) finish();
    return {complete ? pipeline_ : nullptr, reporter_.take()};
  }

 private:
  /// A step as the document has it.
  struct Draft {
    std::string name;
    Place place;
    const KindInfo* kind = nullptr;  ///< nullptr: reported already
  };

  void read(Fields& fields) {
    read_name(fields);
    if (const auto place = fields.find("description")) read_description(*place);
    const auto input = fields.find("input");
    const auto search = fields.find("search");
    if (const auto place = fields.find("deadline")) {
      pipeline_->deadline_us = read_duration(context_, *place, "`deadline`").value_or(0);
    }
    const auto steps = fields.require("steps", "add steps: { <name>: { set: { ... } } }");
    const auto output =
        fields.require("output", "say what the pipeline answers: output: { <name>: <expression> }");
    refuse_later_fields(fields);
    fields.finish();

    if (steps.has_value()) read_drafts(*steps);
    std::vector<std::string> names;
    for (const Draft& draft : drafts_) names.push_back(draft.name);
    context_.declare_scope(Type::dyn(), names);
    if (input.has_value()) read_input(*input);
    if (search.has_value()) read_search(*search);
    compile_steps();
    if (output.has_value()) read_output(*output);
    if (reporter_.errors() == 0) {
      std::vector<Place> places;
      for (const Draft& draft : drafts_) places.push_back(draft.place);
      lint(context_, *pipeline_, places, read_steps_);
    }
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

  void refuse_later_fields(Fields& fields) {
    for (const std::string_view word : kLaterFields) {
      if (!fields.has(word)) continue;
      fields.find(word);
      context_.error_at(
          fields.key_position(word), std::string(word), "pipeline.not_available",
          "`" + std::string(word) +
              "` belongs to the language, to the part on events and agents, which is not built yet",
          "remove it");
    }
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

  void read_drafts(const Place& place) {
    Fields fields(context_, place, "`steps`");
    if (!fields.is_mapping()) return;
    const auto& entries = place.node->entries;
    if (entries.empty()) {
      context_.error(place, "pipeline.no_steps", "the pipeline has no steps",
                     "add at least one: <name>: { set: { ... } }");
    }
    if (entries.size() > kMaxSteps) {
      context_.error(place, "pipeline.too_many",
                     "the pipeline has " + std::to_string(entries.size()) + " steps; the limit is " +
                         std::to_string(kMaxSteps),
                     "split it into several pipelines");
      return;
    }
    for (const auto& entry : entries) {
      Draft draft;
      draft.place = place.entry(entry);
      draft.name = check_step_name(entry, draft.place.path);
      draft.kind = find_step_kind(draft.place);
      drafts_.push_back(std::move(draft));
    }
  }

  /// The name under which expressions find the step; where the document's cannot be used, one that no
  /// document can have.
  std::string check_step_name(const document::Entry& entry, const std::string& path) {
    const std::string_view reserved = reserved_because(entry.key);
    if (is_step_name(entry.key) && reserved.empty()) return entry.key;
    context_.error_at(entry.position, path, "pipeline.bad_name",
                      "'" + entry.key + "' cannot be the name of a step" +
                          (reserved.empty() ? "" : ": " + std::string(reserved)),
                      reserved.empty()
                          ? "write small letters, digits and underscores, beginning with a letter"
                          : "give the step another name");
    return "Nameless_" + std::to_string(drafts_.size());
  }

  const KindInfo* find_step_kind(const Place& place) {
    if (!place.node->is(Node::Kind::kMapping)) {
      context_.error(place, "pipeline.not_a_mapping",
                     "a step must be a mapping, and this is " + place.node->describe(),
                     "say what the step does: { set: { ... } }");
      return nullptr;
    }
    std::vector<std::pair<const KindInfo*, const document::Entry*>> found;
    for (const auto& entry : place.node->entries)
      if (const KindInfo* info = find_kind(entry.key)) found.emplace_back(info, &entry);
    if (found.empty()) return report_no_kind(place);
    if (found.size() > 1) {
      context_.error_at(found[1].second->position, place.path, "pipeline.several_kinds",
                        "a step does one thing, and this one says both `" +
                            std::string(found[0].first->word) + "` and `" +
                            std::string(found[1].first->word) + "`",
                        "make two steps of it");
      return nullptr;
    }
    const auto [info, entry] = found[0];
    if (info->compile != nullptr) return info;
    context_.error_at(entry->position, document::child_path(place.path, entry->key), "pipeline.not_available",
                      "`" + entry->key + "` belongs to the language, to the part on " +
                          std::string(info->part) + ", which is not built yet",
                      "use one of set, fail, rules, model, triage, review, http and wait");
    return nullptr;
  }

  const KindInfo* report_no_kind(const Place& place) {
    static const std::vector<std::string> kWords = kind_words();
    std::string mend = "add one of set, fail, rules, model, triage, review, http and wait";
    document::Position at = place.position();
    for (const auto& entry : place.node->entries) {
      const std::string near = document::nearest(entry.key, kWords);
      if (near.empty()) continue;
      mend = "did you mean '" + near + "' instead of '" + entry.key + "'?";
      at = entry.position;
    }
    context_.error_at(at, place.path, "pipeline.no_kind", "this step does not say what it does",
                      std::move(mend));
    return nullptr;
  }

  void compile_steps() {
    Needs needs(drafts_.size());
    pipeline_->steps.resize(drafts_.size());
    for (size_t i = 0; i < drafts_.size(); ++i) {
      context_.begin_collect(&needs[i]);
      compile_step(static_cast<uint16_t>(i));
      context_.end_collect();
      read_steps_.insert(needs[i].begin(), needs[i].end());
    }
    const Order order = order_steps(needs);
    for (const auto& cycle : order.cycles) report_cycle(cycle);
    for (const uint16_t i : order.steps) {
      compile_step(i);
      Step& step = pipeline_->steps[i];
      for (const uint16_t need : needs[i]) step.needs.push_back(StepIndex(need));
      const bool wrap = step.may_be_absent && !step.result_type.is_error();
      context_.set_step_type(step.index, wrap ? Type::optional(step.result_type) : step.result_type);
    }
  }

  void compile_step(uint16_t index) {
    const Draft& draft = drafts_[index];
    Step step;
    step.index = StepIndex(index);
    step.name = draft.name;
    step.result_type = Type::error();
    if (draft.kind != nullptr) {
      step.kind = draft.kind->kind;
      context_.set_current_step(step.index);
      Fields fields(context_, draft.place, "the step '" + draft.name + "'");
      bool complete = read_common_fields(context_, fields, *draft.kind, step);
      StepInput in{context_, fields, *fields.find(draft.kind->word), step};
      complete &= draft.kind->compile(in);
      complete &= read_on_error(context_, fields, *draft.kind, step, pipeline_->steps);
      fields.finish();
      // Whatever is left out without a word would run as something else.
      SY_CHECK(complete || context_.collecting() || reporter_.errors() > 0);
      context_.set_current_step(std::nullopt);
    }
    pipeline_->steps[index] = std::move(step);
  }

  void report_cycle(const std::vector<uint16_t>& cycle) {
    std::string path;
    for (const uint16_t step : cycle) path += drafts_[step].name + " -> ";
    path += drafts_[cycle[0]].name;
    const Place& place = drafts_[cycle[0]].place;
    context_.error(place, "pipeline.cycle",
                   cycle.size() == 1 ? "the step '" + drafts_[cycle[0]].name + "' needs its own result"
                                     : "these steps wait for each other: " + path,
                   "remove one of these references, or an `after`");
  }

  void read_output(const Place& place) {
    context_.begin_collect(&read_steps_);
    compile_template(context_, place, nullptr, "`output`");
    context_.end_collect();
    auto output = compile_template(context_, place, nullptr, "`output`");
    if (!output.has_value()) return;
    if (output->type.is(TypeKind::kOptional))
      return report_type(context_, place, output->type, output->type.element(), "`output`");
    pipeline_->output_type = output->type;
    pipeline_->output = std::move(*output);
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
  std::vector<Draft> drafts_;
  std::set<uint16_t> read_steps_;
};

}  // namespace
}  // namespace compiler

CompileOutcome compile(const document::Node& document, const std::string& file_name, Resolver& resolver) {
  return compiler::PipelineCompiler(document, file_name, resolver).run();
}

}  // namespace switchyard::workflow
