// The tools of a prompt: what a model may ask for in place of an answer.
#include <algorithm>

#include "compiler.h"
#include "limits.h"
#include "switchyard/schema/schema.h"

namespace switchyard::prompts {

using document::Node;
using expression::Type;
using expression::TypeKind;

namespace {

/// What servers of both dialects take.
bool is_tool_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= kMaxToolNameBytes && std::all_of(text.begin(), text.end(), fits);
}

schema::SchemaPtr no_arguments() {
  Arena arena;
  MapBuilder schema(arena);
  schema.add("type", Value::string("object"));
  schema.add("properties", MapBuilder(arena).build());
  return schema::Schema::compile(schema.build()).schema;
}

}  // namespace

const Tool* Toolbox::find(std::string_view name) const {
  const auto found = std::find_if(tools.begin(), tools.end(), [&](const Tool& t) { return t.name == name; });
  return found == tools.end() ? nullptr : &*found;
}

void Compiler::read_tools(Fields& fields) {
  const auto list = fields.find("tools");
  for (const char* name : {"tool_choice", "parallel_tool_calls"}) {
    const auto place = fields.find(name);
    if (!place.has_value() || list.has_value()) continue;
    reports_.error(*place, "needs_tools", "`" + std::string(name) + "` means nothing without `tools`",
                   "say what the model may call: tools: [{ name, description, parameters }], or remove it");
  }
  if (!list.has_value()) return;
  const Node& node = *list->node;
  if (!node.is(Node::Kind::kSequence) || node.items.empty() || node.items.size() > kMaxTools) {
    reports_.error(*list, "bad_tools",
                   !node.is(Node::Kind::kSequence)
                       ? "`tools` must be a list, and this is " + node.describe()
                       : "`tools` has " + std::to_string(node.items.size()) + " tools",
                   "write 1 to " + std::to_string(kMaxTools) + " tools: [{ name, description, parameters }]");
    return;
  }
  for (size_t i = 0; i < node.items.size(); ++i) read_tool(list->item(i));
  if (const auto place = fields.find("tool_choice")) read_tool_choice(*place);
  if (const auto place = fields.find("parallel_tool_calls")) {
    if (place->node->is(Node::Kind::kBool)) {
      prompt_->toolbox_.parallel = place->node->boolean;
    } else {
      reports_.error(*place, "bad_word", "`parallel_tool_calls` cannot be " + place->node->describe(),
                     "write false for one call in an answer at most, or true");
    }
  }
  const ToolChoice choice = prompt_->toolbox_.choice;
  const auto output = fields.find("output");
  if (output.has_value() && (choice == ToolChoice::kRequired || choice == ToolChoice::kNamed)) {
    reports_.error(*output, "never_answers", "the model only calls tools, and gives no answer of this schema",
                   "remove `output`, or write tool_choice: auto");
  }
}

void Compiler::read_tool(const Place& place) {
  Fields fields(reports_, place, "a tool");
  if (!fields.is_mapping()) return;
  Toolbox& box = prompt_->toolbox_;
  Tool tool;
  const auto name = fields.require("name", "name the function: name: order_status");
  if (name.has_value() && read_text(reports_, *name, "the name of a tool").has_value()) {
    tool.name = name->node->text;
    if (!is_tool_name(tool.name)) {
      reports_.error(*name, "bad_name",
                     "'" + tool.name.substr(0, kMaxToolNameBytes) + "' is no name of a tool",
                     "write 1 to " + std::to_string(kMaxToolNameBytes) + " letters, digits, '_' and '-'");
    } else if (box.find(tool.name) != nullptr) {
      reports_.error(*name, "name_taken", "the tool '" + tool.name + "' stands here a second time",
                     "give it another name");
    }
  }
  read_description(fields);
  if (const auto at = fields.find("description"); at.has_value() && at->node->is(Node::Kind::kString))
    tool.description = at->node->text;
  if (const auto at = fields.find("parameters")) {
    tool.parameters = read_schema(*at, "`parameters`");
    const Type type = tool.parameters != nullptr ? request_.types.type_of(*tool.parameters) : Type::error();
    if (!type.is_error() && !type.is(TypeKind::kObject)) {
      reports_.error(*at, "parameters_not_an_object",
                     "the arguments are " + type.to_string() + ", and they must have names",
                     "write a schema of type object, with its properties");
    }
  } else {
    tool.parameters = no_arguments();
  }
  fields.finish();
  if (tool.parameters == nullptr) return;
  const Type type = request_.types.type_of(*tool.parameters);
  box.arguments = box.empty() ? type : expression::join(box.arguments, type);
  box.tools.push_back(std::move(tool));
}

void Compiler::read_tool_choice(const Place& place) {
  Toolbox& box = prompt_->toolbox_;
  if (!place.node->is(Node::Kind::kMapping)) {
    const auto word = read_word(reports_, place, "`tool_choice`", {"auto", "none", "required"});
    if (word.has_value()) box.choice = static_cast<ToolChoice>(*word);
    return;
  }
  Fields fields(reports_, place, "`tool_choice`");
  const auto at = fields.require("tool", "name the tool: tool_choice: { tool: order_status }");
  fields.finish();
  if (!at.has_value() || !read_text(reports_, *at, "the name of a tool").has_value()) return;
  box.choice = ToolChoice::kNamed;
  box.named = at->node->text;
  if (box.find(box.named) != nullptr) return;
  std::vector<std::string> known;
  for (const Tool& tool : box.tools) known.push_back(tool.name);
  reports_.error(*at, "unknown_tool", "there is no tool '" + box.named + "' in `tools`",
                 "use one of: " + document::word_list(known));
}

}  // namespace switchyard::prompts
