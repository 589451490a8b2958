// The messages of a prompt: their order, conditions, loops and examples.
#include <utility>

#include "compiler.h"
#include "limits.h"
#include "render.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts {

using document::Node;
using expression::Type;

void Compiler::read_messages(const Place& place) {
  prompt_->entries_ = read_entries(place, true);
  if (place.node->is(Node::Kind::kSequence) && place.node->items.empty()) {
    reports_.error(place, "no_messages", "`messages` is empty",
                   "say what the model is told: [{ role: user, content: \"...\" }]");
  }
}

std::vector<Entry> Compiler::read_entries(const Place& list, bool outermost) {
  std::vector<Entry> entries;
  if (!list.node->is(Node::Kind::kSequence)) {
    reports_.error(list, "not_a_list", "`messages` must be a list, and this is " + list.node->describe(),
                   "write [{ role: user, content: \"...\" }]");
    return entries;
  }
  for (size_t i = 0; i < list.node->items.size(); ++i) {
    if (++entry_count_ > kMaxEntries) {
      reports_.error(list.item(i), "too_many",
                     "the prompt has more than " + std::to_string(kMaxEntries) + " messages and examples",
                     "repeat messages with `for`");
      return entries;
    }
    auto entry = read_entry(list.item(i), outermost);
    if (entry.has_value()) entries.push_back(std::move(*entry));
  }
  return entries;
}

std::optional<Entry> Compiler::read_entry(const Place& place, bool outermost) {
  Fields fields(reports_, place, "a message");
  if (!fields.is_mapping()) return std::nullopt;
  if (depth_ >= kMaxNesting) {
    reports_.error(place, "too_deep", "messages stand more than " + std::to_string(kMaxNesting) + " deep",
                   "make it simpler");
    return std::nullopt;
  }
  Entry entry;
  entry.path = place.path;
  const expression::Facts before = scope_->given();
  if (const auto at = fields.find("when")) {
    if (at->node->is(Node::Kind::kString)) {
      Mistakes mistakes;
      const std::string& text = at->node->text;
      entry.when = scope_->compile(text, 0, text.size(), Type::boolean(), mistakes);
      reports_.add({text, *at, ""}, std::move(mistakes));
    } else {
      reports_.error(*at, "not_text", "`when` must be a condition, and this is " + at->node->describe(),
                     "write a condition, such as has(input.name)");
    }
    if (entry.when.has_value()) {
      expression::Facts within = before;
      within.add(entry.when->proves(true));
      scope_->swap_given(std::move(within));
    }
  }
  const auto loop = fields.find("for");
  const bool opened = loop.has_value() && open_loop(*loop, entry);
  ++depth_;
  read_body(fields, place, outermost && !loop.has_value(), entry);
  --depth_;
  if (opened) scope_->close_loop();
  scope_->swap_given(before);
  fields.finish();
  return entry;
}

void Compiler::read_body(Fields& fields, const Place& place, bool outermost, Entry& entry) {
  const auto group = fields.find("messages");
  const auto examples = fields.find("examples");
  const auto history = fields.find("history");
  if (group.has_value()) {
    entry.kind = Entry::Kind::kGroup;
    entry.entries = read_entries(*group, false);
  } else if (examples.has_value()) {
    entry.kind = Entry::Kind::kExamples;
    if (outermost) return read_examples(*examples, entry);
    reports_.error(place, "misplaced_examples", "examples stand within a loop or a group",
                   "put them into the outermost list, or write their messages with `for`");
  } else if (history.has_value()) {
    read_history(*history, entry);
  } else {
    read_message(fields, entry);
  }
}

void Compiler::read_history(const Place& place, Entry& entry) {
  entry.kind = Entry::Kind::kHistory;
  if (!place.node->is(Node::Kind::kString)) {
    reports_.error(place, "not_text",
                   "`history` must be an expression, and this is " + place.node->describe(),
                   "write where the messages of before come from: history: input.history");
    return;
  }
  const std::string& text = place.node->text;
  Mistakes mistakes;
  entry.history = scope_->compile(text, 0, text.size(), Type::list(Type::dyn()), mistakes);
  reports_.add({text, place, ""}, std::move(mistakes));
}

bool Compiler::open_loop(const Place& place, Entry& entry) {
  if (!place.node->is(Node::Kind::kString)) {
    reports_.error(place, "bad_for", "`for` must be text, and this is " + place.node->describe(),
                   "write NAME in LIST, as in: turn in input.turns");
    return false;
  }
  const std::string& text = place.node->text;
  Mistakes mistakes;
  const auto head = parse_for(text, 0, text.size(), mistakes);
  std::optional<uint32_t> slot;
  if (head.has_value()) {
    entry.range = scope_->compile(text, head->begin, head->end, Type::list(Type::dyn()), mistakes);
    slot = scope_->open_loop(head->name, entry.range.has_value() ? entry.range->result_type() : Type::error(),
                             head->name_at, mistakes);
    entry.slot = slot.value_or(0);
  }
  reports_.add({text, place, ""}, std::move(mistakes));
  return slot.has_value();
}

void Compiler::read_message(Fields& fields, Entry& entry) {
  if (const auto at = fields.require("role", "add role: system, user or assistant")) {
    if (const auto text = read_text(reports_, *at, "a role"); text.has_value()) {
      entry.role = compile_text({at->node->text, *at, ""});
      const auto role = constant_text(entry.role);
      if (role.has_value() && !is_role(*role)) {
        reports_.error(*at, "bad_role", "'" + *role + "' is no role of a message",
                       "use one of: system, developer, user, assistant");
      }
    }
  }
  if (const auto at = fields.require("content", "add content: \"...\"")) {
    if (at->node->is(Node::Kind::kSequence))
      read_parts(*at, entry);
    else if (const auto text = read_content(*at))
      entry.content = compile_text(*text);
  }
}

void Compiler::read_parts(const Place& place, Entry& entry) {
  if (place.node->items.empty() || place.node->items.size() > kMaxParts) {
    reports_.error(
        place, "bad_parts", "the content has " + std::to_string(place.node->items.size()) + " parts",
        "write 1 to " + std::to_string(kMaxParts) + " parts: [\"...\", { image: \"{{ input.url }}\" }]");
    return;
  }
  for (size_t i = 0; i < place.node->items.size(); ++i)
    if (auto part = read_part(place.item(i))) entry.parts.push_back(std::move(*part));
}

std::optional<Part> Compiler::read_part(const Place& place) {
  Part part;
  const bool is_image = place.node->is(Node::Kind::kMapping) && place.node->find("image") != nullptr;
  if (!is_image) {
    const auto text = read_content(place);
    if (!text.has_value()) return std::nullopt;
    part.pieces = compile_text(*text);
    return part;
  }
  part.is_image = true;
  Fields fields(reports_, place, "an image");
  if (const auto at = fields.find("image"); read_text(reports_, *at, "where an image is").has_value())
    part.pieces = compile_text({at->node->text, *at, ""});
  if (const auto at = fields.find("detail")) {
    const std::vector<std::string> words{"auto", "low", "high"};
    if (const auto word = read_word(reports_, *at, "`detail`", words)) part.detail = words[*word];
  }
  fields.finish();
  return part;
}

std::optional<Text> Compiler::read_content(const Place& place) {
  if (!place.node->is(Node::Kind::kMapping)) {
    if (!read_text(reports_, place, "the content of a message").has_value()) return std::nullopt;
    return Text{place.node->text, place, ""};
  }
  Fields fields(reports_, place, "the content of a message");
  const auto at = fields.require("file", "write the text itself, or { file: ./name.md }");
  fields.finish();
  if (!at.has_value() || !read_text(reports_, *at, "`file`").has_value()) return std::nullopt;
  const std::string* text = file(*at);
  if (text == nullptr) return std::nullopt;
  return Text{*text, *at, at->node->text};
}

Pieces Compiler::compile_text(const Text& text) {
  // Nobody would read of further mistakes.
  if (reporter_.errors() > kMaxMistakes) return {};
  Mistakes mistakes;
  Pieces pieces = compile_template(text.text, *scope_, mistakes);
  reports_.add(text, std::move(mistakes));
  return pieces;
}

void Compiler::read_examples(const Place& place, Entry& entry) {
  if (!place.node->is(Node::Kind::kSequence) || place.node->items.empty()) {
    reports_.error(place, "not_a_list",
                   "`examples` must be a list of examples, and this is " +
                       (place.node->is(Node::Kind::kSequence) ? "empty" : place.node->describe()),
                   "write [{ input: { ... }, output: ... }]");
    return;
  }
  for (size_t i = 0; i < place.node->items.size(); ++i) {
    if (++entry_count_ > kMaxEntries) {
      reports_.error(place.item(i), "too_many",
                     "the prompt has more than " + std::to_string(kMaxEntries) + " messages and examples",
                     "show fewer examples, or take them from the input with `for`");
      return;
    }
    read_example(place.item(i), entry);
  }
}

void Compiler::read_example(const Place& place, Entry& entry) {
  Fields fields(reports_, place, "an example");
  const auto input = fields.require("input", "add the variables: input: { ... }");
  const auto output = fields.require("output", "add the answer: output: ...");
  fields.finish();
  if (!input.has_value() || !output.has_value() || prompt_->input_ == nullptr) return;
  Example example;
  example.place = place;
  const auto check = [&](const Place& at, const schema::Schema& schema, const std::string& whose, Value& to) {
    Arena arena;
    auto normal = schema.normalize(document::to_value(*at.node, arena), prompt_->constants_);
    if (normal.ok()) {
      to = copy_value(*normal, prompt_->constants_);
      return true;
    }
    reports_.error_at(document::position_of_pointer(*at.node, normal.error().field), at.path, "bad_example",
                      "the example does not fit " + whose + ": " + normal.error().message,
                      "correct the example, or the schema");
    return false;
  };
  bool fits = check(*input, *prompt_->input_, "`input`", example.input);
  if (prompt_->output_ != nullptr) {
    Value answer;
    fits &= check(*output, *prompt_->output_, "`output`", answer);
    example.answer = to_json(answer);
  } else if (const auto text = read_text(reports_, *output, "the answer of an example")) {
    example.answer = *text;
  }
  if (fits) examples_[entry.path].push_back(std::move(example));
}

/// An example asks as the message does that comes after it: in its words, with its own values.
void Compiler::render_examples(std::vector<Entry>& entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].kind != Entry::Kind::kExamples) continue;
    const Entry* question = nullptr;
    for (size_t k = i + 1; k < entries.size() && question == nullptr; ++k) {
      const bool fits = entries[k].kind == Entry::Kind::kMessage && !entries[k].range.has_value();
      if (fits && constant_text(entries[k].role) == "user") question = &entries[k];
    }
    const auto& examples = examples_[entries[i].path];
    if (question != nullptr && !question->parts.empty()) {
      reports_.error(examples.front().place, "no_question",
                     question->path + " is made of parts, and the examples have none",
                     "write its content as one text, or the examples as messages with `for`");
      return;
    }
    if (question == nullptr) {
      reports_.error(
          examples.front().place, "no_question", "no message of the user comes after the examples",
          "put the examples before the message that they are examples of: { role: user, content }");
      return;
    }
    for (const Example& example : examples) {
      std::string text;
      Renderer renderer(example.input, prompt_->output_ == nullptr ? Value() : prompt_->output_->document());
      if (Status done = renderer.render(question->content, text); !done.ok()) {
        reports_.error(example.place, "bad_example",
                       question->path + " cannot be rendered with the example: " + done.error().message,
                       "correct the example, or the message");
        continue;
      }
      entries[i].examples.emplace_back(std::move(text), example.answer);
    }
  }
}

}  // namespace switchyard::prompts
