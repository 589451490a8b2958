#include <array>

#include "steps.h"

namespace switchyard::workflow {
namespace compiler {
namespace {

constexpr std::string_view kRouting = "routing over several models";
constexpr std::string_view kData = "vectors and features";
constexpr std::string_view kEvents = "events and workers";
constexpr std::string_view kFlow = "control flow";

constexpr std::array<KindInfo, 20> kKinds{{
    {"set", StepKind::kSet, compile_set, {}, false, true},
    {"fail", StepKind::kFail, compile_fail, {}, false, false},
    {"rules", StepKind::kRules, compile_rules, {}, false, true},
    {"model", StepKind::kModel, compile_model, {}, true, true},
    {"triage", StepKind::kTriage, compile_triage, {}, false, true},
    {"review", StepKind::kReview, compile_review, {}, false, true},
    {"http", StepKind::kHttp, compile_http, {}, true, true},
    {"wait", StepKind::kWait, compile_wait, {}, false, true},
    {"ensemble", StepKind::kEnsemble, nullptr, kRouting},
    {"cascade", StepKind::kCascade, nullptr, kRouting},
    {"search", StepKind::kSearch, nullptr, kData},
    {"features", StepKind::kFeatures, nullptr, kData},
    {"task", StepKind::kTask, nullptr, kEvents},
    {"listen", StepKind::kListen, nullptr, kEvents},
    {"emit", StepKind::kEmit, nullptr, kEvents},
    {"for_each", StepKind::kForEach, nullptr, kFlow},
    {"repeat", StepKind::kRepeat, nullptr, kFlow},
    {"sequence", StepKind::kSequence, nullptr, kFlow},
    {"pipeline", StepKind::kPipeline, nullptr, kFlow},
    {"try", StepKind::kTry, nullptr, kFlow},
}};

}  // namespace

std::span<const KindInfo> step_kinds() { return kKinds; }

const KindInfo* find_kind(std::string_view word) {
  for (const KindInfo& info : kKinds)
    if (info.word == word) return &info;
  return nullptr;
}

}  // namespace compiler

std::string_view step_kind_name(StepKind kind) {
  for (const auto& info : compiler::step_kinds())
    if (info.kind == kind) return info.word;
  return "unknown";
}

std::string_view effect_class_name(EffectClass effect) {
  switch (effect) {
    case EffectClass::kPure: return "pure";
    case EffectClass::kIdempotent: return "idempotent";
    case EffectClass::kEffectful: return "effectful";
  }
  return "unknown";
}

const Step* Pipeline::find_step(std::string_view step_name) const {
  for (const Step& step : steps)
    if (step.name == step_name) return &step;
  return nullptr;
}

}  // namespace switchyard::workflow
