// cascade: { tiers, of, error_cost }: asks models one after the other, the cheap ones first.
#include <algorithm>
#include <utility>

#include "../template.h"
#include "asking.h"
#include "steps.h"

namespace switchyard::workflow::compiler {
namespace {

using expression::Type;
using expression::TypeKind;

/// What the result has beside the answer's own fields.
constexpr std::string_view kOwn[] = {"tier", "sure", "tiers"};

class CascadeCompiler {
 public:
  explicit CascadeCompiler(StepInput& in) : in_(in), fields_(in.context, in.place, "`cascade`") {}

  bool run() {
    in_.step.effect = EffectClass::kPure;
    in_.step.result_type = Type::error();
    MemberRequest request{"a tier", "tiers", in_.fields.find("prompt"), in_.fields.find("input"), false};
    const auto error_cost = fields_.find("error_cost");
    if (error_cost.has_value()) spec_.error_cost = read_amount(*error_cost, "`error_cost`");
    complete_ &= !error_cost.has_value() || spec_.error_cost.has_value();
    const auto list =
        fields_.require("tiers", "name the models, the cheapest first: tiers: [{ model: ... }]");
    if (list.has_value()) {
      const size_t count = list->node->items.size();
      tiers_ = read_members(in_.context, *list, request, [&](Fields& own, MemberPlace& tier) {
        return read_tier(own, tier, ++read_ == count, error_cost.has_value());
      });
      complete_ &= !tiers_.empty() &&
                   std::all_of(tiers_.begin(), tiers_.end(), [](const MemberPlace& t) { return t.complete; });
    } else {
      complete_ = false;
      if (request.input.has_value())
        (void)compile_template(in_.context, *request.input, nullptr, "`cascade`");
    }
    const auto of = fields_.find("of");
    fields_.finish();
    if (in_.context.collecting() || !complete_) return false;
    read_confidence(of, *list, error_cost);
    check_names();
    if (!complete_) return false;
    in_.step.result_type = result_type();
    for (MemberPlace& tier : tiers_) spec_.tiers.push_back(std::move(tier.member));
    in_.step.spec = std::move(spec_);
    return true;
  }

 private:
  std::optional<expression::Program> read_amount(const Place& place, const std::string& what) {
    auto program = in_.context.expression(place, std::nullopt, what);
    if (!program.has_value()) return program;
    const Type& type = program->result_type();
    if (type.is_number() || type.is_dyn()) return program;
    report_type(in_.context, place, type, Type::real(), what);
    return std::nullopt;
  }

  bool read_tier(Fields& own, MemberPlace& tier, bool last, bool has_error_cost) {
    bool fits = true;
    const auto cost = own.find("cost"), accuracy = own.find("accuracy"), until = own.find("until");
    const auto needs_error_cost = [&](const Place& place, const std::string& what) {
      if (has_error_cost) return;
      in_.context.error(place, "pipeline.needs_error_cost", what + " means nothing without `error_cost`",
                        "add what a wrong answer costs: error_cost: 5.0, or remove it");
      fits = false;
    };
    if (cost.has_value()) {
      tier.member.cost = read_amount(*cost, "`cost`");
      fits &= tier.member.cost.has_value();
      needs_error_cost(*cost, "`cost`");
    }
    if (accuracy.has_value()) {
      const auto share = read_number(in_.context, *accuracy, "`accuracy`", 0, 1);
      tier.member.accuracy = share.value_or(1);
      fits &= share.has_value();
      needs_error_cost(*accuracy, "`accuracy`");
    }
    if (until.has_value()) {
      expression::Environment environment;
      environment.declare("answer", tier.type);
      in_.context.push_environment(std::move(environment));
      // It reads the answer alone: no step of the pipeline.
      const expression::Facts given = in_.context.swap_given({});
      if (!in_.context.collecting())
        tier.member.until = in_.context.expression(*until, Type::boolean(), "`until`");
      in_.context.swap_given(given);
      in_.context.pop_scope();
      fits &= tier.member.until.has_value();
    } else if (!last && !has_error_cost) {
      in_.context.error(tier.place, "pipeline.missing_field",
                        "a tier needs 'until': nothing else says whether the next one is asked",
                        "add until: answer.confidence >= 0.9, or error_cost to the cascade");
      fits = false;
    }
    return fits;
  }

  void read_confidence(const std::optional<Place>& of, const Place& list,
                       const std::optional<Place>& error_cost) {
    const auto has_field = [](const MemberPlace& tier) {
      const expression::Field* field = tier.type.find_field("confidence");
      return field != nullptr && field->required && field->type.is(TypeKind::kDouble);
    };
    if (of.has_value()) {
      const auto path = read_path(in_.context, *of);
      complete_ &= path.has_value();
      if (!path.has_value()) return;
      spec_.reading = {*path, PanelReading::Confidence::kProbability};
      for (const MemberPlace& tier : tiers_) {
        const auto type = read_part(in_.context, *of, tier, *path);
        complete_ &= type.has_value();
        if (!type.has_value() || type->is_number() || type->is_dyn()) continue;
        in_.context.error(*of, "pipeline.type",
                          "'" + of->node->text + "' of the answer of '" + tier.member.name + "' is " +
                              type->to_string() + ", and must be a probability",
                          "name a number from 0 to 1");
        complete_ = false;
      }
    } else if (std::all_of(tiers_.begin(), tiers_.end(), has_field)) {
      spec_.reading.confidence = PanelReading::Confidence::kField;
    } else if (error_cost.has_value()) {
      in_.context.error(list, "pipeline.no_confidence",
                        "`error_cost` needs to know how sure an answer is, and not every tier says it",
                        "name models whose answers have `confidence`, or a probability with `of`");
      complete_ = false;
    }
  }

  void check_names() {
    for (const MemberPlace& tier : tiers_) {
      for (const std::string_view name : kOwn) {
        if (tier.type.find_field(name) == nullptr) continue;
        in_.context.error(tier.place, "pipeline.name_taken",
                          "the answer of '" + tier.member.name + "' has a field '" + std::string(name) +
                              "', which the cascade's own result needs",
                          "rename the model's output");
        complete_ = false;
      }
      if (tier.type.is(TypeKind::kObject) || tier.type.is(TypeKind::kMap) || tier.type.is_dyn()) continue;
      in_.context.error(tier.place, "pipeline.type",
                        "the answer of '" + tier.member.name + "' is " + tier.type.to_string() +
                            ", and a cascade's answers have fields",
                        "name a model with named outputs");
      complete_ = false;
    }
  }

  Type result_type() const {
    std::optional<Type> answer;
    for (const MemberPlace& tier : tiers_)
      answer = answer.has_value() ? expression::join(*answer, tier.type) : tier.type;
    const bool has_confidence = spec_.reading.confidence != PanelReading::Confidence::kNone;
    std::vector<expression::Field> fields;
    for (const auto& field : answer->fields())
      if (!has_confidence || field.name != "confidence") fields.push_back(field);
    fields.push_back({"tier", Type::string()});
    fields.push_back({"sure", Type::boolean()});
    if (has_confidence) fields.push_back({"confidence", Type::real()});
    std::vector<expression::Field> tier{{"tier", Type::string()},
                                        {"answer", *answer, false},
                                        {"sure", Type::boolean(), false},
                                        {"code", Type::string(), false}};
    if (has_confidence) tier.push_back({"confidence", Type::real(), false});
    if (spec_.error_cost.has_value()) tier.push_back({"gain", Type::real(), false});
    fields.push_back({"tiers", Type::list(Type::object(std::move(tier)))});
    return Type::object(std::move(fields), !answer->is(TypeKind::kObject) || answer->open());
  }

  StepInput& in_;
  Fields fields_;
  CascadeSpec spec_;
  std::vector<MemberPlace> tiers_;
  size_t read_ = 0;
  bool complete_ = true;
};

}  // namespace

bool compile_cascade(StepInput& in) { return CascadeCompiler(in).run(); }

}  // namespace switchyard::workflow::compiler
