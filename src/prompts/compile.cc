// The head of a prompt: name, schemas and parameters.
#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "compiler.h"
#include "limits.h"
#include "switchyard/schema/in_document.h"
#include "switchyard/types/json.h"

namespace switchyard::prompts {

using document::Node;
using expression::Type;
using expression::TypeKind;

namespace {

bool leaves_folder(std::string_view path) {
  return path.empty() || path.front() == '/' || path == ".." || path.starts_with("../") ||
         path.find("/../") != std::string_view::npos || path.ends_with("/..") ||
         path.find('\\') != std::string_view::npos;
}

/// Numbers that the chat interface knows.
struct NumberParameter {
  std::string_view name;
  bool whole;
  double least, most;
};
constexpr NumberParameter kNumbers[] = {
    {"temperature", false, 0, 2},        {"top_p", false, 0, 1},
    {"presence_penalty", false, -2, 2},  {"frequency_penalty", false, -2, 2},
    {"max_tokens", true, 1, 10'000'000}, {"top_k", true, 1, 1'000'000},
};
/// What the prompt itself says elsewhere, or who calls the model does.
constexpr std::string_view kOurs[] = {"messages",
                                      "model",
                                      "stream",
                                      "stream_options",
                                      "n",
                                      "seed",
                                      "temperature",
                                      "top_p",
                                      "stop",
                                      "response_format",
                                      "top_k",
                                      "max_tokens",
                                      "tools",
                                      "tool_choice",
                                      "parallel_tool_calls",
                                      "presence_penalty",
                                      "frequency_penalty"};

}  // namespace

Compiler::Compiler(const CompileRequest& request)
    : request_(request),
      reporter_(request.file_name, kMaxMistakes),
      reports_(reporter_, request.source),
      prompt_(std::make_shared<CompiledPrompt>()) {}

CompileOutcome Compiler::run() {
  Fields fields(reports_, {request_.document, ""}, "a prompt");
  if (!fields.is_mapping()) return {nullptr, reporter_.take()};
  if (const auto place = fields.require("prompt", "name it: prompt: support-triage@1.0.0")) read_name(*place);
  read_description(fields);
  read_input(fields);
  read_output(fields);
  read_tools(fields);
  read_repair(fields);
  scope_.emplace(prompt_->input_ != nullptr ? request_.types.readable(*prompt_->input_) : Type::error(),
                 prompt_->output_ != nullptr);
  if (const auto place = fields.require(
          "messages", "say what the model is told: messages: [{ role: user, content: \"...\" }]"))
    read_messages(*place);
  if (const auto place = fields.find("parameters")) read_parameters(*place);
  if (const auto place = fields.find("keep")) {
    const auto word = read_word(reports_, *place, "`keep`", {"hash", "rendered"});
    prompt_->keeps_text_ = word == size_t{1};
  }
  fields.finish();
  if (reporter_.errors() == 0) render_examples(prompt_->entries_);
  if (reporter_.errors() > 0) return {nullptr, reporter_.take()};
  hash();
  return {prompt_, reporter_.take()};
}

void Compiler::read_name(const Place& place) {
  std::tie(prompt_->name_, prompt_->version_) =
      read_versioned_name(reports_, place, "a prompt's name", "prompt", "support/triage@1.0.0");
}

void Compiler::read_description(Fields& fields) {
  const auto place = fields.find("description");
  if (!place.has_value()) return;
  const auto text = read_text(reports_, *place, "a description");
  if (text.has_value() && text->size() > kMaxDescriptionBytes) {
    reports_.error(*place, "too_long",
                   "the description is longer than " + std::to_string(kMaxDescriptionBytes) + " bytes",
                   "shorten it");
  }
}

const std::string* Compiler::file(const Place& place) {
  const std::string& path = place.node->text;
  if (const auto found = files_.find(path); found != files_.end()) return &found->second;
  if (leaves_folder(path)) {
    reports_.error(place, "bad_file", "'" + path + "' is no file beside the prompt",
                   "write a path below the prompt's folder: ./name.md");
    return nullptr;
  }
  auto text = request_.files(path);
  if (!text.ok()) {
    reports_.error(place, "no_file", "the file '" + path + "' cannot be read: " + text.error().message,
                   "put it beside the prompt, or correct the name");
    return nullptr;
  }
  return &files_.emplace(path, std::move(*text)).first->second;
}

schema::SchemaPtr Compiler::read_schema(const Place& place, const std::string& whose) {
  const Node* root = place.node;
  std::unique_ptr<Node> parsed_root;
  std::string name;
  if (place.node->is(Node::Kind::kString)) {
    const std::string* text = file(place);
    if (text == nullptr) return nullptr;
    name = place.node->text;
    auto parsed = document::parse(*text, name);
    for (auto& diagnostic : parsed.diagnostics) reporter_.add(std::move(diagnostic));
    parsed_root = std::move(parsed.root);
    if (parsed_root == nullptr) return nullptr;
    root = parsed_root.get();
  } else if (!place.node->is(Node::Kind::kMapping)) {
    reports_.error(place, "bad_schema",
                   whose + " must be a file or a JSON Schema, and this is " + place.node->describe(),
                   "write ./name.schema.json, or the schema itself");
    return nullptr;
  }
  Arena arena;
  const Value value = document::to_value(*root, arena);
  if (!name.empty()) hashed_[name] = to_canonical_json(value);
  auto compiled = schema::compile_in_document(*root, value, name);
  for (auto& diagnostic : compiled.diagnostics) reporter_.add(std::move(diagnostic));
  return compiled.schema;
}

void Compiler::read_input(Fields& fields) {
  const auto place = fields.find("input");
  if (!place.has_value()) {
    Arena arena;
    MapBuilder nothing(arena);
    nothing.add("type", Value::string("object"));
    nothing.add("additionalProperties", Value::boolean(false));
    prompt_->input_ = schema::Schema::compile(nothing.build()).schema;
  } else {
    prompt_->input_ = read_schema(*place, "`input`");
  }
  if (prompt_->input_ == nullptr) return;
  prompt_->input_type_ = request_.types.accepted(*prompt_->input_);
  if (prompt_->input_type_.is(TypeKind::kObject)) return;
  reports_.error(*place, "input_not_an_object",
                 "the variables are " + prompt_->input_type_.to_string() + ", and they must have names",
                 "write a schema of type object, with its properties");
}

void Compiler::read_output(Fields& fields) {
  if (const auto place = fields.find("output")) {
    prompt_->output_ = read_schema(*place, "`output`");
    if (prompt_->output_ != nullptr) prompt_->output_type_ = request_.types.type_of(*prompt_->output_);
  }
  if (const auto place = fields.find("format")) {
    if (!fields.find("output").has_value()) {
      reports_.error(*place, "needs_output", "`format` means nothing without `output`",
                     "add the schema of the answer: output: { ... }, or remove it");
    }
    const auto word = read_word(reports_, *place, "`format`", {"schema", "json", "text"});
    if (word.has_value()) prompt_->format_ = static_cast<AnswerFormat>(*word);
  }
}

void Compiler::read_repair(Fields& fields) {
  const bool checks = fields.find("output").has_value() || fields.find("tools").has_value();
  if (checks) prompt_->repairs_ = 1;
  const auto place = fields.find("repair");
  if (!place.has_value()) return;
  if (!checks) {
    reports_.error(*place, "needs_output", "`repair` means nothing without `output` or `tools`",
                   "add the schema of the answer: output: { ... }, or remove it");
  }
  Fields repair(reports_, *place, "`repair`");
  if (const auto at = repair.require("attempts", "add attempts: 1")) {
    const auto attempts = read_integer(reports_, *at, "`attempts`", 0, kMaxRepairs);
    if (attempts.has_value()) prompt_->repairs_ = static_cast<uint32_t>(*attempts);
  }
  repair.finish();
}

void Compiler::add_parameter(std::string name, Value value) {
  prompt_->parameters_.emplace_back(std::move(name), copy_value(value, prompt_->constants_));
}

void Compiler::read_parameters(const Place& place) {
  Fields fields(reports_, place, "`parameters`");
  for (const auto& [name, whole, least, most] : kNumbers) {
    const auto at = fields.find(name);
    if (!at.has_value()) continue;
    const std::string what = "`" + std::string(name) + "`";
    if (whole) {
      const auto number =
          read_integer(reports_, *at, what, static_cast<int64_t>(least), static_cast<int64_t>(most));
      if (number.has_value()) add_parameter(std::string(name), Value::integer(*number));
    } else {
      const auto number = read_number(reports_, *at, what, least, most);
      if (number.has_value()) add_parameter(std::string(name), Value::real(*number));
    }
  }
  if (const auto at = fields.find("seed")) {
    if (at->node->is(Node::Kind::kInteger) && at->node->integer >= 0) {
      add_parameter("seed", Value::integer(at->node->integer));
    } else if (at->node->is(Node::Kind::kString) && at->node->text == "deterministic") {
      prompt_->seeded_ = true;
    } else {
      reports_.error(*at, "bad_word", "`seed` cannot be " + at->node->describe(),
                     "write seed: deterministic, which follows from the decision, or a whole number");
    }
  }
  if (const auto at = fields.find("stop")) read_stop(*at);
  if (const auto at = fields.find("extra")) read_extra(*at);
  fields.finish();
}

void Compiler::read_stop(const Place& place) {
  std::vector<Value> stops;
  const auto add = [&](const Place& at) {
    const auto text = read_text(reports_, at, "a text in `stop`");
    if (!text.has_value()) return;
    if (text->empty() || text->size() > kMaxStopBytes) {
      reports_.error(at, "bad_stop", "a text in `stop` has " + std::to_string(text->size()) + " bytes",
                     "write 1 to " + std::to_string(kMaxStopBytes) + " bytes");
      return;
    }
    stops.push_back(Value::string(at.node->text));
  };
  if (place.node->is(Node::Kind::kSequence)) {
    for (size_t i = 0; i < place.node->items.size(); ++i) add(place.item(i));
  } else {
    add(place);
  }
  if (stops.size() > kMaxStops) {
    reports_.error(place, "too_many", "`stop` has more than " + std::to_string(kMaxStops) + " texts",
                   "name fewer");
  }
  add_parameter("stop", Value::list(stops));
}

void Compiler::read_extra(const Place& place) {
  const Fields fields(reports_, place, "`extra`");
  if (!fields.is_mapping()) return;
  Arena arena;
  for (const auto& entry : place.node->entries) {
    if (std::find(std::begin(kOurs), std::end(kOurs), entry.key) == std::end(kOurs)) {
      add_parameter(entry.key, document::to_value(entry.value, arena));
      continue;
    }
    reports_.error_at(entry.position, document::child_path(place.path, entry.key), "bad_extra",
                      "'" + entry.key + "' is no parameter of a server's own",
                      "say it in `parameters` where that knows it, else remove it");
  }
}

void Compiler::hash() {
  Arena arena;
  std::string text = to_canonical_json(document::to_value(*request_.document, arena));
  for (const auto& [name, content] : files_) {
    const auto canonical = hashed_.find(name);
    text += "\n" + name + " " + to_hex(sha256(canonical == hashed_.end() ? content : canonical->second));
  }
  prompt_->sha256_ = sha256(text);
}

CompileOutcome compile(const CompileRequest& request) { return Compiler(request).run(); }

}  // namespace switchyard::prompts
