#include <array>

#include "steps.h"

namespace switchyard::workflow {
namespace compiler {
namespace {

constexpr std::string_view kData = "vectors and features";

constexpr std::array<KindInfo, 21> kKinds{{
    {"set", StepKind::kSet, compile_set, {}, false, true},
    {"fail", StepKind::kFail, compile_fail, {}, false, false},
    {"rules", StepKind::kRules, compile_rules, {}, false, true},
    {"model", StepKind::kModel, compile_model, {}, true, true},
    {"triage", StepKind::kTriage, compile_triage, {}, false, true},
    {"review", StepKind::kReview, compile_review, {}, false, true},
    {"http", StepKind::kHttp, compile_http, {}, true, true},
    {"task", StepKind::kTask, compile_task, {}, true, true},
    {"wait", StepKind::kWait, compile_wait, {}, false, true},
    {"for_each", StepKind::kForEach, compile_for_each, {}, true, true},
    {"repeat", StepKind::kRepeat, compile_repeat, {}, true, true},
    {"sequence", StepKind::kSequence, compile_sequence, {}, true, true},
    {"try", StepKind::kTry, compile_try, {}, true, true},
    {"pipeline", StepKind::kPipeline, compile_pipeline, {}, true, true},
    {"ensemble", StepKind::kEnsemble, compile_ensemble, {}, true, true},
    {"cascade", StepKind::kCascade, compile_cascade, {}, true, true},
    {"search", StepKind::kSearch, nullptr, kData},
    {"features", StepKind::kFeatures, nullptr, kData},
    {"listen", StepKind::kListen, compile_listen, {}, false, true},
    {"emit", StepKind::kEmit, compile_emit, {}, true, true},
    {"state", StepKind::kState, compile_state, {}, false, true},
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

bool is_effect(StepKind kind) {
  return kind == StepKind::kModel || kind == StepKind::kHttp || kind == StepKind::kTask ||
         kind == StepKind::kEnsemble || kind == StepKind::kCascade;
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
  for (uint16_t i = 0; i < blocks[0].count; ++i)
    if (steps[i].name == step_name) return &steps[i];
  return nullptr;
}

}  // namespace switchyard::workflow
