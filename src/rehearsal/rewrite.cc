#include "rewrite.h"

#include <algorithm>

#include "switchyard/document/document.h"
#include "switchyard/types/json.h"

namespace switchyard::rehearsal {
namespace {

constexpr size_t kWidth = 110;

/// Whether YAML reads the text back as this very text without quotes.
bool is_plain(std::string_view text) {
  if (text.empty() || text.size() > 60) return false;
  const bool words = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.' || c == '/' || c == ' ' || c == '@' ||
           c == '[' || c == ']';
  });
  if (!words || !std::isalpha(static_cast<unsigned char>(text.front())) || text.back() == ' ') return false;
  if (text.find_first_of("[]") != std::string_view::npos) return false;
  const auto parsed = document::parse(text);
  return parsed.root != nullptr && parsed.root->is(document::Node::Kind::kString) &&
         parsed.root->text == text;
}

void append_text(std::string_view text, std::string& out) {
  if (is_plain(text))
    out += text;
  else
    append_json_string(text, out);
}

/// One line, in YAML's flow style.
void append_flow(const Value& value, std::string& out) {
  if (value.is(Kind::kMap)) {
    out += value.size() == 0 ? "{" : "{ ";
    bool first = true;
    for (const Member& member : value.members()) {
      if (!std::exchange(first, false)) out += ", ";
      append_text(member.key.as_string(), out);
      out += ": ";
      append_flow(member.value, out);
    }
    out += value.size() == 0 ? "}" : " }";
  } else if (value.is(Kind::kList)) {
    out += '[';
    bool first = true;
    for (const Value& item : value.items()) {
      if (!std::exchange(first, false)) out += ", ";
      append_flow(item, out);
    }
    out += ']';
  } else if (value.is(Kind::kString)) {
    append_text(value.as_string(), out);
  } else {
    append_json(value, out);
  }
}

/// `key: value` at `indent`, in block style where one line is too short.
void append_entry(std::string_view key, const Value& value, size_t indent, std::string& out) {
  std::string line(indent, ' ');
  append_text(key, line);
  line += ": ";
  std::string flow;
  append_flow(value, flow);
  if (line.size() + flow.size() <= kWidth || !value.is(Kind::kMap) || value.size() == 0) {
    out += line + flow + "\n";
    return;
  }
  line.pop_back();
  out += line + "\n";
  for (const Member& member : value.members())
    append_entry(member.key.as_string(), member.value, indent + 2, out);
}

void append_path(const std::vector<PathEntry>& path, size_t indent, std::string& out) {
  std::vector<std::string> items;
  size_t width = indent + 8;
  for (const PathEntry& entry : path) {
    std::string item;
    if (entry.how == "completed") {
      append_text(entry.step, item);
    } else {
      item = "{ ";
      append_text(entry.step, item);
      item += ": " + entry.how + " }";
    }
    width += item.size() + 2;
    items.push_back(std::move(item));
  }
  const std::string blank(indent, ' ');
  if (width <= kWidth) {
    out += blank + "path: [";
    for (size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "" : ", ") + items[i];
    out += "]\n";
    return;
  }
  out += blank + "path:\n";
  for (const std::string& item : items) out += blank + "  - " + item + "\n";
}

Value error_of(const RunOutcome& outcome, Arena& arena) {
  MapBuilder error(arena);
  error.add("code", Value::string(outcome.error.code));
  if (!outcome.error.field.empty()) error.add("field", Value::string(outcome.error.field));
  error.add("message", Value::string(outcome.error.message));
  return error.build();
}

/// `name:` and its items, each on a line of its own.
void append_list(std::string_view name, const std::vector<Value>& items, size_t indent, std::string& out) {
  const std::string blank(indent, ' ');
  out += blank + std::string(name) + (items.empty() ? ": []\n" : ":\n");
  for (const Value& item : items) {
    out += blank + "  - ";
    append_flow(item, out);
    out += '\n';
  }
}

/// Of a case whose runs events or the clock start.
void append_runs(const Outcome& outcome, size_t indent, std::string& out) {
  Arena arena;
  std::vector<Value> runs;
  for (const RunOutcome& run : outcome.runs) {
    MapBuilder entry(arena);
    if (!run.key.empty()) entry.add("key", Value::string(run.key));
    if (run.status == "completed")
      entry.add("output", *run.output);
    else if (run.status == "failed")
      entry.add("error", error_of(run, arena));
    else
      entry.add("status", Value::string(run.status));
    runs.push_back(entry.build());
  }
  append_list("runs", runs, indent, out);
}

void append_events(const Case& test, const Outcome& outcome, size_t indent, std::string& out) {
  const bool asked = test.expect.has_value() && test.expect->emitted.has_value();
  if (!asked && (test.expect.has_value() || outcome.emitted.empty())) return;
  Arena arena;
  std::vector<Value> events;
  for (const Document& event : outcome.emitted) {
    MapBuilder entry(arena);
    for (const char* name : {"type", "subject", "data"})
      if (const Value* value = event->find(name)) entry.add(name, *value);
    events.push_back(entry.build());
  }
  append_list("emitted", events, indent, out);
}

/// What the case spoke of and is no run's.
void append_rest(const Case& test, const Outcome& outcome, size_t indent, std::string& out) {
  if (!test.expect.has_value()) return;
  Arena arena;
  if (test.expect->keeps.has_value()) {
    MapBuilder keeps(arena);
    for (const auto& [key, before] : *test.expect->keeps) keeps.add(key, *outcome.keeps.at(key));
    append_entry("keeps", keeps.build(), indent, out);
  }
  if (test.expect->dead_letters.has_value()) {
    std::vector<Value> letters;
    for (const DeadLetterEntry& letter : outcome.dead_letters) {
      MapBuilder entry(arena);
      entry.add("name", Value::string(letter.name));
      entry.add("code", Value::string(letter.code));
      letters.push_back(entry.build());
    }
    append_list("dead_letters", letters, indent, out);
  }
  if (test.expect->webhooks.has_value()) {
    MapBuilder webhooks(arena);
    for (const auto& [name, before] : *test.expect->webhooks) {
      const auto found = outcome.webhooks.find(name);
      webhooks.add(name, Value::integer(found == outcome.webhooks.end() ? 0 : found->second));
    }
    append_entry("webhooks", webhooks.build(), indent, out);
  }
}

void append_run(const RunOutcome& outcome, size_t indent, std::string& out) {
  Arena arena;
  if (outcome.status == "completed")
    append_entry("output", *outcome.output, indent, out);
  else if (outcome.status == "failed")
    append_entry("error", error_of(outcome, arena), indent, out);
  else
    append_entry("status", Value::string(outcome.status), indent, out);
  append_path(outcome.path, indent, out);
}

std::string expectation_text(const Case& test, const Outcome& outcome, size_t indent) {
  std::string out = std::string(indent, ' ') + "expect:\n";
  const size_t inner = indent + 2;
  Arena arena;
  if (test.starts)
    append_run(outcome, inner, out);
  else
    append_runs(outcome, inner, out);
  append_events(test, outcome, inner, out);
  append_rest(test, outcome, inner, out);
  if (test.expect.has_value() && test.expect->calls.has_value()) {
    MapBuilder calls(arena);
    for (const auto& [step, before] : *test.expect->calls) {
      const auto found = outcome.calls.find(step);
      calls.add(step, Value::integer(found == outcome.calls.end() ? 0 : found->second));
    }
    append_entry("calls", calls.build(), inner, out);
  }
  if (test.expect.has_value() && test.expect->took_us.has_value())
    append_entry("took", Value::string(arena.copy(duration_text(outcome.took_us))), inner, out);
  if (test.expect.has_value() && test.expect->tolerance != 0)
    append_entry("tolerance", Value::real(test.expect->tolerance), inner, out);
  return out;
}

size_t indent_of(const std::string& line) {
  const size_t at = line.find_first_not_of(' ');
  return at == std::string::npos ? std::string::npos : at;
}

/// The line after the block that begins at `first` and whose lines are indented deeper than `indent`; blank
/// lines at its end stay outside.
size_t block_end(const std::vector<std::string>& lines, size_t first, size_t indent) {
  size_t end = first + 1;
  for (size_t i = first + 1; i < lines.size(); ++i) {
    const size_t own = indent_of(lines[i]);
    if (own == std::string::npos) continue;
    if (own <= indent) break;
    end = i + 1;
  }
  return end;
}

}  // namespace

std::string rewrite(const std::string& text, std::vector<std::pair<const Case*, const Outcome*>> cases,
                    std::vector<const Case*>& refused) {
  std::vector<std::string> lines;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  // From the end, so that the lines before keep their places.
  std::sort(cases.begin(), cases.end(),
            [](const auto& a, const auto& b) { return a.first->position.line > b.first->position.line; });
  for (const auto& [test, outcome] : cases) {
    const size_t head = test->position.line - 1;
    const size_t outer = test->position.column - 1;
    size_t from = block_end(lines, head, outer), until = from, indent = outer + 2;
    if (from > head + 1) indent = indent_of(lines[head + 1]) > outer ? indent_of(lines[head + 1]) : indent;
    bool can = test->block;
    if (test->expect_key.line != 0) {
      from = test->expect_key.line - 1;
      indent = test->expect_key.column - 1;
      can = can && indent_of(lines[from]) == indent;
      until = block_end(lines, from, indent);
    }
    if (!can) {
      refused.push_back(test);
      continue;
    }
    std::string block = expectation_text(*test, *outcome, indent);
    block.pop_back();
    lines.erase(lines.begin() + static_cast<ptrdiff_t>(from), lines.begin() + static_cast<ptrdiff_t>(until));
    lines.insert(lines.begin() + static_cast<ptrdiff_t>(from), block);
  }
  std::string result;
  for (const std::string& line : lines) result += line + "\n";
  return result;
}

}  // namespace switchyard::rehearsal
