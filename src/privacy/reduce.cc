#include "switchyard/privacy/reduce.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cmath>

#include "places.h"
#include "switchyard/base/hash.h"
#include "switchyard/privacy/detector.h"
#include "switchyard/privacy/limits.h"
#include "switchyard/types/json.h"
#include "tokens.h"

namespace switchyard::privacy {
namespace {

using ValueKind = switchyard::Kind;

constexpr std::string_view kNotAllowed = "not allowed";

Error too_large(std::string code, const std::string& what) {
  return make_error(ErrorKind::kTooLarge, std::move(code),
                    what + ": nothing was sent; make the input smaller");
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Letters and digits covered, one character for each, whatever its bytes; those that may show would be more
/// than half: then none does.
std::string mask(std::string_view text, const Treatment& treatment) {
  const auto is_covered = [](char c) { return is_letter_or_digit(c) || static_cast<uint8_t>(c) >= 0xC0; };
  size_t total = 0;
  for (const char c : text) total += is_covered(c) ? 1 : 0;
  const bool shows = (treatment.first + treatment.last) * 2u <= total;
  const size_t first = shows ? treatment.first : 0, last = shows ? treatment.last : 0;
  std::string masked;
  size_t seen = 0;
  bool covers = false;
  for (const char c : text) {
    if ((static_cast<uint8_t>(c) & 0xC0) == 0x80) {  // the rest of a character
      if (!covers) masked += c;
      continue;
    }
    covers = is_covered(c) && seen >= first && seen < total - last;
    seen += is_covered(c) ? 1 : 0;
    masked += covers ? treatment.character : c;
  }
  return masked;
}

/// The value of a text that the chat interface wants to be JSON: the arguments of a call, the result of a
/// tool. Nothing where it is plain text all the same.
std::optional<Value> json_in(const Value& map, const Member& member, Arena& arena) {
  if (!member.key.is(ValueKind::kString) || !member.value.is(ValueKind::kString)) return std::nullopt;
  const Value* role = map.find("role");
  const bool of_tool = role != nullptr && role->is(ValueKind::kString) && role->as_string() == "tool";
  const auto key = member.key.as_string();
  if (key != "arguments" && !(key == "content" && of_tool)) return std::nullopt;
  const auto text = member.value.as_string();
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || (text[begin] != '{' && text[begin] != '[')) return std::nullopt;
  auto parsed = parse_json(text, arena, {kMaxTextBytes, kMaxDepth});
  return parsed.ok() ? std::optional(*parsed) : std::nullopt;
}

/// What two ways of writing one value have in common.
std::string normal_form(std::string_view text) {
  const bool address = text.find('@') != std::string_view::npos;
  std::string normal;
  for (const char c : text) {
    if (!address && (c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')')) continue;
    normal += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return normal;
}

/// A whole number worth looking at, as text; empty: none.
std::string number_text(const Value& value) {
  constexpr double kExact = 9007199254740992.0;
  std::string text;
  if (value.is(ValueKind::kInteger) && value.as_integer() >= 1'000'000)
    text = std::to_string(value.as_integer());
  if (value.is(ValueKind::kUnsigned) && value.as_unsigned() >= 1'000'000)
    text = std::to_string(value.as_unsigned());
  if (value.is(ValueKind::kDouble)) {
    const double number = value.as_double();
    if (number >= 1e6 && number <= kExact && std::floor(number) == number)
      text = std::to_string(static_cast<uint64_t>(number));
  }
  return text;
}

class Reducer {
 public:
  Reducer(const Policy& policy, const telemetry::Secret* key) : policy_(policy), key_(key) {
    for (const auto& [path, field] : policy.places) places_.push_back(&path);
    if (policy.allow)
      for (const Path& path : *policy.allow) allowed_.push_back(&path);
  }

  Result<Reduced> run(const Value& input) {
    if (policy_.needs_key() && (key_ == nullptr || key_->empty()))
      return make_error(ErrorKind::kInvalidArgument, "privacy.no_key",
                        "the privacy policy " + policy_.full_name() +
                            " hashes values, and the server has no key for it; configure one");
    SY_RETURN_IF_ERROR(measure(input, 0));
    auto arena = std::make_shared<Arena>();
    arena_ = arena.get();
    report_.policy = policy_.full_name();
    Here root{Places(places_, true), Places(allowed_, false), !policy_.allow.has_value()};
    if (input.is(ValueKind::kMap) && input.find("messages") != nullptr) root.part = Here::Part::kChat;
    const std::optional<Value> reduced = walk(input, root);
    if (!failure_.ok()) return std::move(failure_).error();
    return Reduced{Document(std::move(arena), reduced.value_or(Value())), tokens_.take(), std::move(report_)};
  }

 private:
  /// Where the walk is.
  struct Here {
    Places fields, allow;
    bool allowed = false;                      ///< this and all below may leave
    const Policy::Field* treatment = nullptr;  ///< of a field above or this one
    std::string_view name;                     ///< of the nearest field
    std::string_view above;                    ///< of the one around that
    /// What names of fields mean here.
    enum class Part : uint8_t {
      kData,    ///< what their values are
      kChat,    ///< what the chat interface says they do: `name` in `function` is no person's
      kSchema,  ///< fields elsewhere: what must stand in them, no values
    } part = Part::kData;
  };

  /// Bounds the input, and takes note of what looks like a token.
  Status measure(const Value& value, uint32_t depth) {
    if (depth > kMaxDepth)
      return too_large("privacy.too_deep", "the input is deeper than " + std::to_string(kMaxDepth));
    switch (value.kind()) {
      case ValueKind::kString: return measure_text(value.as_string());
      case ValueKind::kBytes: return measure_text(value.as_bytes());
      case ValueKind::kList:
        for (const Value& item : value.items()) SY_RETURN_IF_ERROR(measure(item, depth + 1));
        return {};
      case ValueKind::kMap:
        for (const Member& member : value.members()) {
          if (member.key.is(ValueKind::kString)) SY_RETURN_IF_ERROR(measure_text(member.key.as_string()));
          SY_RETURN_IF_ERROR(measure(member.value, depth + 1));
          Arena arena;
          if (const auto json = json_in(value, member, arena)) SY_RETURN_IF_ERROR(measure(*json, depth + 1));
        }
        return {};
      case ValueKind::kOptional:
        return value.optional_value() == nullptr ? Status() : measure(*value.optional_value(), depth + 1);
      default: return {};
    }
  }

  Status measure_text(std::string_view text) {
    bytes_ += text.size();
    if (text.size() > kMaxTextBytes || bytes_ > kMaxInputBytes)
      return too_large("privacy.input_too_large", "a text may have " + std::to_string(kMaxTextBytes) +
                                                      " bytes and all together " +
                                                      std::to_string(kMaxInputBytes));
    tokens_.reserve(text);
    return {};
  }

  /// nullopt: it does not leave.
  std::optional<Value> walk(const Value& value, const Here& here) {
    if (!failure_.ok()) return Value();
    if (here.treatment != nullptr && here.treatment->treatment.action == Action::kDrop) {
      count("field " + here.treatment->label, Action::kDrop);
      return std::nullopt;
    }
    switch (value.kind()) {
      case ValueKind::kList: return list(value, here);
      case ValueKind::kMap: return map(value, here);
      case ValueKind::kOptional: {
        if (value.optional_value() == nullptr) return value;
        const auto inner = walk(*value.optional_value(), here);
        if (!inner) return std::nullopt;
        return Value::optional(new (arena_->allocate<Value>(1)) Value(*inner));
      }
      default: break;
    }
    if (!here.allowed) {
      count(kNotAllowed, Action::kDrop);
      return std::nullopt;
    }
    return scalar(value, here);
  }

  std::optional<Value> list(const Value& value, const Here& here) {
    if (!here.allowed && !here.allow.leads_on()) {
      count(kNotAllowed, Action::kDrop);
      return std::nullopt;
    }
    ListBuilder items(*arena_, value.size());
    for (const Value& item : value.items()) {
      Here at = here;
      at.fields = here.fields.in_item();
      at.allow = here.allow.in_item();
      enter(at);
      items.add(walk(item, at).value_or(Value()));
    }
    return items.build();
  }

  std::optional<Value> map(const Value& value, const Here& here) {
    if (!here.allowed && !here.allow.leads_on()) {
      count(kNotAllowed, Action::kDrop);
      return std::nullopt;
    }
    MapBuilder members(*arena_, value.size());
    std::set<std::string, std::less<>> names;
    for (const Member& member : value.members()) {
      const bool named = member.key.is(ValueKind::kString);
      const std::string_view name = named ? member.key.as_string() : std::string_view();
      Here at{here.fields.in_field(name),
              here.allow.in_field(name),
              here.allowed,
              here.treatment,
              name,
              here.name};
      at.part = part_of(here, at);
      const auto json = json_in(value, member, *arena_);
      if (json) at.part = Here::Part::kData;
      if (const auto field = policy_.names.find(plain_name(name));
          named && !is_of_the_interface(at) && field != policy_.names.end())
        at.treatment = &field->second;
      enter(at);
      const auto reduced = json ? json_text(*json, member.value, at) : walk(member.value, at);
      if (!reduced) continue;
      const bool keeps = at.treatment != nullptr && at.treatment->treatment.action == Action::kKeep;
      members.add(named && !keeps ? key_of(name, names) : copy_value(member.key, *arena_), *reduced);
    }
    return members.build();
  }

  static Here::Part part_of(const Here& here, const Here& at) {
    using Part = Here::Part;
    if (here.part != Part::kChat) return here.part;
    const bool at_root = here.name.empty();
    if (at_root && at.name != "messages" && at.name != "tools" && at.name != "tool_choice" &&
        at.name != "response_format")
      return Part::kData;
    const bool is_schema = (at.name == "parameters" && at.above == "function") ||
                           (at.name == "schema" && at.above == "json_schema");
    return is_schema ? Part::kSchema : Part::kChat;
  }

  /// Whether the field's name says nothing of what it holds.
  static bool is_of_the_interface(const Here& at) {
    if (at.part != Here::Part::kChat) return at.part == Here::Part::kSchema;
    return (at.name == "name" && at.above == "function") || (at.name == "id" && at.above == "tool_calls") ||
           ((at.name == "role" || at.name == "tool_call_id") && at.above == "messages");
  }

  /// The text of a value that was looked through as such; `text` as it is where nothing changed.
  std::optional<Value> json_text(const Value& json, const Value& text, const Here& here) {
    const auto reduced = walk(json, here);
    if (!reduced) return std::nullopt;
    if (identical(*reduced, json)) return copy_value(text, *arena_);
    return Value::string(arena_->copy(to_json(*reduced)));
  }

  void enter(Here& at) {
    if (const int place = at.fields.named(); place >= 0 && at.part != Here::Part::kSchema)
      at.treatment = &policy_.places[static_cast<size_t>(place)].second;
    at.allowed = at.allowed || at.allow.named() >= 0;
  }

  /// A name of a field may be personal, too. Two that become the same are told apart.
  Value key_of(std::string_view name, std::set<std::string, std::less<>>& names) {
    std::string reduced = text(name, {});
    if (reduced != name || !names.empty()) {
      std::string distinct = reduced;
      for (int n = 2; names.contains(distinct); ++n) distinct = reduced + "#" + std::to_string(n);
      reduced = std::move(distinct);
    }
    names.insert(reduced);
    return Value::string(arena_->copy(reduced));
  }

  Value scalar(const Value& value, const Here& here) {
    if (here.treatment != nullptr) return field_value(value, *here.treatment);
    if (value.is(ValueKind::kString)) return Value::string(arena_->copy(text(value.as_string(), here.name)));
    if (value.is(ValueKind::kBytes)) return Value::bytes(arena_->copy(text(value.as_bytes(), here.name)));
    if (!value.is_number()) return copy_value(value, *arena_);
    const std::string number = number_text(value);
    if (number.empty()) return value;
    const auto findings = Detector::standard().find(number, here.name, Kinds().set());
    if (findings.size() != 1 || findings[0].begin != 0 || findings[0].end != number.size()) return value;
    const std::string replaced = replacement(findings[0].kind, number, true);
    return replaced == number ? value : Value::string(arena_->copy(replaced));
  }

  Value field_value(const Value& value, const Policy::Field& field) {
    const std::string what = "field " + field.label;
    const bool is_text = value.is(ValueKind::kString) || value.is(ValueKind::kBytes);
    if (value.is_null() || field.treatment.action == Action::kKeep) {
      if (!value.is_null()) count(what, Action::kKeep);
      return copy_value(value, *arena_);
    }
    const std::string text = value.is(ValueKind::kString)  ? std::string(value.as_string())
                             : value.is(ValueKind::kBytes) ? std::string(value.as_bytes())
                                                           : to_json(value);
    count(what, field.treatment.action);
    const size_t dot = field.label.find_last_of(".]");
    const std::string word = dot == std::string::npos ? field.label : field.label.substr(dot + 1);
    const std::string replaced = treat(field.treatment, word.empty() ? "field" : word, text, !is_text);
    return value.is(ValueKind::kBytes) ? Value::bytes(arena_->copy(replaced))
                                       : Value::string(arena_->copy(replaced));
  }

  std::string text(std::string_view text, std::string_view field) {
    const auto findings = Detector::standard().find(text, field, Kinds().set());
    if (findings.empty()) return std::string(text);
    std::string reduced;
    size_t at = 0;
    for (const Finding& finding : findings) {
      reduced += text.substr(at, finding.begin - at);
      reduced += replacement(finding.kind, text.substr(finding.begin, finding.end - finding.begin), false);
      at = finding.end;
    }
    return reduced.append(text.substr(at));
  }

  std::string replacement(Kind kind, std::string_view text, bool is_json) {
    const Treatment& treatment = policy_.detect[static_cast<size_t>(kind)];
    count(kind_name(kind), treatment.action);
    if (++findings_ > kMaxFindings && failure_.ok())
      failure_ =
          too_large("privacy.too_many_findings",
                    "there are more than " + std::to_string(kMaxFindings) + " pieces of personal data");
    if (treatment.action == Action::kDrop) return "[" + std::string(kind_name(kind)) + "]";
    return treat(treatment, kind_name(kind), text, is_json);
  }

  std::string treat(const Treatment& treatment, std::string_view label, std::string_view text, bool is_json) {
    switch (treatment.action) {
      case Action::kKeep: return std::string(text);
      case Action::kMask: return mask(text, treatment);
      case Action::kHash: return "[" + std::string(label) + ":" + hash(label, text) + "]";
      case Action::kToken: {
        std::string token = tokens_.token_of(label, text, is_json);
        if (tokens_.size() > kMaxTokens && failure_.ok())
          failure_ =
              too_large("privacy.too_many_findings",
                        "there are more than " + std::to_string(kMaxTokens) + " different values to replace");
        return token;
      }
      case Action::kDrop: return {};
    }
    return {};
  }

  /// 128 bits of the HMAC: no two values of one deployment meet by chance.
  std::string hash(std::string_view label, std::string_view text) const {
    const std::string message = policy_.name + '\0' + plain_name(label) + '\0' + normal_form(text);
    std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key_->reveal().data(), static_cast<int>(key_->reveal().size()),
         reinterpret_cast<const uint8_t*>(message.data()), message.size(), digest.data(), &size);
    return to_hex(std::span<const uint8_t>(digest).first(16));
  }

  void count(std::string_view what, Action action) { ++report_.counts[{std::string(what), action}]; }

  const Policy& policy_;
  const telemetry::Secret* key_;
  std::vector<const Path*> places_, allowed_;
  Arena* arena_ = nullptr;
  TokenMaker tokens_;
  Report report_;
  Status failure_;
  size_t bytes_ = 0, findings_ = 0;
};

}  // namespace

uint64_t Report::count(std::string_view what, Action action) const {
  const auto it = counts.find({std::string(what), action});
  return it == counts.end() ? 0 : it->second;
}

Document Report::to_document() const {
  auto arena = std::make_shared<Arena>();
  ListBuilder removed(*arena), kept(*arena);
  for (const auto& [key, count] : counts) {
    MapBuilder each(*arena);
    each.add("what", Value::string(arena->copy(key.first)));
    if (key.second != Action::kKeep) each.add("action", Value::string(action_name(key.second)));
    each.add("count", Value::integer(static_cast<int64_t>(count)));
    (key.second == Action::kKeep ? kept : removed).add(each.build());
  }
  MapBuilder all(*arena);
  all.add("policy", Value::string(arena->copy(policy)));
  all.add("removed", removed.build());
  all.add("kept", kept.build());
  const Value root = all.build();
  return {std::move(arena), root};
}

Result<Reduced> apply(const Policy& policy, const Value& input, const telemetry::Secret* key) {
  return Reducer(policy, key).run(input);
}

Result<telemetry::Secret> read_key(std::string_view content) {
  const size_t begin = content.find_first_not_of(" \t\r\n");
  const size_t end = content.find_last_not_of(" \t\r\n");
  const size_t bytes = begin == std::string_view::npos ? 0 : end - begin + 1;
  if (bytes < kMinKeyBytes || bytes > kMaxKeyBytes)
    return make_error(ErrorKind::kInvalidArgument, "privacy.bad_key",
                      "the key for hashes has " + std::to_string(bytes) + " bytes and needs " +
                          std::to_string(kMinKeyBytes) + " to " + std::to_string(kMaxKeyBytes) +
                          "; make one with: openssl rand -hex 32");
  return telemetry::Secret(std::string(content.substr(begin, bytes)));
}

}  // namespace switchyard::privacy
