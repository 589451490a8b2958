#pragma once

#include <functional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "switchyard/partition/engine.h"
#include "switchyard/testing/seeded_random.h"

namespace switchyard::sim {

/// The world that effects act on: it delays, fails, and loses answers, as the seed says. What was under way
/// when the process died may have happened or not; the answer never comes.
class Effects final : public partition::EffectExecutor {
 public:
  Effects(testing::SeededRandom& random, const int64_t& now_us) : random_(random), now_us_(now_us) {}

  /// Hears of every effect when it is begun.
  std::function<void(const workflow::EffectRequest&)> on_begin;

  void execute(workflow::EffectRequest request, std::function<void(workflow::EffectResult)> done) override;
  /// Answers one effect that is due, chosen by the seed; false when none is.
  bool deliver();
  size_t pending() const { return pending_.size(); }
  /// When the next answer is due; 0: none is coming.
  int64_t next_due_us() const;
  /// The process that waits for answers is gone.
  void forget() { pending_.clear(); }
  /// From now on everything answers quickly.
  void set_calm(bool calm) { calm_ = calm; }

 private:
  struct Pending {
    int64_t due_us;
    workflow::EffectRequest request;
    std::function<void(workflow::EffectResult)> done;
  };
  workflow::EffectResult outcome(const workflow::EffectRequest& request);
  workflow::EffectResult model_answer();
  workflow::EffectResult task_answer();

  testing::SeededRandom& random_;
  const int64_t& now_us_;
  std::vector<Pending> pending_;
  bool calm_ = false;
};

}  // namespace switchyard::sim
