#include "entries.h"

#include <algorithm>

#include "case.h"
#include "switchyard/types/time_text.h"

namespace switchyard::rehearsal {

using document::Node;

Entries::Entries(const Node& node, std::string path, std::string what, document::Reporter& reporter)
    : node_(node),
      path_(std::move(path)),
      what_(std::move(what)),
      reporter_(reporter),
      mapping_(node.is(Node::Kind::kMapping)) {
  if (!mapping_) {
    reporter_.error(node.position, path_, "test.not_a_mapping",
                    what_ + " is a mapping, not " + node.describe(), "write its entries below it");
  }
}

const Node* Entries::find(std::string_view key) {
  known_.emplace_back(key);
  return mapping_ ? node_.find(key) : nullptr;
}

void Entries::error(const Node& at, std::string_view key, std::string code, std::string message,
                    std::string mend) {
  reporter_.error(at.position, path(key), std::move(code), std::move(message), std::move(mend));
}

std::optional<std::string> Entries::text(std::string_view key) {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->is(Node::Kind::kString)) return node->text;
  error(*node, key, "test.wrong_type", "`" + std::string(key) + "` is a text, not " + node->describe(),
        "put it in quotes");
  return std::nullopt;
}

std::optional<int64_t> Entries::integer(std::string_view key, int64_t least, int64_t most) {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->is(Node::Kind::kInteger) && node->integer >= least && node->integer <= most) return node->integer;
  error(*node, key, "test.wrong_type",
        "`" + std::string(key) + "` is a whole number from " + std::to_string(least) + " to " +
            std::to_string(most) + ", not " + node->describe(),
        "write such a number");
  return std::nullopt;
}

std::optional<double> Entries::number(std::string_view key) {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->is(Node::Kind::kInteger)) return static_cast<double>(node->integer);
  if (node->is(Node::Kind::kDouble) && node->real >= 0) return node->real;
  error(*node, key, "test.wrong_type", "`" + std::string(key) + "` is a number, not " + node->describe(),
        "write a number of at least 0");
  return std::nullopt;
}

std::optional<int64_t> Entries::duration(std::string_view key) {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (const auto us = node->is_scalar() ? parse_duration(node->text) : std::nullopt) return us;
  error(*node, key, "test.bad_duration",
        "`" + std::string(key) + "` is a whole number and a unit, not " + node->describe(),
        "write for example 250ms, 2s, 30m, 4h or 3d");
  return std::nullopt;
}

std::optional<int64_t> Entries::time(std::string_view key) {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (const auto time = node->is(Node::Kind::kString) ? parse_timestamp(node->text) : std::nullopt)
    return time->seconds * 1'000'000 + time->nanos / 1000;
  error(*node, key, "test.bad_time", "`" + std::string(key) + "` is a time, not " + node->describe(),
        "write for example 2026-03-02T09:00:00Z");
  return std::nullopt;
}

void Entries::finish() {
  if (!mapping_) return;
  for (const document::Entry& entry : node_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    const std::string near = document::nearest(entry.key, known_);
    std::string names;
    for (const std::string& name : known_) names += (names.empty() ? "" : ", ") + name;
    reporter_.error(
        entry.position, path(entry.key), "test.unknown_entry",
        what_ + " has no entry '" + entry.key + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?"),
        near.empty() ? "use one of " + names : "write " + near);
  }
}

}  // namespace switchyard::rehearsal
