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

/// `value` with its fields in the order of `model` and its numbers written alike, so that only real
/// differences show.
Value ordered(const Value& value, const Value& model, Arena& arena) {
  if (value.is_number() && model.is_number() && equal(value, model)) return model;
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

void compare_error(const Expectation& expected, const RunOutcome& outcome,
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

namespace {

void compare_run(const Expectation& expected, const RunOutcome& outcome,
                 std::vector<std::string>& differences) {
  const bool wants_error = expected.error_code.has_value() || expected.error_message.has_value();
  const std::string status = expected.status.value_or(wants_error ? "failed" : "completed");
  if (status != outcome.status) {
    differences.push_back(differs("the status", status, outcome.status.empty() ? "unknown" : outcome.status) +
                          (outcome.error.code.empty() ? "" : "\n  the error: " + error_text(outcome.error)));
  }
  if (expected.key.has_value() && *expected.key != outcome.key)
    differences.push_back(differs("the key", "'" + *expected.key + "'", "'" + outcome.key + "'"));
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
  if (expected.took_us.has_value() && *expected.took_us != outcome.took_us)
    differences.push_back(
        differs("the time it took", duration_text(*expected.took_us), duration_text(outcome.took_us)));
}

/// What `got` has of the attributes that `wanted` names.
Value part_of(const Value& got, const Value& wanted, Arena& arena) {
  MapBuilder map(arena);
  for (const Member& member : wanted.members())
    if (const Value* own = got.find(member.key)) map.add(member.key, ordered(*own, member.value, arena));
  return map.build();
}

void compare_emitted(const std::vector<Document>& expected, const Outcome& outcome, double tolerance,
                     std::vector<std::string>& differences) {
  Arena arena;
  std::string wanted, got;
  bool same = expected.size() == outcome.emitted.size();
  for (const Document& event : expected) wanted += to_pretty_json(*event) + "\n";
  for (size_t i = 0; i < outcome.emitted.size(); ++i) {
    const Value& event = *outcome.emitted[i];
    if (i >= expected.size()) {
      got += to_pretty_json(event) + "\n";
      continue;
    }
    const Value part = part_of(event, *expected[i], arena);
    same = same && close(*expected[i], part, tolerance);
    got += to_pretty_json(part) + "\n";
  }
  if (!same)
    differences.push_back("the emitted events differ (- expected, + got):\n" + line_difference(wanted, got));
}

void compare_runs(const Expectation& expected, const Outcome& outcome, bool starts,
                  std::vector<std::string>& differences) {
  if (!expected.runs.has_value()) {
    if (starts || (outcome.runs.size() == 1 && expected.speaks_of_a_run()))
      return compare_run(expected, starts ? outcome : outcome.runs.front(), differences);
    if (expected.speaks_of_a_run())
      differences.push_back(std::to_string(outcome.runs.size()) +
                            " runs of the pipeline began; say what is expected of each: runs: [ ... ]");
    return;
  }
  if (expected.runs->size() != outcome.runs.size())
    differences.push_back(std::to_string(outcome.runs.size()) +
                          " runs of the pipeline began, expected were " +
                          std::to_string(expected.runs->size()));
  for (size_t i = 0; i < std::min(expected.runs->size(), outcome.runs.size()); ++i) {
    std::vector<std::string> own;
    compare_run((*expected.runs)[i], outcome.runs[i], own);
    for (const std::string& difference : own)
      differences.push_back("of run " + std::to_string(i + 1) + ", " + difference);
  }
}

void compare_letters(const std::vector<DeadLetterEntry>& expected, const Outcome& outcome,
                     std::vector<std::string>& differences) {
  std::string wanted, got;
  bool same = expected.size() == outcome.dead_letters.size();
  for (const DeadLetterEntry& letter : expected) wanted += letter.name + " " + letter.code + "\n";
  for (size_t i = 0; i < outcome.dead_letters.size(); ++i) {
    const DeadLetterEntry& letter = outcome.dead_letters[i];
    const bool told = i < expected.size();
    const bool name = !told || expected[i].name.empty() || expected[i].name == letter.name;
    const bool code = !told || expected[i].code.empty() || expected[i].code == letter.code;
    same = same && name && code;
    got += letter.name + " " + letter.code + "\n";
  }
  if (!same)
    differences.push_back("the dead letters differ (- expected, + got):\n" + line_difference(wanted, got));
}

void compare_counts(const char* who, const char* what,
                    const std::vector<std::pair<std::string, int64_t>>& expected,
                    const std::map<std::string, int64_t>& counts, std::vector<std::string>& differences) {
  for (const auto& [name, count] : expected) {
    const auto found = counts.find(name);
    const int64_t got = found == counts.end() ? 0 : found->second;
    if (got != count)
      differences.push_back(who + name + " " + what + " " + std::to_string(got) + " times, expected were " +
                            std::to_string(count));
  }
}

}  // namespace

std::vector<std::string> compare(const Expectation& expected, const Outcome& outcome, bool starts) {
  std::vector<std::string> differences;
  compare_runs(expected, outcome, starts, differences);
  if (expected.calls.has_value())
    compare_counts("step ", "asked the outside", *expected.calls, outcome.calls, differences);
  if (expected.emitted.has_value())
    compare_emitted(*expected.emitted, outcome, expected.tolerance, differences);
  if (expected.keeps.has_value()) {
    Arena arena;
    for (const auto& [key, wanted] : *expected.keeps) {
      const auto found = outcome.keeps.find(key);
      const Value got = found == outcome.keeps.end() ? Value() : *found->second;
      if (!close(*wanted, got, expected.tolerance))
        differences.push_back(
            "what is kept under '" + key + "' differs (- expected, + got):\n" +
            line_difference(to_pretty_json(*wanted), to_pretty_json(ordered(got, *wanted, arena))));
    }
  }
  if (expected.dead_letters.has_value()) compare_letters(*expected.dead_letters, outcome, differences);
  if (expected.webhooks.has_value())
    compare_counts("webhook ", "was told", *expected.webhooks, outcome.webhooks, differences);
  return differences;
}

}  // namespace switchyard::rehearsal
