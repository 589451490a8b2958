// Runs that go on under another version of their pipeline.
#include "check_why.h"
#include "event_flow.h"
#include "keys.h"
#include "switchyard/partition/state_machine.h"
#include "switchyard/workflow/migrate.h"

namespace switchyard::partition {

Result<Migrated> StateMachine::migrate_run(const MigrateRun& command, int64_t now_us) {
  refresh_catalog();
  SY_RETURN_IF_ERROR(check_why(command.why));
  SY_ASSIGN_OR_RETURN(HotRun* const hot, find_run(command.run));
  workflow::RunState& state = *hot->state;
  now_us_ = now_us;
  Migrated migrated;
  migrated.from = state.pipeline->version;
  Arena arena;
  Value input;
  migrated.obstacles = workflow::migration_obstacles(state, *command.to, input, arena);
  if (migrated.obstacles.empty() && !workflow::can_park(state, now_us))
    migrated.obstacles.push_back("the decision is at work; a run is migrated while it waits or is paused");
  Status done;
  if (const auto* kill = catalog_->killed(ArtefactKind::kPipeline, command.to->name, command.to->version)) {
    migrated.obstacles.push_back("version " + command.to->version + " was switched off by " + kill->who +
                                 ": " + kill->why);
  }
  if (migrated.obstacles.empty() && !command.dry_run)
    done =
        workflow::migrate(state, {command.to, command.pins, input, command.who, command.why}, *this, now_us);
  rest(command.run, now_us);
  SY_RETURN_IF_ERROR(std::move(done));
  return migrated;
}

/// Who refers to steps of the run by their places.
void StateMachine::fold_migrated(const HotRun& run, const RunMigrated& body) {
  const workflow::RunState& state = *run.state;
  flow_->fold_migrated(state.id, body);
  workflow::for_each_frame(state, [&](const workflow::Frame& frame) {
    const workflow::Block& block = state.pipeline->blocks[frame.block.value];
    for (uint16_t i = 0; i < block.count; ++i) {
      if (frame.steps[i].review.is_zero()) continue;
      auto item = find_review(frame.steps[i].review);
      if (!item.ok() || !item->has_value()) continue;
      review::Item after = **item;
      after.step = static_cast<uint16_t>(block.first.value + i);
      put_review(after, &**item);
    }
  });
}

}  // namespace switchyard::partition
