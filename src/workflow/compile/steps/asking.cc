#include "asking.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "../../limits.h"
#include "../template.h"
#include "switchyard/prompts/prompt.h"

namespace switchyard::workflow::compiler {

using document::Node;
using expression::Type;
using expression::TypeKind;

namespace {

const ModelInterface* find_model(Context& context, const Place& place, const ArtefactRef& ref) {
  const ModelInterface* model = context.resolver().model(ref);
  if (model != nullptr) {
    context.depend(Dependency::Kind::kModel, ref, place);
    return model;
  }
  const std::string near = did_you_mean(ref.name, context.resolver().names(Dependency::Kind::kModel));
  context.error(place, "pipeline.unknown_model", "there is no model '" + place.node->text + "'",
                near.empty() ? "deploy it with this pipeline, or correct the name" : near);
  return nullptr;
}

const prompts::Prompt* find_prompt(Context& context, const Place& place, const ArtefactRef& ref) {
  const prompts::Prompt* prompt = context.resolver().prompt(ref);
  if (prompt != nullptr) {
    context.depend(Dependency::Kind::kPrompt, ref, place);
    return prompt;
  }
  const std::string near = did_you_mean(ref.name, context.resolver().names(Dependency::Kind::kPrompt));
  context.error(place, "pipeline.unknown_prompt", "there is no prompt '" + place.node->text + "'",
                near.empty() ? "deploy it with this pipeline, or correct the name" : near);
  return nullptr;
}

/// A chat model takes messages and gives text.
bool chats(const ModelInterface& model) {
  const Type& in = model.input_type;
  const Type& out = model.output_type;
  const bool takes =
      in.is_dyn() || in.is(TypeKind::kMap) || in.find_field("messages") != nullptr || in.open();
  const expression::Field* text = out.find_field("text");
  return takes && (out.is_dyn() || (text != nullptr && text->required && text->type.is(TypeKind::kString)));
}

/// Whether its answers may tell of calls of tools.
bool calls_tools(const ModelInterface& model) {
  const Type& out = model.output_type;
  return out.is_dyn() || out.open() || out.find_field("choices") != nullptr;
}

/// What is known of a chat answer's tokens.
expression::Field usage_of(const ModelInterface& model) {
  const expression::Field* own = model.output_type.find_field("usage");
  std::vector<expression::Field> counts;
  for (const char* name : {"prompt_tokens", "completion_tokens", "total_tokens"}) {
    const expression::Field* count = own == nullptr ? nullptr : own->type.find_field(name);
    counts.push_back(
        {name, Type::integer(), count != nullptr && count->required && count->type.is(TypeKind::kInt)});
  }
  const bool certain = own != nullptr && own->required && own->type.is(TypeKind::kObject) &&
                       std::any_of(counts.begin(), counts.end(), [](const auto& c) { return c.required; });
  return {"usage", Type::object(std::move(counts)), certain};
}

Type chat_type(const ModelInterface& model, const prompts::Prompt& prompt) {
  std::vector<expression::Field> fields{{"text", Type::string()}, {"finish_reason", Type::string()}};
  const prompts::Toolbox& tools = prompt.toolbox();
  if (!tools.empty()) {
    const Type calls = Type::list(
        Type::object({{"id", Type::string()}, {"name", Type::string()}, {"arguments", tools.arguments}}));
    fields.push_back({"tool_calls", calls});
    fields.push_back(
        {"message",
         Type::object({{"role", Type::string()}, {"content", Type::string()}, {"tool_calls", calls}})});
  }
  // A model that calls tools gives no answer yet.
  const bool answers = tools.empty() || tools.choice == prompts::ToolChoice::kNone;
  if (prompt.output() != nullptr) fields.push_back({"value", prompt.output_type(), answers});
  fields.push_back(usage_of(model));
  return Type::object(std::move(fields));
}

}  // namespace

Asked compile_question(Context& context, const Question& question) {
  Asked asked;
  const auto ref = read_artefact(context, question.model, "a model");
  const ModelInterface* model = ref.has_value() ? find_model(context, question.model, *ref) : nullptr;
  std::optional<ArtefactRef> prompt_ref;
  const prompts::Prompt* prompt = nullptr;
  if (question.prompt.has_value()) {
    prompt_ref = read_artefact(context, *question.prompt, "a prompt");
    if (prompt_ref.has_value()) prompt = find_prompt(context, *question.prompt, *prompt_ref);
  }
  bool fits = model != nullptr;
  const Type* expected = model != nullptr ? &model->input_type : nullptr;
  std::string whose = "the model '" + (ref.has_value() ? ref->name : question.model.node->text) + "'";
  if (question.prompt.has_value()) {
    expected = prompt != nullptr ? &prompt->input_type() : nullptr;
    whose = "the prompt '" + (prompt_ref.has_value() ? prompt_ref->name : question.prompt->node->text) + "'";
    fits = fits && prompt != nullptr;
    if (model != nullptr && !chats(*model)) {
      context.error(*question.prompt, "pipeline.no_chat_model",
                    "a prompt is for chat models, and '" + ref->name + "' is none: it takes " +
                        model->input_type.to_string() + " and gives " + model->output_type.to_string(),
                    "name a model that takes messages and gives text, or remove the prompt");
      fits = false;
    } else if (fits && !prompt->toolbox().empty() && !calls_tools(*model)) {
      context.error(*question.prompt, "pipeline.no_tool_calls",
                    "the prompt '" + prompt_ref->name + "' has tools, and '" + ref->name +
                        "' calls none: it gives " + model->output_type.to_string(),
                    "name a model that gives `choices` as OpenAI's do, or a prompt without tools");
      fits = false;
    }
    if (fits) asked.type = chat_type(*model, *prompt);
  } else if (model != nullptr) {
    asked.type = model->output_type;
  }
  if (!question.input.has_value()) return asked;
  auto input = compile_template(context, *question.input, expected, whose);
  if (expected == nullptr || !input.has_value()) return asked;
  if (!check_fits(context, *question.input, *input, *expected, whose) || !fits) return asked;
  asked.spec = ModelSpec{*ref, std::move(*input), prompt_ref};
  return asked;
}

namespace {

/// The name of a member: what a mapping calls it, else its `name`, else its model's.
std::optional<std::string> name_of(Context& context, Fields& fields, const std::string* key,
                                   const Place& place, const MemberRequest& request) {
  const auto own = fields.find("name");
  if (own.has_value() && key != nullptr) {
    context.error(*own, "pipeline.two_names", request.what + " has its name from the mapping already",
                  "remove `name`, or write " + request.list_name + " as a list");
  }
  if (key != nullptr) return *key;
  if (own.has_value()) return read_text(context, *own, "the name of " + request.what);
  const Node* model = place.node->find("model");
  if (model == nullptr || !model->is(Node::Kind::kString)) return std::nullopt;
  return model->text.substr(0, model->text.find('@'));
}

std::optional<MemberPlace> read_member(Context& context, const Place& place, const std::string* key,
                                       const MemberRequest& request,
                                       const std::function<bool(Fields&, MemberPlace&)>& more) {
  Fields fields(context, place, request.what);
  if (!fields.is_mapping()) return std::nullopt;
  MemberPlace member;
  member.place = place;
  const auto name = name_of(context, fields, key, place, request);
  if (name.has_value() && (name->empty() || name->size() > kMaxStepNameBytes)) {
    context.error(place, "pipeline.bad_name",
                  "the name of " + request.what + " has " + std::to_string(name->size()) + " bytes",
                  "write 1 to " + std::to_string(kMaxStepNameBytes) + " bytes: name: light");
  }
  member.member.name = name.value_or("");
  const auto model = fields.require("model", "name whom it asks: model: fraud-light");
  // Found whatever else there is, so that they are known entries.
  const auto prompt = fields.find("prompt"), input = fields.find("input"), timeout = fields.find("timeout");
  Question question;
  question.prompt = prompt.has_value() ? prompt : request.prompt;
  question.input = input.has_value() ? input : request.input;
  if (!question.input.has_value()) {
    context.error(place, "pipeline.missing_field", request.what + " needs 'input', or the step does",
                  "say what the models see: input: input, or a mapping of expressions");
  }
  if (model.has_value()) {
    question.model = *model;
    Asked asked = compile_question(context, question);
    member.type = asked.type;
    member.complete = asked.spec.has_value() && name.has_value();
    if (asked.spec.has_value()) member.member.ask = std::move(*asked.spec);
  } else if (question.input.has_value()) {
    // What it reads is to be known all the same.
    (void)compile_template(context, *question.input, nullptr, request.what);
  }
  if (timeout.has_value()) {
    const auto us = read_duration(context, *timeout, "`timeout`");
    member.member.timeout_us = us.value_or(0);
    member.complete &= us.has_value();
  }
  member.complete &= more(fields, member);
  fields.finish();
  return member;
}

}  // namespace

std::vector<MemberPlace> read_members(Context& context, const Place& place, const MemberRequest& request,
                                      const std::function<bool(Fields&, MemberPlace&)>& more) {
  std::vector<MemberPlace> members;
  const Node& node = *place.node;
  const bool by_name = request.may_be_mapping && node.is(Node::Kind::kMapping);
  const size_t count = by_name ? node.entries.size() : node.items.size();
  if (count == 0) {
    context.error(place, "pipeline.not_a_list",
                  "`" + request.list_name + "` must be a list of models, and this is " +
                      (by_name || node.is(Node::Kind::kSequence) ? "empty" : node.describe()),
                  "write [{ model: fraud-light }, { model: fraud-heavy }]");
    return members;
  }
  if (count > kMaxMembers) {
    context.error(place, "pipeline.too_many",
                  "`" + request.list_name + "` has more than " + std::to_string(kMaxMembers) + " models",
                  "ask fewer");
    return members;
  }
  // A mapping has no order: what follows from it must not follow from how it was written.
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  if (by_name) {
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return node.entries[a].key < node.entries[b].key; });
  }
  std::set<std::string> names;
  for (const size_t i : order) {
    const Place at = by_name ? place.entry(node.entries[i]) : place.item(i);
    auto member = read_member(context, at, by_name ? &node.entries[i].key : nullptr, request, more);
    if (!member.has_value()) continue;
    if (!member->member.name.empty() && !names.insert(member->member.name).second) {
      context.error(at, "pipeline.duplicate_name",
                    "the name '" + member->member.name + "' stands here a second time",
                    "give it another: name: " + member->member.name + "_2");
      member->complete = false;
    }
    members.push_back(std::move(*member));
  }
  return members;
}

std::optional<std::vector<std::string>> read_path(Context& context, const Place& place) {
  const auto text = read_text(context, place, "`of`");
  if (!text.has_value()) return std::nullopt;
  std::vector<std::string> parts(1);
  for (const char c : *text) {
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  if (std::none_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); }))
    return parts;
  context.error(place, "pipeline.bad_path", "'" + *text + "' names no field of an answer",
                "write the field's name, or a path: value.score");
  return std::nullopt;
}

std::optional<Type> read_part(Context& context, const Place& place, const MemberPlace& member,
                              const std::vector<std::string>& path) {
  Type type = member.type;
  std::string so_far = "the answer of '" + member.member.name + "'";
  for (const std::string& part : path) {
    if (type.is_dyn() || type.is_error()) return Type::dyn();
    const expression::Field* field = type.find_field(part);
    if (field == nullptr && type.open()) return Type::dyn();
    if (field == nullptr) {
      std::vector<std::string> known;
      for (const auto& own : type.fields()) known.push_back(own.name);
      const std::string near = did_you_mean(part, known);
      context.error(place, "pipeline.unknown_value", so_far + " has no '" + part + "'",
                    !near.empty()   ? near
                    : known.empty() ? "name a field that all answers have"
                                    : "its fields are " + word_list(known));
      return std::nullopt;
    }
    if (!field->required || field->type.is(TypeKind::kNullable) || field->type.is(TypeKind::kOptional)) {
      context.error(place, "pipeline.may_be_absent", "'" + part + "' of " + so_far + " may be absent",
                    "name a field that every answer has");
      return std::nullopt;
    }
    type = field->type;
    so_far = "'" + part + "' of " + so_far;
  }
  return type;
}

}  // namespace switchyard::workflow::compiler
