#include "steps.h"

#include <algorithm>
#include <utility>

#include "switchyard/document/reporter.h"

namespace switchyard::authoring {
namespace {

using document::child_path;
using document::Node;

constexpr int kMaxNesting = 64;

class StepFinder {
 public:
  std::vector<StepSite> run(const Node& root) {
    block(root.find("steps"), "steps", std::nullopt, "steps");
    if (const Node* finally = root.find("finally")) part(*finally, "finally", std::nullopt, "finally");
    return std::move(sites_);
  }

 private:
  /// A mapping of steps by name.
  void block(const Node* steps, const std::string& path, std::optional<size_t> parent,
             const std::string& part_name) {
    if (steps == nullptr || depth_ > kMaxNesting) return;
    for (const auto& entry : steps->entries)
      step(entry.key, entry.position, entry.value, child_path(path, entry.key), parent, part_name);
  }
  /// `{ steps: ... }`
  void part(const Node& node, const std::string& path, std::optional<size_t> parent,
            const std::string& name) {
    block(node.find("steps"), child_path(path, "steps"), parent, name);
  }

  void step(const std::string& name, document::Position key, const Node& node, const std::string& path,
            std::optional<size_t> parent, const std::string& part_name) {
    const size_t index = sites_.size();
    sites_.push_back({name, kind_of_step(node), path, key, &node, parent, part_name});
    ++depth_;
    const std::string kind = sites_[index].kind;
    if (kind == "for_each" || kind == "repeat") part(node, path, index, "steps");
    if (const Node* sequence = node.find("sequence"); sequence != nullptr && kind == "sequence") {
      for (size_t i = 0; i < sequence->items.size(); ++i)
        block(&sequence->items[i], child_path(child_path(path, "sequence"), i), index, "steps");
    }
    if (kind == "try") {
      part(*node.find("try"), child_path(path, "try"), index, "steps");
      if (const Node* clauses = node.find("catch")) {
        for (size_t i = 0; i < clauses->items.size(); ++i) {
          const std::string clause = child_path(child_path(path, "catch"), i);
          part(clauses->items[i], clause, index, child_path("catch", i));
        }
      }
      if (const Node* finally = node.find("finally"))
        part(*finally, child_path(path, "finally"), index, "finally");
    }
    if (const Node* undo = node.find("compensate"); undo != nullptr && undo->is(Node::Kind::kMapping)) {
      const std::string inside = child_path(path, "compensate");
      if (undo->find("steps") != nullptr)
        part(*undo, inside, index, "compensate");
      else if (!kind_of_step(*undo).empty())
        step("compensate", undo->position, *undo, inside, index, "compensate");
    }
    --depth_;
  }

  static std::string kind_of_step(const Node& node) {
    const auto& words = step_words();
    for (const auto& entry : node.entries)
      if (std::find(words.begin(), words.end(), entry.key) != words.end()) return entry.key;
    return {};
  }

  std::vector<StepSite> sites_;
  int depth_ = 0;
};

}  // namespace

std::vector<StepSite> find_steps(const Node& root) { return StepFinder().run(root); }

const std::vector<std::string>& step_words() {
  static const std::vector<std::string> kWords{
      "set",     "fail",     "rules",    "model",    "triage", "review",   "http",
      "wait",    "for_each", "repeat",   "sequence", "try",    "pipeline", "ensemble",
      "cascade", "search",   "features", "task",     "listen", "emit",     "state"};
  return kWords;
}

}  // namespace switchyard::authoring
