#include "switchyard/retention/policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>

#include "switchyard/document/fields.h"
#include "switchyard/document/reporter.h"
#include "switchyard/retention/limits.h"

namespace switchyard::retention {
namespace {

using document::child_path;
using document::Node;

constexpr std::array<std::pair<std::string_view, int64_t>, 6> kUnits{{{"s", 1'000'000},
                                                                      {"m", 60'000'000},
                                                                      {"h", 3'600'000'000},
                                                                      {"d", 86'400'000'000},
                                                                      {"w", 7 * int64_t{86'400'000'000}},
                                                                      {"y", 365 * int64_t{86'400'000'000}}}};

std::optional<int64_t> parse_period(std::string_view text) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count <= 0) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  for (const auto& [name, us] : kUnits)
    if (name == unit && count <= kMaxPeriodUs / us) return count * us;
  return std::nullopt;
}

class Reader {
 public:
  explicit Reader(const std::string& file) : report_(file) {}

  PolicyOutcome read(const Node& root) {
    auto policy = std::make_shared<Policy>();
    if (!root.is(Node::Kind::kMapping)) {
      error(root, "", "retention.not_a_mapping",
            "a retention document is a mapping, and this is " + root.describe(),
            "begin with retention: name@1.0.0 and classes");
      return {nullptr, report_.take()};
    }
    known_fields(root, "", {"retention", "description", "idempotency_keys", "classes"});
    if (const Node* keys = root.find("idempotency_keys"))
      policy->idempotency_us = period(*keys, "idempotency_keys");
    const Node* classes = root.find("classes");
    if (classes == nullptr || !classes->is(Node::Kind::kSequence) || classes->items.empty()) {
      error(classes == nullptr ? root : *classes, "classes", "retention.no_classes",
            "the document needs a list of classes",
            "write classes: [ { class: rest, pipelines: [\"*\"], full: 90d } ]");
      return {nullptr, report_.take()};
    }
    if (classes->items.size() > kMaxClasses) {
      error(*classes, "classes", "retention.too_many_classes",
            "there are " + std::to_string(classes->items.size()) + " classes",
            "write at most " + std::to_string(kMaxClasses));
    }
    for (size_t i = 0; i < classes->items.size(); ++i)
      policy->classes.push_back(read_class(classes->items[i], child_path("classes", i), *policy));
    if (report_.errors() != 0) policy.reset();
    return {std::move(policy), report_.take()};
  }

 private:
  void error(const Node& at, std::string path, std::string code, std::string message, std::string mend) {
    report_.error(at.position, std::move(path), std::move(code), std::move(message), std::move(mend));
  }

  void known_fields(const Node& mapping, const std::string& path, const std::vector<std::string>& known) {
    document::report_unknown_fields(report_, mapping, path, known, "retention.unknown_field");
  }

  int64_t period(const Node& node, const std::string& path) {
    if (node.is(Node::Kind::kString))
      if (const auto us = parse_period(node.text)) return *us;
    error(node, path, "retention.bad_period",
          "a period is at most a hundred years, and this is " + node.describe(),
          "write a whole number with a unit: 12h, 90d, 8w, 7y");
    return 0;
  }

  void read_patterns(const Node& node, const std::string& path, RetentionClass& result) {
    const Node* patterns = node.find("pipelines");
    if (patterns == nullptr || !patterns->is(Node::Kind::kSequence) || patterns->items.empty() ||
        patterns->items.size() > kMaxPatterns) {
      error(patterns == nullptr ? node : *patterns, child_path(path, "pipelines"), "retention.no_pipelines",
            "a class needs a list of 1 to " + std::to_string(kMaxPatterns) + " names of pipelines",
            "write names, with * for any text: [\"payments/*\"]");
      return;
    }
    for (size_t i = 0; i < patterns->items.size(); ++i) {
      const Node& pattern = patterns->items[i];
      const bool good =
          pattern.is(Node::Kind::kString) && !pattern.text.empty() &&
          std::all_of(pattern.text.begin(), pattern.text.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '-' || c == '*';
          });
      if (good)
        result.pipelines.push_back(pattern.text);
      else
        error(pattern, child_path(child_path(path, "pipelines"), i), "retention.bad_pattern",
              pattern.describe() + " is no name of a pipeline",
              "write small letters, digits, dashes and slashes, with * for any text");
    }
  }

  uint32_t read_record(const Node& node, const std::string& path) {
    uint32_t drop = 0;
    if (!node.is(Node::Kind::kMapping)) {
      error(node, path, "retention.bad_record", "'record' says what becomes of input, results and output",
            "write record: { input: hash, results: hash, output: keep }");
      return 0;
    }
    known_fields(node, path, {"input", "results", "output"});
    static constexpr std::array<std::pair<std::string_view, Part>, 3> kParts{
        {{"input", Part::kInput}, {"results", Part::kResults}, {"output", Part::kOutput}}};
    for (const auto& [name, part] : kParts) {
      const Node* value = node.find(name);
      if (value == nullptr || (value->is(Node::Kind::kString) && value->text == "keep")) continue;
      if (value->is(Node::Kind::kString) && value->text == "hash") {
        drop |= static_cast<uint32_t>(part);
        continue;
      }
      error(*value, child_path(path, name), "retention.bad_record", value->describe() + " is not known here",
            "write keep, or hash: the value goes, its SHA-256 stays");
    }
    return drop;
  }

  RetentionClass read_class(const Node& node, const std::string& path, const Policy& policy) {
    RetentionClass result;
    if (!node.is(Node::Kind::kMapping)) {
      error(node, path, "retention.bad_class", "a class is a mapping, and this is " + node.describe(),
            "write { class: rest, pipelines: [\"*\"], full: 90d }");
      return result;
    }
    known_fields(node, path, {"class", "pipelines", "full", "record", "delete"});
    const Node* name = node.find("class");
    if (name == nullptr || !name->is(Node::Kind::kString) || name->text.empty() || name->text.size() > 64) {
      error(name == nullptr ? node : *name, child_path(path, "class"), "retention.no_name",
            "a class needs a name of at most 64 characters", "write class: payments");
    } else if (!names_.insert(name->text).second) {
      error(*name, child_path(path, "class"), "retention.two_of_a_name",
            "there is a class '" + name->text + "' before", "give each class its own name");
    } else {
      result.name = name->text;
    }
    read_patterns(node, path, result);
    if (const Node* full = node.find("full")) result.full_us = period(*full, child_path(path, "full"));
    if (const Node* record = node.find("record")) {
      result.drop = read_record(*record, child_path(path, "record"));
      if (node.find("full") == nullptr)
        error(*record, child_path(path, "record"), "retention.record_without_full",
              "'record' says what remains after 'full', which is missing", "write full: 90d as well");
    }
    const Node* gone = node.find("delete");
    if (gone == nullptr) return result;
    result.delete_us = period(*gone, child_path(path, "delete"));
    if (result.delete_us == 0) return result;
    if (result.full_us >= result.delete_us)
      error(*gone, child_path(path, "delete"), "retention.delete_before_full",
            "decisions would be deleted after " + period_text(result.delete_us) + ", but be whole for " +
                period_text(result.full_us),
            "let delete be longer than full");
    if (policy.idempotency_us > result.delete_us)
      error(*gone, child_path(path, "delete"), "retention.delete_before_keys",
            "an Idempotency-Key holds for " + period_text(policy.idempotency_us) +
                ", longer than the decision it names",
            "let delete be at least idempotency_keys");
    return result;
  }

  document::Reporter report_;
  std::set<std::string> names_;
};

}  // namespace

const RetentionClass* Policy::class_of(std::string_view pipeline) const {
  for (const RetentionClass& each : classes)
    for (const std::string& pattern : each.pipelines)
      if (fits_pattern(pipeline, pattern)) return &each;
  return nullptr;
}

bool fits_pattern(std::string_view text, std::string_view pattern) {
  size_t t = 0, p = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

PolicyOutcome compile(const document::Node& root, const std::string& file) { return Reader(file).read(root); }

std::string period_text(int64_t us) {
  if (us == 0) return "for ever";
  std::pair<std::string_view, int64_t> best = kUnits[0];
  for (const auto& unit : kUnits)
    if (unit.first != "w" && unit.first != "y" && us % unit.second == 0) best = unit;
  return std::to_string(us / best.second) + std::string(best.first);
}

}  // namespace switchyard::retention
