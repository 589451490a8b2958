// review: { queue, form, show, title, due, priority, on_breach }: puts a question to people.
#include <algorithm>

#include "../../limits.h"
#include "../names.h"
#include "../schemas.h"
#include "../template.h"
#include "steps.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;
using expression::Type;
using expression::TypeKind;

using Shown = std::vector<std::pair<std::string, expression::Program>>;

/// Reads `show`: names, { name: expression }, or a mapping of both.
class ShowReader {
 public:
  explicit ShowReader(Context& context) : context_(context) {}

  bool read(const Place& place) {
    if (place.node->is(Node::Kind::kMapping)) {
      add_entries(place);
    } else if (place.node->is(Node::Kind::kSequence)) {
      for (size_t i = 0; i < place.node->items.size(); ++i) add_item(place.item(i));
    } else {
      context_.error(place, "pipeline.bad_show",
                     "`show` must be a list, and this is " + place.node->describe(),
                     "write show: [input, { amount: input.amount }]");
      return false;
    }
    if (names_.size() > kMaxShown) {
      context_.error(place, "pipeline.too_many",
                     "`show` has more than " + std::to_string(kMaxShown) + " entries", "show less");
      complete_ = false;
    }
    return complete_;
  }
  Shown take() { return std::move(shown_); }

 private:
  void add_item(const Place& place) {
    if (place.node->is(Node::Kind::kMapping)) return add_entries(place);
    if (!place.node->is(Node::Kind::kString) || !is_step_name(place.node->text)) {
      context_.error(place, "pipeline.bad_show", place.node->describe() + " is no name to show",
                     "write a name such as input or a step's, or { name: <expression> }");
      complete_ = false;
      return;
    }
    add(place.node->text, place);
  }
  void add_entries(const Place& place) {
    for (const auto& entry : place.node->entries) add(entry.key, place.entry(entry));
  }
  void add(const std::string& name, const Place& place) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
      context_.error(place, "pipeline.duplicate_name", "'" + name + "' is shown twice",
                     "give one of the two another name");
      complete_ = false;
      return;
    }
    names_.push_back(name);
    auto program = context_.expression(place, std::nullopt, "`show`");
    complete_ &= program.has_value();
    if (program.has_value()) shown_.emplace_back(name, std::move(*program));
  }

  Context& context_;
  std::vector<std::string> names_;
  Shown shown_;
  bool complete_ = true;
};

/// What others see of the answer.
Type result_type(const Type& form) {
  std::vector<expression::Field> fields(form.fields().begin(), form.fields().end());
  fields.push_back({"reviewer", Type::string()});
  fields.push_back({"answered_at", Type::timestamp()});
  return Type::object(std::move(fields), form.open());
}

bool check_form(Context& context, const Place& place, const Type& form) {
  if (!form.is(TypeKind::kObject)) {
    context.error(place, "pipeline.bad_form",
                  "a form must describe an object with fields, and this one describes " + form.to_string(),
                  "write type: object and its properties");
    return false;
  }
  bool fits = true;
  for (const char* name : {"reviewer", "answered_at"}) {
    if (form.find_field(name) == nullptr) continue;
    context.error(place, "pipeline.bad_form",
                  "the form has a field '" + std::string(name) + "', which every review sets itself",
                  "rename the field");
    fits = false;
  }
  return fits;
}

/// What the form says beyond types is checked now when the answer is known now.
bool check_breach_answer(Context& context, const Place& place, const Template& answer,
                         const schema::Schema& form) {
  Arena arena;
  const auto value = constant_value(answer, arena);
  if (!value.has_value()) return true;
  const auto violations = form.validate(*value);
  for (const auto& violation : violations) {
    const auto at = document::position_of_pointer(*place.node, violation.pointer);
    context.error_at(at, place.path, "pipeline.bad_answer",
                     "the form would not accept this answer: " + violation.message,
                     "give an answer that a reviewer could give");
  }
  return violations.empty();
}

bool read_breach(Context& context, const Place& place, const LoadedSchema* form, ReviewSpec& spec) {
  const std::string mend = "write fail, nothing, { answer: { ... } } or { escalate: <queue> }";
  if (place.node->is(Node::Kind::kString)) {
    if (place.node->text == "fail") return true;
    if (place.node->text == "nothing") {
      spec.on_breach = ReviewSpec::Breach::kNothing;
      return true;
    }
  }
  if (!place.node->is(Node::Kind::kMapping)) {
    context.error(place, "pipeline.bad_breach", "`on_breach` cannot be " + place.node->describe(), mend);
    return false;
  }
  Fields fields(context, place, "`on_breach`");
  const auto answer = fields.find("answer");
  const auto escalate = fields.find("escalate");
  fields.finish();
  if (answer.has_value() == escalate.has_value()) {
    context.error(place, "pipeline.bad_breach", "`on_breach` must say one thing", mend);
    return false;
  }
  if (escalate.has_value()) {
    const auto queue = read_queue(context, *escalate, "`escalate`");
    spec.on_breach = ReviewSpec::Breach::kEscalate;
    spec.escalate_to = queue.value_or("");
    return queue.has_value();
  }
  spec.on_breach = ReviewSpec::Breach::kAnswer;
  auto value = compile_template(context, *answer, form != nullptr ? &form->type : nullptr, "the form");
  if (!value.has_value() || form == nullptr) return false;
  if (!check_fits(context, *answer, *value, form->type, "the form")) return false;
  if (!check_breach_answer(context, *answer, *value, *form->schema)) return false;
  spec.breach_answer = std::move(value);
  return true;
}

/// What stands for lint: nothing is wrong, but somebody will wait.
void check_due(Context& context, const StepInput& in, const Fields& fields, const ReviewSpec& spec) {
  if (spec.due_us != 0) return;
  if (fields.has("on_breach")) {
    context.error_at(fields.key_position("on_breach"), document::child_path(in.place.path, "on_breach"),
                     "pipeline.bad_breach", "`on_breach` has no meaning without `due`", "add due: 30m");
    return;
  }
  context.warning(in.place, "pipeline.review_without_due", "nobody is told when this review waits too long",
                  "add due: 4h, and on_breach when nobody answering is not a failure");
}

}  // namespace

bool compile_review(StepInput& in) {
  Context& context = in.context;
  in.step.effect = EffectClass::kEffectful;
  in.step.result_type = Type::error();
  ReviewSpec spec;
  Fields fields(context, in.place, "a review");
  bool complete = fields.is_mapping();
  if (!complete) return false;

  if (const auto place = fields.require("queue", "say who is asked: queue: fraud-desk")) {
    const auto queue = read_queue(context, *place, "`queue`");
    complete &= queue.has_value();
    spec.queue = queue.value_or("");
  } else {
    complete = false;
  }
  std::optional<LoadedSchema> form;
  if (const auto place =
          fields.require("form", "say what may be answered: form: ./opinion.form.json, or a JSON Schema")) {
    form = load_schema(context, *place, "the form of a review");
    if (form.has_value() && !check_form(context, *place, form->type)) form.reset();
  }
  complete &= form.has_value();
  if (form.has_value()) {
    in.step.result_type = result_type(form->type);
    spec.form = form->schema;
    spec.form_json = form->json;
  }
  if (const auto place = fields.find("show")) {
    ShowReader reader(context);
    complete &= reader.read(*place);
    spec.show = reader.take();
  }
  if (const auto place = fields.find("title")) {
    spec.title = context.expression(*place, Type::string(), "`title`");
    complete &= spec.title.has_value();
  }
  if (const auto place = fields.find("due")) {
    const auto due = read_duration(context, *place, "`due`");
    complete &= due.has_value();
    spec.due_us = due.value_or(1);
  }
  if (const auto place = fields.find("priority")) {
    const auto priority = read_integer(context, *place, "`priority`", 0, 100);
    complete &= priority.has_value();
    spec.priority = static_cast<int32_t>(priority.value_or(50));
  }
  if (const auto place = fields.find("on_breach")) {
    complete &= read_breach(context, *place, form.has_value() ? &*form : nullptr, spec);
  }
  fields.finish();
  check_due(context, in, fields, spec);
  if (!complete) return false;
  in.step.spec = std::move(spec);
  return true;
}

}  // namespace switchyard::workflow::compiler
