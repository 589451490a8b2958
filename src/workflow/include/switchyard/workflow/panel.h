#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/types/value.h"
#include "switchyard/workflow/interpreter.h"
#include "switchyard/workflow/pipeline.h"

// Steps that ask several models: `ensemble` and `cascade`. Whoever carries out their effect asks whom the
// panel names, tells it the answers, and hands its result back: the server, a replay, a test case.
namespace switchyard::workflow {

/// Which members are asked, and what their answers give together. Pure: no clock, no chance; the same answers
/// give the same result, whatever their order. One thread at a time.
class Panel {
 public:
  /// Requires a request whose call is a PanelCall. Keeps its pipeline.
  explicit Panel(const EffectRequest& request);

  size_t size() const { return call_.members.size(); }
  const PanelCall::Member& member(size_t index) const { return call_.members[index]; }
  /// Whom to ask now, at once; each member is named once in all. Empty: none before another answer, or
  /// done().
  std::vector<size_t> next();
  /// The answer of a member that next() named; its meta goes into that of the result. A late one, after
  /// done(), is ignored.
  void take(size_t member, EffectResult answer);
  bool done() const { return done_; }
  /// The step's result, and how it came about: { cost, members: { name: meta } }. kUnavailable or
  /// kUnprocessable "ensemble.no_quorum", "cascade.no_answer" when too few answered. Requires done().
  EffectResult result() const;

  struct Answer {
    enum class State : uint8_t { kIdle, kAsked, kAnswered, kFailed } state = State::kIdle;
    Document value, meta;
    Error error;                 ///< kFailed
    Value of;                    ///< at the reading's path
    double confidence = 0;       ///< where the reading has one
    bool sure = false;           ///< of a tier: its `until` held
    std::optional<double> gain;  ///< of a tier: what going on was expected to be worth
  };

 private:
  void read(size_t index);
  void settle(size_t index);
  bool goes_on(size_t tier);
  Document meta() const;
  Result<Document> ensemble_result() const;
  Result<Document> cascade_result() const;

  const PanelCall call_;
  const std::shared_ptr<const Pipeline> pipeline_;  // the specs lie in it
  const EnsembleSpec* const ensemble_;
  const CascadeSpec* const cascade_;
  std::vector<Answer> answers_;
  bool done_ = false;
};

/// Asks one model version; blocks.
using AskModel = std::function<Result<Document>(const std::string& model, const std::string& version,
                                                const Document& input)>;
/// The result of a model call: with a prompt, asks with what that makes of the input, as often as it says.
EffectResult answer_call(const ModelCall& call, const AskModel& ask);
/// The result of a panel whose members `answer` answers, one after the other.
EffectResult answer_panel(const EffectRequest& request,
                          const std::function<EffectResult(const PanelCall::Member&)>& answer);

/// `meta` of a call that went with a prompt: what `exchange` tells, under `prompt`.
Document with_prompt_meta(const Document& meta, const Document& exchange);

}  // namespace switchyard::workflow
