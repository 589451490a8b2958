// ensemble: { members, combine, of, scores, quorum }: asks several models at once.
#include <algorithm>
#include <utility>

#include "../template.h"
#include "asking.h"
#include "steps.h"

namespace switchyard::workflow::compiler {
namespace {

using expression::Type;
using expression::TypeKind;
using Combine = EnsembleSpec::Combine;

const std::vector<std::string> kCombine{"vote", "mean", "weights", "best"};
const std::vector<std::string> kScores{"probabilities", "numbers"};

std::optional<size_t> read_word(Context& context, const Place& place, const std::string& what,
                                const std::vector<std::string>& words) {
  if (place.node->is(document::Node::Kind::kString)) {
    const auto found = std::find(words.begin(), words.end(), place.node->text);
    if (found != words.end()) return static_cast<size_t>(found - words.begin());
  }
  const std::string near = did_you_mean(place.node->text, words);
  context.error(place, "pipeline.bad_word", what + " cannot be " + place.node->describe(),
                near.empty() ? "write one of " + word_list(words) : near);
  return std::nullopt;
}

/// One reading of an ensemble's document.
class EnsembleCompiler {
 public:
  explicit EnsembleCompiler(StepInput& in) : in_(in), fields_(in.context, in.place, "`ensemble`") {}

  bool run() {
    in_.step.effect = EffectClass::kPure;
    in_.step.result_type = Type::error();
    MemberRequest request{"a member", "members", in_.fields.find("prompt"), in_.fields.find("input"), true};
    read_combine();
    const auto list =
        fields_.require("members", "name the models: members: [{ model: ... }, { model: ... }]");
    if (list.has_value()) {
      members_ = read_members(in_.context, *list, request,
                              [&](Fields& own, MemberPlace& member) { return read_weight(own, member); });
      complete_ &= !members_.empty() && std::all_of(members_.begin(), members_.end(),
                                                    [](const MemberPlace& m) { return m.complete; });
    } else {
      complete_ = false;
      if (request.input.has_value())
        (void)compile_template(in_.context, *request.input, nullptr, "`ensemble`");
    }
    read_quorum();
    const auto of = fields_.find("of");
    const auto scores = fields_.find("scores");
    fields_.finish();
    if (in_.context.collecting() || !list.has_value()) return false;
    read_of(of, *list);
    read_scores(scores);
    if (complete_) read_confidence(*list);
    if (!complete_) return false;
    in_.step.result_type = result_type();
    for (MemberPlace& member : members_) spec_.members.push_back(std::move(member.member));
    in_.step.spec = std::move(spec_);
    return true;
  }

 private:
  void read_combine() {
    const auto place = fields_.require("combine", "say how the answers become one: combine: mean");
    const auto word =
        place.has_value() ? read_word(in_.context, *place, "`combine`", kCombine) : std::nullopt;
    complete_ &= word.has_value();
    if (word.has_value()) spec_.combine = static_cast<Combine>(*word);
  }

  bool read_weight(Fields& own, MemberPlace& member) {
    const auto place = own.find("weight");
    if (!place.has_value()) {
      if (spec_.combine != Combine::kWeights || in_.context.collecting()) return true;
      in_.context.error(member.place, "pipeline.missing_field",
                        "with combine: weights a member needs 'weight'",
                        "add weight: 1.0, or write combine: mean, where every member counts alike");
      return false;
    }
    const auto weight = read_number(in_.context, *place, "`weight`", 0.000001, 1'000'000);
    member.member.weight = weight.value_or(1);
    if (spec_.combine == Combine::kBest) {
      in_.context.error(*place, "pipeline.bad_weight", "with combine: best a weight means nothing",
                        "remove it");
      return false;
    }
    return weight.has_value();
  }

  void read_quorum() {
    const auto count = static_cast<int64_t>(std::max<size_t>(1, members_.size()));
    // More than half: what most of the members said is not overturned by those that are missing.
    spec_.quorum = static_cast<uint32_t>(count / 2 + 1);
    if (count == 1) spec_.quorum = 1;
    const auto place = fields_.find("quorum");
    if (!place.has_value()) return;
    const auto quorum = read_integer(in_.context, *place, "`quorum`", 1, count);
    complete_ &= quorum.has_value();
    if (quorum.has_value()) spec_.quorum = static_cast<uint32_t>(*quorum);
  }

  void read_of(const std::optional<Place>& place, const Place& list) {
    spec_.reading.of = {spec_.combine == Combine::kVote ? "answer" : "score"};
    if (place.has_value()) {
      const auto path = read_path(in_.context, *place);
      complete_ &= path.has_value();
      if (path.has_value())
        spec_.reading.of = *path;
      else
        return;
    }
    bool all_numbers = true, all_words = true, some_number = false;
    for (const MemberPlace& member : members_) {
      const auto type = read_part(in_.context, place.value_or(list), member, spec_.reading.of);
      complete_ &= type.has_value();
      if (!type.has_value()) continue;
      of_type_ = of_type_.has_value() ? expression::join(*of_type_, *type) : *type;
      all_numbers &= type->is_number() || type->is_dyn();
      some_number |= type->is_number();
      const bool word = type->is(TypeKind::kString) || type->is(TypeKind::kBool) ||
                        type->is(TypeKind::kInt) || type->is_dyn();
      all_words &= word;
    }
    if (!complete_ || !of_type_.has_value()) return;
    const bool votes = spec_.combine == Combine::kVote;
    const bool by_mean = spec_.combine == Combine::kMean || spec_.combine == Combine::kWeights;
    // What nothing is known of is a number where numbers are counted.
    spec_.numbers = !votes && all_numbers && (by_mean || some_number);
    if (spec_.numbers || (!by_mean && all_words)) return;
    std::string name;
    for (const std::string& part : spec_.reading.of) name += (name.empty() ? "" : ".") + part;
    in_.context.error(place.value_or(list), "pipeline.type",
                      "'" + name + "' of the answers is " + of_type_->to_string() + ", and " +
                          kCombine[static_cast<size_t>(spec_.combine)] + " needs " +
                          (by_mean ? "a number" : "a text, bool or whole number") + " of each",
                      by_mean ? "name a number with `of`, or write combine: vote"
                              : "name a text with `of`, or write combine: mean");
    complete_ = false;
  }

  void read_scores(const std::optional<Place>& place) {
    spec_.probabilities = spec_.numbers;
    if (!place.has_value()) return;
    const auto word = read_word(in_.context, *place, "`scores`", kScores);
    complete_ &= word.has_value();
    if (!word.has_value() || !complete_) return;
    spec_.probabilities = spec_.numbers && *word == 0;
    if (spec_.numbers) return;
    in_.context.error(*place, "pipeline.bad_word", "`scores` means nothing where answers are no numbers",
                      "remove it");
    complete_ = false;
  }

  /// `best` needs to know who is how sure.
  void read_confidence(const Place& list) {
    if (spec_.combine != Combine::kBest) return;
    const auto has_field = [](const MemberPlace& member) {
      const expression::Field* field = member.type.find_field("confidence");
      return field != nullptr && field->required && field->type.is(TypeKind::kDouble);
    };
    if (std::all_of(members_.begin(), members_.end(), has_field)) {
      spec_.reading.confidence = PanelReading::Confidence::kField;
    } else if (spec_.probabilities) {
      spec_.reading.confidence = PanelReading::Confidence::kProbability;
    } else {
      in_.context.error(list, "pipeline.no_confidence",
                        "combine: best takes the surest answer, and not every member says how sure it is",
                        "name models whose answers have `confidence`, or a probability with `of`");
      complete_ = false;
    }
  }

  Type result_type() const {
    std::vector<expression::Field> members, fields, disagreement;
    for (const MemberPlace& member : members_) members.push_back({member.member.name, member.type, false});
    const bool best = spec_.combine == Combine::kBest;
    fields.push_back({"members", Type::object(std::move(members))});
    if (spec_.numbers)
      fields.push_back({"score", Type::real()});
    else
      fields.push_back({"answer", *of_type_});
    if (best) fields.push_back({"best", Type::string()});
    if (best || !spec_.numbers || spec_.probabilities) fields.push_back({"confidence", Type::real()});
    if (!spec_.numbers || spec_.probabilities) {
      disagreement.push_back({"entropy", Type::real()});
      disagreement.push_back({"margin", Type::real()});
    }
    disagreement.push_back({"spread", Type::real()});
    fields.push_back({"disagreement", Type::object(std::move(disagreement))});
    fields.push_back({"answered", Type::integer()});
    fields.push_back(
        {"missing", Type::list(Type::object({{"member", Type::string()}, {"code", Type::string()}}))});
    return Type::object(std::move(fields));
  }

  StepInput& in_;
  Fields fields_;
  EnsembleSpec spec_;
  std::vector<MemberPlace> members_;
  std::optional<Type> of_type_;
  bool complete_ = true;
};

}  // namespace

bool compile_ensemble(StepInput& in) { return EnsembleCompiler(in).run(); }

}  // namespace switchyard::workflow::compiler
