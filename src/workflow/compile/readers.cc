#include <cmath>

#include "context.h"
#include "names.h"
#include "switchyard/types/json.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;

std::string number_text(double value) {
  return std::floor(value) == value && std::abs(value) < 1e15 ? std::to_string(static_cast<int64_t>(value))
                                                              : to_json(Value::real(value));
}

}  // namespace

std::optional<std::string> read_text(Context& context, const Place& place, const std::string& what) {
  if (place.node->is(Node::Kind::kString)) return place.node->text;
  context.error(place, "pipeline.not_text", what + " must be text, and this is " + place.node->describe(),
                "write text; in quotes when it looks like a number or true/false");
  return std::nullopt;
}

std::optional<int64_t> read_integer(Context& context, const Place& place, const std::string& what,
                                    int64_t least, int64_t most) {
  const Node& node = *place.node;
  if (node.is(Node::Kind::kInteger) && node.integer >= least && node.integer <= most) return node.integer;
  context.error(place, "pipeline.bad_number",
                what + " must be a whole number from " + std::to_string(least) + " to " +
                    std::to_string(most) + ", and this is " + node.describe(),
                "write a number in that range");
  return std::nullopt;
}

std::optional<double> read_number(Context& context, const Place& place, const std::string& what, double least,
                                  double most) {
  const Node& node = *place.node;
  if (node.is_number()) {
    const double value = node.is(Node::Kind::kInteger) ? static_cast<double>(node.integer) : node.real;
    if (value >= least && value <= most) return value;
  }
  context.error(place, "pipeline.bad_number",
                what + " must be a number from " + number_text(least) + " to " + number_text(most) +
                    ", and this is " + node.describe(),
                "write a number in that range");
  return std::nullopt;
}

std::optional<int64_t> read_duration(Context& context, const Place& place, const std::string& what) {
  if (place.node->is(Node::Kind::kString)) {
    if (const auto us = parse_duration(place.node->text)) return us;
  }
  context.error(place, "pipeline.bad_duration",
                what + " must be a duration of at most ten years, and this is " + place.node->describe(),
                "write a whole number with a unit: 250ms, 2s, 30m, 4h, 1d");
  return std::nullopt;
}

std::optional<ArtefactRef> read_artefact(Context& context, const Place& place, const std::string& what) {
  const auto text = read_text(context, place, what);
  if (!text.has_value()) return std::nullopt;
  const auto [name, version] = split_version(*text);
  const bool names_version = text->find('@') != std::string::npos;
  if (is_artefact_name(name) && (!names_version || is_version(version)))
    return ArtefactRef{std::string(name), std::string(version)};
  context.error(place, "pipeline.bad_name", "'" + *text + "' is no name of " + what,
                "write a name of small letters, digits and dashes, with or without a version: card-limits or "
                "card-limits@1.2.0");
  return std::nullopt;
}

std::optional<std::string> read_queue(Context& context, const Place& place, const std::string& what) {
  const auto text = read_text(context, place, what);
  if (!text.has_value()) return std::nullopt;
  if (is_artefact_name(*text)) return text;
  context.error(place, "pipeline.bad_name", "'" + *text + "' is no name of a queue",
                "write small letters, digits and dashes: fraud-desk");
  return std::nullopt;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string best = document::nearest(word, candidates);
  return best.empty() ? std::string() : "did you mean '" + best + "'?";
}

std::string word_list(const std::vector<std::string>& words, size_t most) {
  std::string text;
  for (size_t i = 0; i < words.size() && i < most; ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  if (words.size() > most) text += ", ...";
  return text;
}

}  // namespace switchyard::workflow::compiler
