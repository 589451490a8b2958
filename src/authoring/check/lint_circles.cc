// Runs that lead to further runs of the same pipeline: by events and as children.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lint.h"
#include "switchyard/events/consumers.h"

namespace switchyard::authoring {
namespace {

using document::Node;
using document::Position;

/// What a pipeline starts, as its document says it: also one with mistakes, for a circle of children is one.
struct Start {
  bool by_event = false;
  std::string what;  ///< the type of an event, or a pipeline's name
  bool conditional = false;
  Position at;
};

struct PipelineNode {
  std::string name, file;
  std::vector<std::string> patterns;  ///< of the events that start it
  bool conditional = false;           ///< not all of these do
  std::vector<Start> starts;
};

/// Entries whose values are templates, schemas and the like: no steps are in them.
bool is_free(std::string_view key) {
  static constexpr std::array<std::string_view, 14> kFree{"set",    "input", "facts", "output",   "body",
                                                          "show",   "data",  "form",  "response", "result",
                                                          "schema", "value", "state", "headers"};
  return std::find(kFree.begin(), kFree.end(), key) != kFree.end();
}

std::string text_of(const Node* node) {
  return node != nullptr && node->is(Node::Kind::kString) ? node->text : std::string();
}

/// `named`: the entries are names of steps.
void collect_starts(const Node& node, bool named, bool conditional, std::vector<Start>& starts) {
  for (const Node& item : node.items) collect_starts(item, named, conditional, starts);
  if (!named) conditional = conditional || node.find("when") != nullptr || node.find("for_each") != nullptr;
  for (const auto& [key, position, value] : node.entries) {
    if (named) {
      collect_starts(value, false, conditional, starts);
      continue;
    }
    if (is_free(key)) continue;
    if (key == "pipeline" && value.is(Node::Kind::kString))
      starts.push_back({false, value.text.substr(0, value.text.find('@')), conditional, value.position});
    if (key == "emit")
      if (const Node* type = value.find("event"); type != nullptr && type->is(Node::Kind::kString))
        starts.push_back({true, type->text, conditional, type->position});
    collect_starts(value, key == "steps" || key == "sequence", conditional || key == "catch", starts);
  }
}

std::optional<PipelineNode> read_pipeline(const governance::SourceFile& file) {
  const auto parsed = document::parse(file.content, file.path);
  if (parsed.root == nullptr) return std::nullopt;
  const std::string name = text_of(parsed.root->find("pipeline"));
  if (name.empty()) return std::nullopt;
  PipelineNode pipeline{name.substr(0, name.find('@')), file.path, {}, false, {}};
  if (const Node* on = parsed.root->find("on"); on != nullptr) {
    pipeline.conditional = on->find("when") != nullptr;
    if (const Node* event = on->find("event"); event != nullptr) {
      if (event->is(Node::Kind::kString)) pipeline.patterns.push_back(event->text);
      for (const Node& one : event->items)
        if (one.is(Node::Kind::kString)) pipeline.patterns.push_back(one.text);
    }
  }
  for (const char* part : {"steps", "finally"})
    if (const Node* node = parsed.root->find(part); node != nullptr)
      collect_starts(*node, true, false, pipeline.starts);
  return pipeline;
}

class CircleLint {
 public:
  CircleLint(std::vector<PipelineNode> pipelines, Diagnostics& findings)
      : pipelines_(std::move(pipelines)), findings_(findings) {}

  void run() {
    for (size_t i = 0; i < pipelines_.size(); ++i) {
      for (const bool any : {false, true}) {
        const auto circle = shortest(i, any);
        if (circle.empty()) continue;
        std::set<std::string> members;
        for (const Step& step : circle) members.insert(pipelines_[step.from].name);
        if (reported_.insert(std::move(members)).second) report(circle, any);
        break;
      }
    }
  }

 private:
  struct Step {
    size_t from;
    const Start* start;
    size_t to;
  };

  bool leads(const Start& start, const PipelineNode& to, bool any) const {
    if (!start.by_event) return start.what == to.name && (any || !start.conditional);
    return events::matches_any(to.patterns, start.what) && (any || !(start.conditional || to.conditional));
  }

  /// The shortest way from a pipeline back to itself; `any`: also over what only some runs do.
  std::vector<Step> shortest(size_t begin, bool any) const {
    std::vector<std::optional<Step>> reached(pipelines_.size());
    std::vector<size_t> queue{begin};
    for (size_t next = 0; next < queue.size() && !reached[begin].has_value(); ++next) {
      const size_t from = queue[next];
      for (const Start& start : pipelines_[from].starts) {
        for (size_t to = 0; to < pipelines_.size(); ++to) {
          if (reached[to].has_value() || !leads(start, pipelines_[to], any)) continue;
          reached[to] = Step{from, &start, to};
          queue.push_back(to);
        }
      }
    }
    std::vector<Step> circle;
    if (!reached[begin].has_value()) return circle;
    size_t at = begin;
    do {
      circle.push_back(*reached[at]);
      at = reached[at]->from;
    } while (at != begin);
    std::reverse(circle.begin(), circle.end());
    return circle;
  }

  void report(const std::vector<Step>& circle, bool conditional) {
    std::string whole;
    for (const Step& step : circle) {
      const std::string& to = pipelines_[step.to].name;
      whole +=
          (whole.empty() ? "" : "; ") + pipelines_[step.from].name +
          (step.start->by_event ? " emits " + step.start->what + ", which starts " + to : " starts " + to);
    }
    const PipelineNode& first = pipelines_[circle.front().from];
    const Position at = circle.front().start->at;
    findings_.push_back(
        {Diagnostic::Severity::kWarning, "lint.endless_circle", first.file, at.line, at.column, "",
         conditional
             ? "a run of '" + first.name + "' can lead to the next one, and only conditions end it: " + whole
             : "a run of '" + first.name + "' leads to the next one, for ever: " + whole,
         conditional ? "see that a condition ends it, and say so: # allow lint.endless_circle: <why it ends>"
                     : "break the circle: another type of event, or a `when` that becomes false"});
  }

  const std::vector<PipelineNode> pipelines_;
  Diagnostics& findings_;
  std::set<std::set<std::string>> reported_;
};

}  // namespace

void lint_circles(const std::vector<governance::SourceFile>& files, Diagnostics& findings) {
  std::vector<PipelineNode> pipelines;
  for (const auto& file : files) {
    if (!file.path.ends_with(".yaml") && !file.path.ends_with(".yml") && !file.path.ends_with(".json"))
      continue;
    if (auto pipeline = read_pipeline(file)) pipelines.push_back(std::move(*pipeline));
  }
  std::sort(pipelines.begin(), pipelines.end(),
            [](const PipelineNode& a, const PipelineNode& b) { return a.file < b.file; });
  CircleLint(std::move(pipelines), findings).run();
}

}  // namespace switchyard::authoring
