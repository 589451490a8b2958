#include "switchyard/privacy/policy.h"

#include <algorithm>

#include "switchyard/document/fields.h"
#include "switchyard/document/reporter.h"
#include "switchyard/privacy/limits.h"

namespace switchyard::privacy {
namespace {

using document::child_path;
using document::Node;

constexpr std::array<std::string_view, 5> kActions = {"keep", "mask", "hash", "token", "drop"};
constexpr std::string_view kActionsMend =
    "write keep, mask, hash, token or drop, or { action: mask, last: 4 }";

/// "a.b[*].c"; nullopt when it is none.
std::optional<Path> parse_path(std::string_view text) {
  using What = Path::Segment::What;
  Path path;
  path.text = std::string(text);
  bool needs_name = true;
  for (size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with("[*]")) {
      if (needs_name && i != 0) return std::nullopt;
      path.segments.push_back({What::kItem, {}});
      i += 3;
      needs_name = false;
      if (i < text.size() && text[i] != '[' && text[i++] != '.') return std::nullopt;
      if (i < text.size() && text[i - 1] == '.') needs_name = true;
      continue;
    }
    const size_t end = std::min(text.find_first_of(".[", i), text.size());
    const std::string_view name = text.substr(i, end - i);
    if (name.empty() || name.size() > kMaxNameBytes || !needs_name) return std::nullopt;
    if (name == "**")
      path.segments.push_back({What::kAnyDepth, {}});
    else if (name == "*")
      path.segments.push_back({What::kAnyName, {}});
    else if (name.find_first_of("*]") != std::string_view::npos)
      return std::nullopt;
    else
      path.segments.push_back({What::kName, std::string(name)});
    i = end;
    needs_name = false;
    if (i < text.size() && text[i] == '.') {
      ++i;
      needs_name = true;
    }
  }
  const bool good = !needs_name && !path.segments.empty() && path.segments.size() <= kMaxPathSegments &&
                    path.segments.back().what != What::kAnyDepth;
  return good ? std::optional(path) : std::nullopt;
}

class Reader {
 public:
  explicit Reader(const std::string& file) : report_(file) {}

  PolicyOutcome read(const Node& root) {
    auto policy = std::make_shared<Policy>();
    if (!root.is(Node::Kind::kMapping)) {
      error(root, "", "privacy.not_a_mapping",
            "a privacy document is a mapping, and this is " + root.describe(),
            "begin with privacy: name@1.0.0 and detect");
      return {nullptr, report_.take()};
    }
    known_fields(root, "", {"privacy", "description", "allow", "fields", "detect"});
    if (const Node* allow = root.find("allow")) read_allow(*allow, *policy);
    if (const Node* fields = root.find("fields")) read_fields(*fields, *policy);
    if (const Node* detect = root.find("detect")) read_detect(*detect, *policy);
    const bool keeps_all = std::all_of(policy->detect.begin(), policy->detect.end(),
                                       [](const Treatment& each) { return each.action == Action::kKeep; });
    if (keeps_all && !policy->allow && policy->names.empty() && policy->places.empty() &&
        report_.errors() == 0)
      report_.warning(root.position, "detect", "privacy.removes_nothing", "this policy removes nothing",
                      "leave out `all: keep`, or say which fields leave");
    if (report_.errors() != 0) policy.reset();
    return {std::move(policy), report_.take()};
  }

 private:
  void error(const Node& at, std::string path, std::string code, std::string message, std::string mend) {
    report_.error(at.position, std::move(path), std::move(code), std::move(message), std::move(mend));
  }

  void known_fields(const Node& mapping, const std::string& path, const std::vector<std::string>& known) {
    document::report_unknown_fields(report_, mapping, path, known, "privacy.unknown_field");
  }

  void read_allow(const Node& node, Policy& policy) {
    if (!node.is(Node::Kind::kSequence) || node.items.empty() || node.items.size() > kMaxPaths) {
      error(node, "allow", "privacy.bad_allow",
            "'allow' lists 1 to " + std::to_string(kMaxPaths) + " fields that leave, and this is " +
                node.describe(),
            "write allow: [question, \"messages[*].content\"], or leave it out: then all fields do");
      return;
    }
    policy.allow.emplace();
    for (size_t i = 0; i < node.items.size(); ++i) {
      const Node& item = node.items[i];
      if (auto path = item.is(Node::Kind::kString) ? parse_path(item.text) : std::nullopt)
        policy.allow->push_back(std::move(*path));
      else
        bad_path(item, child_path("allow", i), item.describe());
    }
  }

  void bad_path(const Node& at, std::string path, const std::string& what) {
    error(
        at, std::move(path), "privacy.bad_path", what + " is no place in a document",
        "write names with dots between them, [*] for the items of a list, * for any name, ** for any depth: "
        "\"orders[*].customer.email\"");
  }

  void read_fields(const Node& node, Policy& policy) {
    if (!node.is(Node::Kind::kMapping) || node.entries.size() > kMaxPaths) {
      error(node, "fields", "privacy.bad_fields",
            "'fields' says for at most " + std::to_string(kMaxPaths) +
                " fields what becomes of them, and this is " + node.describe(),
            "write fields: { date_of_birth: drop, \"customer.name\": token }");
      return;
    }
    for (const auto& entry : node.entries) {
      const std::string path = child_path("fields", entry.key);
      const auto place = parse_path(entry.key);
      Node key;
      key.position = entry.position;
      if (!place) {
        bad_path(key, path, "'" + entry.key + "'");
        continue;
      }
      const auto treatment = read_treatment(entry.value, path, Treatment{});
      if (!treatment) continue;
      if (place->segments.size() > 1 || place->segments[0].what != Path::Segment::What::kName) {
        policy.places.push_back({*place, {entry.key, *treatment}});
      } else if (!policy.names.emplace(plain_name(entry.key), Policy::Field{entry.key, *treatment}).second) {
        error(key, path, "privacy.two_of_a_name",
              "'" + entry.key + "' is the same name as one before: capitals, _ and - make no difference",
              "write each name once");
      }
    }
  }

  void read_detect(const Node& node, Policy& policy) {
    if (!node.is(Node::Kind::kMapping)) {
      error(node, "detect", "privacy.bad_detect",
            "'detect' says what becomes of each kind of personal data, and this is " + node.describe(),
            "write detect: { all: token, card: mask }");
      return;
    }
    std::vector<std::string> known = {"all", "national_id"};
    for (size_t i = 0; i < kKinds; ++i) known.emplace_back(kind_name(static_cast<Kind>(i)));
    known_fields(node, "detect", known);
    // The general before the special, however they are ordered.
    for (size_t i = 0; i < known.size(); ++i) {
      const Node* value = node.find(known[i]);
      if (value == nullptr) continue;
      const size_t from = i == 1 ? static_cast<size_t>(kFirstNationalId) : i < 2 ? 0 : i - 2;
      const size_t to = i < 2 ? kKinds : i - 1;
      Treatment usual;
      if (i - 2 == static_cast<size_t>(Kind::kCard)) usual.last = 4;
      if (const auto treatment = read_treatment(*value, child_path("detect", known[i]), usual))
        std::fill(policy.detect.begin() + static_cast<ptrdiff_t>(from),
                  policy.detect.begin() + static_cast<ptrdiff_t>(to), *treatment);
    }
  }

  std::optional<Action> read_action(const Node& node, const std::string& path) {
    const auto found =
        std::find(kActions.begin(), kActions.end(),
                  node.is(Node::Kind::kString) ? std::string_view(node.text) : std::string_view());
    if (found != kActions.end()) return static_cast<Action>(found - kActions.begin());
    const std::vector<std::string> known(kActions.begin(), kActions.end());
    const std::string best = document::nearest(node.text, known);
    error(node, path, "privacy.bad_action", node.describe() + " is nothing that can become of a value",
          best.empty() ? std::string(kActionsMend) : "did you mean '" + best + "'?");
    return std::nullopt;
  }

  std::optional<Treatment> read_treatment(const Node& node, const std::string& path, Treatment result) {
    if (!node.is(Node::Kind::kMapping)) {
      const auto action = read_action(node, path);
      if (!action) return std::nullopt;
      result.action = *action;
      if (*action != Action::kMask) result.last = 0;
      return result;
    }
    known_fields(node, path, {"action", "first", "last", "character"});
    const Node* action = node.find("action");
    if (action == nullptr) {
      error(node, child_path(path, "action"), "privacy.bad_action",
            "this does not say what becomes of the value", std::string(kActionsMend));
      return std::nullopt;
    }
    const auto read = read_action(*action, child_path(path, "action"));
    if (!read) return std::nullopt;
    result = {*read, 0, 0, '*'};
    for (const auto& entry : node.entries) {
      const std::string at = child_path(path, entry.key);
      if (entry.key == "action" || (entry.key != "first" && entry.key != "last" && entry.key != "character"))
        continue;
      if (result.action != Action::kMask) {
        error(entry.value, at, "privacy.not_of_a_mask", "'" + entry.key + "' says something of a mask only",
              "write action: mask, or leave '" + entry.key + "' out");
        continue;
      }
      if (entry.key == "character")
        result.character = read_character(entry.value, at);
      else
        (entry.key == "first" ? result.first : result.last) = read_shown(entry.value, at);
    }
    return result;
  }

  uint8_t read_shown(const Node& node, const std::string& path) {
    if (node.is(Node::Kind::kInteger) && node.integer >= 0 && node.integer <= 16)
      return static_cast<uint8_t>(node.integer);
    error(node, path, "privacy.bad_mask", "0 to 16 characters can stay, and this is " + node.describe(),
          "write last: 4");
    return 0;
  }

  char read_character(const Node& node, const std::string& path) {
    if (node.is(Node::Kind::kString) && node.text.size() == 1 &&
        std::string_view("*#.x_-").find(node.text[0]) != std::string_view::npos)
      return node.text[0];
    error(node, path, "privacy.bad_mask", node.describe() + " cannot cover characters",
          "write one of * # . x _ -, in quotes");
    return '*';
  }

  document::Reporter report_;
};

}  // namespace

std::string_view action_name(Action action) { return kActions[static_cast<size_t>(action)]; }

bool Policy::needs_key() const {
  const auto hashes = [](const Treatment& each) { return each.action == Action::kHash; };
  return std::any_of(detect.begin(), detect.end(), hashes) ||
         std::any_of(names.begin(), names.end(),
                     [&](const auto& each) { return hashes(each.second.treatment); }) ||
         std::any_of(places.begin(), places.end(),
                     [&](const auto& each) { return hashes(each.second.treatment); });
}

std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name)
    if (c != '_' && c != '-' && c != ' ')
      plain += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return plain;
}

PolicyOutcome compile(const document::Node& root, const std::string& file) { return Reader(file).read(root); }

}  // namespace switchyard::privacy
