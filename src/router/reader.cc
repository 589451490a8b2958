#include "reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "switchyard/document/fields.h"

namespace switchyard::router {
namespace {

using document::child_path;

std::string number_text(double value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

}  // namespace

std::optional<int64_t> parse_duration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, int64_t>, 6> kUnits{{{"us", 1},
                                                                               {"ms", 1000},
                                                                               {"s", 1'000'000},
                                                                               {"m", 60'000'000},
                                                                               {"h", 3'600'000'000},
                                                                               {"d", 86'400'000'000}}};
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count <= 0 || count > 1'000'000'000) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  for (const auto& [name, us] : kUnits)
    if (name == unit && count <= INT64_MAX / us) return count * us;
  return std::nullopt;
}

std::optional<double> parse_percent(std::string_view text) {
  if (text.empty() || text.back() != '%') return std::nullopt;
  double percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size() - 1, percent);
  if (error != std::errc() || end != text.data() + text.size() - 1 || !std::isfinite(percent))
    return std::nullopt;
  return percent / 100;
}

void Reader::error(const Node& at, std::string path, std::string_view what, std::string message,
                   std::string mend) {
  report.error(at.position, std::move(path), "router." + std::string(what), std::move(message),
               std::move(mend));
}

bool Reader::mapping(const Node& node, const std::string& path, const std::vector<std::string>& known,
                     const char* example) {
  if (!node.is(Node::Kind::kMapping)) {
    error(node, path, "not_a_mapping",
          (path.empty() ? "a route's document" : "`" + path + "`") + " is a mapping, and this is " +
              node.describe(),
          "write " + std::string(example));
    return false;
  }
  document::report_unknown_fields(report, node, path, known, "router.unknown_field");
  return true;
}

void Reader::unknown_name(const Node& at, const std::string& path, std::string_view what,
                          const std::string& name, const std::vector<std::string>& known) {
  const std::string best = document::nearest(name, known);
  error(at, path, "unknown_" + std::string(what), "there is no " + std::string(what) + " '" + name + "'",
        !best.empty()       ? "did you mean '" + best + "'?"
        : known.empty()     ? "there is none yet: declare it first"
        : known.size() > 12 ? "name one that exists"
                            : "there are " + document::word_list(known));
}

void Reader::integer(const Node& parent, const std::string& path, std::string_view key, int64_t least,
                     int64_t most, int64_t& into) {
  const Node* node = parent.find(key);
  if (node == nullptr) return;
  if (node->is(Node::Kind::kInteger) && node->integer >= least && node->integer <= most) {
    into = node->integer;
    return;
  }
  error(*node, child_path(path, key), "bad_number",
        "`" + std::string(key) + "` is a whole number from " + std::to_string(least) + " to " +
            std::to_string(most) + ", and this is " + node->describe(),
        "write a number in that range");
}

std::optional<int64_t> Reader::duration_of(const Node& node, const std::string& path, int64_t most_us) {
  if (node.is(Node::Kind::kString))
    if (const auto us = parse_duration(node.text); us && *us <= most_us) return us;
  error(node, path, "bad_duration",
        "a duration of at most " + std::to_string(most_us / 1'000'000) + "s is wanted, and this is " +
            node.describe(),
        "write a whole number with a unit: 250ms, 5s, 10m, 4h, 1d");
  return std::nullopt;
}

void Reader::duration(const Node& parent, const std::string& path, std::string_view key, int64_t most_us,
                      int64_t& into_us) {
  if (const Node* node = parent.find(key))
    if (const auto us = duration_of(*node, child_path(path, key), most_us)) into_us = *us;
}

std::optional<double> Reader::share_of(const Node& node, const std::string& path) {
  std::optional<double> share;
  if (node.is(Node::Kind::kString)) share = parse_percent(node.text);
  if (node.is(Node::Kind::kDouble)) share = node.real;
  if (node.is(Node::Kind::kInteger)) share = static_cast<double>(node.integer);
  if (share && *share >= 0 && *share <= 1) return share;
  error(node, path, "bad_share", "a share lies between 0% and 100%, and this is " + node.describe(),
        "write 5%, or 0.05");
  return std::nullopt;
}

void Reader::share(const Node& parent, const std::string& path, std::string_view key, double& into) {
  if (const Node* node = parent.find(key))
    if (const auto share = share_of(*node, child_path(path, key))) into = *share;
}

void Reader::number(const Node& parent, const std::string& path, std::string_view key, double above,
                    double most, double& into) {
  const Node* node = parent.find(key);
  if (node == nullptr) return;
  const double value = node->is(Node::Kind::kInteger) ? static_cast<double>(node->integer) : node->real;
  if (node->is_number() && value > above && value <= most) {
    into = value;
    return;
  }
  error(*node, child_path(path, key), "bad_number",
        "`" + std::string(key) + "` is a number above " + number_text(above) + " and at most " +
            number_text(most) + ", and this is " + node->describe(),
        "write a number in that range");
}

void Reader::flag(const Node& parent, const std::string& path, std::string_view key, bool& into) {
  const Node* node = parent.find(key);
  if (node == nullptr) return;
  if (node->is(Node::Kind::kBool)) {
    into = node->boolean;
    return;
  }
  error(*node, child_path(path, key), "bad_flag",
        "`" + std::string(key) + "` is true or false, and this is " + node->describe(),
        "write true or false");
}

void Reader::text(const Node& parent, const std::string& path, std::string_view key, std::string& into) {
  const Node* node = parent.find(key);
  if (node == nullptr) return;
  if (node->is(Node::Kind::kString)) {
    into = node->text;
    return;
  }
  error(*node, child_path(path, key), "not_text",
        "`" + std::string(key) + "` is text, and this is " + node->describe(), "write it in quotes");
}

void Reader::money(const Node& parent, const std::string& path, std::string_view key, Money& into) {
  const Node* node = parent.find(key);
  if (node == nullptr) return;
  if (node->is_scalar()) {
    if (const auto amount = Money::parse(node->text); amount.ok()) {
      into = *amount;
      return;
    }
  }
  error(*node, child_path(path, key), "bad_amount",
        "`" + std::string(key) + "` is an amount, and this is " + node->describe(),
        "write a decimal number of at most nine digits after the point, like 12.50");
}

std::optional<size_t> Reader::word(const Node& parent, const std::string& path, std::string_view key,
                                   const std::vector<std::string>& words) {
  const Node* node = parent.find(key);
  if (node == nullptr) return std::nullopt;
  if (node->is_scalar()) {
    const auto found = std::find(words.begin(), words.end(), node->text);
    if (found != words.end()) return static_cast<size_t>(found - words.begin());
  }
  const std::string best = node->is_scalar() ? document::nearest(node->text, words) : std::string();
  error(*node, child_path(path, key), "bad_word",
        "`" + std::string(key) + "` is one of " + document::word_list(words) + ", and this is " +
            node->describe(),
        best.empty() ? "write one of them" : "did you mean '" + best + "'?");
  return std::nullopt;
}

}  // namespace switchyard::router
