#include "compare.h"

#include <algorithm>
#include <cmath>

#include "limits.h"
#include "switchyard/types/json.h"

namespace switchyard::rehearsal {
namespace {

bool close(const Value& a, const Value& b, double tolerance) {
  if (a.is_number() && b.is_number())
    return equal(a, b) || std::abs(a.to_double() - b.to_double()) <= tolerance;
  if (a.is(Kind::kList) && b.is(Kind::kList)) {
    if (a.size() != b.size()) return false;
    for (uint32_t i = 0; i < a.size(); ++i)
      if (!close(a.items()[i], b.items()[i], tolerance)) return false;
    return true;
  }
  if (a.is(Kind::kMap) && b.is(Kind::kMap)) {
    if (a.size() != b.size()) return false;
    for (const Member& member : a.members()) {
      const Value* other = b.find(member.key);
      if (other == nullptr || !close(member.value, *other, tolerance)) return false;
    }
    return true;
  }
  return equal(a, b);
}

/// Whether everything `wanted` says is so in `got`: objects may have more fields.
bool has(const Value& wanted, const Value& got, double tolerance) {
  if (!wanted.is(Kind::kMap)) return close(wanted, got, tolerance);
  if (!got.is(Kind::kMap)) return false;
  return std::all_of(wanted.members().begin(), wanted.members().end(), [&](const Member& member) {
    const Value* other = got.find(member.key);
    return other != nullptr && has(member.value, *other, tolerance);
  });
}

/// `value` with its fields in the order of `model`, so that only real differences show.
Value ordered(const Value& value, const Value& model, Arena& arena) {
  if (value.is(Kind::kList) && model.is(Kind::kList)) {
    ListBuilder list(arena);
    for (uint32_t i = 0; i < value.size(); ++i)
      list.add(i < model.size() ? ordered(value.items()[i], model.items()[i], arena) : value.items()[i]);
    return list.build();
  }
  if (!value.is(Kind::kMap) || !model.is(Kind::kMap)) return value;
  MapBuilder map(arena);
  for (const Member& member : model.members())
    if (const Value* own = value.find(member.key)) map.add(member.key, ordered(*own, member.value, arena));
  for (const Member& member : value.members())
    if (model.find(member.key) == nullptr) map.add(member.key, member.value);
  return map.build();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string path_text(const std::vector<PathEntry>& path) {
  std::string text;
  for (const PathEntry& entry : path)
    text += entry.step + (entry.how == "completed" ? "" : " " + entry.how) + "\n";
  return text;
}

std::string error_text(const Error& error) {
  return error.code + (error.field.empty() ? "" : " at " + error.field) + ": " + error.message;
}

std::string differs(const std::string& what, const std::string& expected, const std::string& got) {
  return what + " is " + got + ", expected was " + expected;
}

void compare_error(const Expectation& expected, const Outcome& outcome,
                   std::vector<std::string>& differences) {
  const auto one = [&](const char* what, const std::optional<std::string>& wanted, const std::string& got) {
    if (wanted.has_value() && *wanted != got)
      differences.push_back(differs(what, "'" + *wanted + "'", "'" + got + "'") + "\n  the error: " +
                            (outcome.error.code.empty() ? "none" : error_text(outcome.error)));
  };
  one("the error's code", expected.error_code, outcome.error.code);
  one("the error's field", expected.error_field, outcome.error.field);
  one("the error's message", expected.error_message, outcome.error.message);
}

}  // namespace

std::string line_difference(const std::string& expected, const std::string& got) {
  const auto a = lines_of(expected), b = lines_of(got);
  // The longest common subsequence, from the end.
  std::vector<std::vector<uint32_t>> length(a.size() + 1, std::vector<uint32_t>(b.size() + 1, 0));
  for (size_t i = a.size(); i-- > 0;)
    for (size_t j = b.size(); j-- > 0;)
      length[i][j] = a[i] == b[j] ? length[i + 1][j + 1] + 1 : std::max(length[i + 1][j], length[i][j + 1]);
  std::string text;
  size_t i = 0, j = 0, shown = 0;
  while ((i < a.size() || j < b.size()) && shown++ < kMaxDifferenceLines) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      text += "    " + a[i++] + "\n";
      ++j;
    } else if (j == b.size() || (i < a.size() && length[i + 1][j] >= length[i][j + 1])) {
      text += "  - " + a[i++] + "\n";
    } else {
      text += "  + " + b[j++] + "\n";
    }
  }
  if (i < a.size() || j < b.size()) text += "    ...\n";
  if (!text.empty()) text.pop_back();
  return text;
}

std::vector<std::string> compare(const Expectation& expected, const Outcome& outcome) {
  std::vector<std::string> differences;
  const bool wants_error = expected.error_code.has_value() || expected.error_message.has_value();
  const std::string status = expected.status.value_or(wants_error ? "failed" : "completed");
  if (status != outcome.status) {
    differences.push_back(differs("the status", status, outcome.status.empty() ? "unknown" : outcome.status) +
                          (outcome.error.code.empty() ? "" : "\n  the error: " + error_text(outcome.error)));
  }
  Arena arena;
  if (expected.output.has_value() && !close(**expected.output, *outcome.output, expected.tolerance)) {
    differences.push_back(
        "the output differs (- expected, + got):\n" +
        line_difference(to_pretty_json(**expected.output),
                        to_pretty_json(ordered(*outcome.output, **expected.output, arena))));
  }
  if (expected.output_has.has_value() && !has(**expected.output_has, *outcome.output, expected.tolerance)) {
    differences.push_back(
        "the output lacks what it should have (- expected, + got):\n" +
        line_difference(to_pretty_json(**expected.output_has),
                        to_pretty_json(ordered(*outcome.output, **expected.output_has, arena))));
  }
  compare_error(expected, outcome, differences);
  if (expected.path.has_value() && *expected.path != outcome.path)
    differences.push_back("the path differs (- expected, + got):\n" +
                          line_difference(path_text(*expected.path), path_text(outcome.path)));
  if (expected.calls.has_value()) {
    for (const auto& [step, count] : *expected.calls) {
      const auto found = outcome.calls.find(step);
      const int64_t got = found == outcome.calls.end() ? 0 : found->second;
      if (got != count)
        differences.push_back("step " + step + " asked the outside " + std::to_string(got) +
                              " times, expected were " + std::to_string(count));
    }
  }
  if (expected.took_us.has_value() && *expected.took_us != outcome.took_us)
    differences.push_back(
        differs("the time it took", duration_text(*expected.took_us), duration_text(outcome.took_us)));
  return differences;
}

}  // namespace switchyard::rehearsal
