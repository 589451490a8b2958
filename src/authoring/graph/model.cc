#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "switchyard/authoring/graph.h"

namespace switchyard::authoring {
namespace {

using workflow::Step;
using workflow::StepKind;

Graph::Look look_of(const Step& step) {
  switch (step.kind) {
    case StepKind::kFail: return Graph::Look::kFail;
    case StepKind::kTriage: return Graph::Look::kDecision;
    case StepKind::kReview: return Graph::Look::kReview;
    case StepKind::kHttp:
    case StepKind::kTask:
    case StepKind::kEmit: return Graph::Look::kEffect;
    case StepKind::kWait:
    case StepKind::kListen: return Graph::Look::kWait;
    case StepKind::kForEach:
    case StepKind::kRepeat:
    case StepKind::kSequence:
    case StepKind::kTry: return Graph::Look::kContainer;
    default: return Graph::Look::kStep;
  }
}

std::string named(const workflow::ArtefactRef& ref) {
  return ref.name + (ref.version.empty() ? "" : "@" + ref.version);
}

std::string detail_of(const Step& step) {
  const std::string kind(workflow::step_kind_name(step.kind));
  if (const auto* rules = std::get_if<workflow::RulesSpec>(&step.spec))
    return kind + " " + named(rules->table);
  if (const auto* model = std::get_if<workflow::ModelSpec>(&step.spec))
    return kind + " " + named(model->model) +
           (model->prompt.has_value() ? ", prompt " + named(*model->prompt) : "");
  const auto* ensemble = std::get_if<workflow::EnsembleSpec>(&step.spec);
  const auto* cascade = std::get_if<workflow::CascadeSpec>(&step.spec);
  if (ensemble != nullptr || cascade != nullptr) {
    std::string models;
    for (const auto& member : ensemble != nullptr ? ensemble->members : cascade->tiers)
      models += (models.empty() ? " " : cascade != nullptr ? ", then " : ", ") + named(member.ask.model);
    return kind + models;
  }
  if (const auto* review = std::get_if<workflow::ReviewSpec>(&step.spec))
    return kind + " by " + review->queue;
  if (const auto* fail = std::get_if<workflow::FailSpec>(&step.spec)) return kind + " " + fail->code;
  if (const auto* triage = std::get_if<workflow::TriageSpec>(&step.spec))
    return triage->costs.has_value() ? kind + ", costs " + triage->costs->source : kind;
  if (const auto* http = std::get_if<workflow::HttpSpec>(&step.spec)) {
    return kind + " " + http->method + ", " + std::string(workflow::effect_class_name(http->effect));
  }
  if (const auto* task = std::get_if<workflow::TaskSpec>(&step.spec))
    return kind + " " + task->type + ", " + std::string(workflow::effect_class_name(task->effect));
  if (const auto* each = std::get_if<workflow::ForEachSpec>(&step.spec)) {
    const std::string many =
        each->concurrency > 1 ? ", " + std::to_string(each->concurrency) + " at once" : "";
    return kind + " " + each->items.text() + many;
  }
  if (const auto* repeat = std::get_if<workflow::RepeatSpec>(&step.spec))
    return kind + " until " + repeat->until.text() + ", at most " + std::to_string(repeat->max);
  if (const auto* child = std::get_if<workflow::ChildSpec>(&step.spec))
    return kind + " " + named(child->pipeline) + (child->detached ? ", detached" : "");
  return kind;
}

/// The first name of a path: "light" of "light.score".
std::string head_of(const std::string& path) { return path.substr(0, path.find_first_of(".[")); }

void collect_reads(const workflow::Template& tree, std::set<std::string>& heads) {
  if (const auto* program = std::get_if<expression::Program>(&tree.node)) {
    for (const auto& path : program->read_paths()) heads.insert(head_of(path));
  } else if (const auto* fields = std::get_if<std::vector<workflow::Template::Field>>(&tree.node)) {
    for (const auto& field : *fields) collect_reads(field.value, heads);
  } else if (const auto* items = std::get_if<std::vector<workflow::Template>>(&tree.node)) {
    for (const auto& item : *items) collect_reads(item, heads);
  }
}

class GraphMaker {
 public:
  explicit GraphMaker(const workflow::Pipeline& pipeline) : pipeline_(pipeline) {}

  Graph run() {
    graph_.title = pipeline_.full_name();
    add_box({Graph::Look::kInput, "input", "", "", {}});
    boxes_.resize(pipeline_.steps.size());
    if (!pipeline_.blocks.empty()) add_steps(pipeline_.blocks[0], std::nullopt);
    for (const Step& step : pipeline_.steps) add_edges(step);
    add_output();
    if (pipeline_.finally.has_value()) {
      const size_t end = add_block(*pipeline_.finally, "finally", std::nullopt);
      graph_.edges.push_back({output_, end, Graph::Arrow::kAfter, "before every end"});
    }
    return std::move(graph_);
  }

 private:
  size_t add_box(Graph::Box box) {
    graph_.boxes.push_back(std::move(box));
    return graph_.boxes.size() - 1;
  }

  void add_steps(const workflow::Block& block, std::optional<size_t> parent) {
    for (uint16_t i = 0; i < block.count; ++i) add_step(pipeline_.steps[block.first.value + i], parent);
  }

  /// A part of a container, or what undoes a step.
  size_t add_block(BlockIndex index, const std::string& name, std::optional<size_t> parent) {
    const size_t box = add_box({Graph::Look::kBlock, name, "", "", parent});
    add_steps(pipeline_.blocks[index.value], box);
    return box;
  }

  void add_step(const Step& step, std::optional<size_t> parent) {
    const size_t box = add_box(
        {look_of(step), step.name, detail_of(step), step.when.has_value() ? step.when->text() : "", parent});
    boxes_[step.index.value] = box;
    if (const auto* attempt = std::get_if<workflow::TrySpec>(&step.spec)) {
      add_try(step, *attempt, box);
    } else {
      for (const BlockIndex block : step.blocks) add_steps(pipeline_.blocks[block.value], box);
    }
    if (step.compensation.has_value()) {
      const size_t undo = add_block(*step.compensation, "undo " + step.name, parent);
      graph_.edges.push_back({box, undo, Graph::Arrow::kFallback, "compensate"});
    }
  }

  void add_try(const Step& step, const workflow::TrySpec& attempt, size_t box) {
    const size_t body = add_block(step.blocks.front(), "try", box);
    std::vector<size_t> ends{body};
    for (const auto& clause : attempt.clauses) {
      std::string name = "catch";
      for (const std::string& code : clause.codes) name += " " + code;
      if (clause.when.has_value()) name += " when " + clause.when->text();
      ends.push_back(add_block(clause.block, name, box));
      graph_.edges.push_back({body, ends.back(), Graph::Arrow::kFallback, "on error"});
    }
    if (!attempt.finally.has_value()) return;
    const size_t last = add_block(*attempt.finally, "finally", box);
    for (const size_t end : ends) graph_.edges.push_back({end, last, Graph::Arrow::kAfter, ""});
  }

  void add_edges(const Step& step) {
    const size_t to = boxes_[step.index.value];
    const bool at_root = step.block.value == 0;
    if (step.needs.empty() && at_root) graph_.edges.push_back({0, to, Graph::Arrow::kReads, ""});
    std::set<std::string> reads, decides;
    std::set<std::string> paths;
    workflow::collect_reads(step, paths);
    for (const auto& path : paths) reads.insert(head_of(path));
    if (step.when.has_value())
      for (const auto& path : step.when->read_paths()) decides.insert(head_of(path));
    for (const StepIndex need : step.needs) {
      const Step& other = pipeline_.steps[need.value];
      Graph::Edge edge{boxes_[need.value], to, Graph::Arrow::kReads, ""};
      const bool stands_in =
          step.on_error.action == workflow::OnError::Action::kStep && step.on_error.step == need;
      if (stands_in) {
        edge.arrow = Graph::Arrow::kFallback;
        edge.label = "on error";
      } else if (decides.contains(other.name)) {
        edge.arrow = Graph::Arrow::kCondition;
        edge.label = "when";
      } else if (!reads.contains(other.name) && !step.is_container()) {
        edge.arrow = Graph::Arrow::kAfter;
        edge.label = "after";
      }
      graph_.edges.push_back(std::move(edge));
    }
  }

  void add_output() {
    output_ = add_box({Graph::Look::kOutput, "output", "", "", {}});
    std::set<std::string> heads;
    collect_reads(pipeline_.output, heads);
    bool any = false;
    for (const Step& step : pipeline_.steps) {
      if (step.block.value != 0 || !heads.contains(step.name)) continue;
      graph_.edges.push_back({boxes_[step.index.value], output_, Graph::Arrow::kReads, ""});
      any = true;
    }
    if (!any) graph_.edges.push_back({0, output_, Graph::Arrow::kReads, ""});
  }

  const workflow::Pipeline& pipeline_;
  std::vector<size_t> boxes_;  ///< of each step
  size_t output_ = 0;
  Graph graph_;
};

}  // namespace

Graph make_graph(const workflow::Pipeline& pipeline) { return GraphMaker(pipeline).run(); }

}  // namespace switchyard::authoring
