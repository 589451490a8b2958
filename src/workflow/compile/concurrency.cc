#include "concurrency.h"

#include "../limits.h"

namespace switchyard::workflow::compiler {

using document::Node;
using expression::Type;

ConcurrencyCompiler::ConcurrencyCompiler(Context& context, Fields& fields, Pipeline& pipeline)
    : context_(context),
      pipeline_(pipeline),
      concurrency_(fields.find("concurrency")),
      priority_(fields.find("priority")) {}

void ConcurrencyCompiler::compile() {
  if (concurrency_.has_value()) compile_concurrency(*concurrency_);
  if (priority_.has_value()) compile_priority(*priority_);
}

void ConcurrencyCompiler::compile_concurrency(const Place& place) {
  ConcurrencySpec spec;
  Fields fields(context_, place, "`concurrency`");
  if (!fields.is_mapping()) return;
  const auto key = fields.find("key");
  if (key.has_value())
    spec.key = context_.expression(*key, Type::string(), "`concurrency.key`", Context::Scope::kInputOnly);
  if (const auto limit = fields.find("limit")) {
    spec.limit = static_cast<uint32_t>(
        read_integer(context_, *limit, "`concurrency.limit`", 1, kMaxRunsAtOnce).value_or(1));
  }
  if (const auto on_limit = fields.find("on_limit")) read_on_limit(*on_limit, spec);
  if (const auto most = fields.find("max_queued")) {
    const auto number = read_integer(context_, *most, "`concurrency.max_queued`", 1, kMaxQueuedRuns);
    spec.max_queued = static_cast<uint32_t>(number.value_or(ConcurrencySpec::kDefaultQueued));
    if (spec.on_limit != ConcurrencySpec::OnLimit::kQueue) {
      context_.error(*most, "pipeline.bad_concurrency",
                     "`max_queued` bounds a queue, and with this `on_limit` there is none",
                     "remove max_queued, or write on_limit: queue");
    }
  }
  fields.finish();
  check_starts(place, key);
  pipeline_.concurrency = std::move(spec);
}

void ConcurrencyCompiler::read_on_limit(const Place& place, ConcurrencySpec& spec) {
  const std::string word = place.node->is(Node::Kind::kString) ? place.node->text : std::string();
  if (word == "queue") {
    spec.on_limit = ConcurrencySpec::OnLimit::kQueue;
  } else if (word == "latest_wins") {
    spec.on_limit = ConcurrencySpec::OnLimit::kLatestWins;
  } else if (word == "refuse") {
    spec.on_limit = ConcurrencySpec::OnLimit::kRefuse;
  } else {
    const std::string near = did_you_mean(word, {"queue", "latest_wins", "refuse"});
    context_.error(
        place, "pipeline.bad_concurrency",
        "`on_limit` says what happens to a start for which there is no place, and " + place.node->describe() +
            " is no answer",
        near.empty() ? "write queue (the default), latest_wins (it cancels the older ones) or refuse" : near);
  }
}

/// What starts runs in a partition that something else has chosen.
void ConcurrencyCompiler::check_starts(const Place& place, const std::optional<Place>& key) {
  if (pipeline_.state.has_value()) {
    context_.error(place, "pipeline.bad_concurrency",
                   "the runs of an agent with `state` go one at a time per key already",
                   "remove concurrency, or keep the state elsewhere");
  } else if (pipeline_.schedule.has_value() && key.has_value()) {
    context_.error(*key, "pipeline.bad_concurrency",
                   "a schedule starts all its runs in one place, whatever their input says",
                   "remove the key: the limit is then one for the whole pipeline");
  }
}

void ConcurrencyCompiler::compile_priority(const Place& place) {
  if (place.node->is(Node::Kind::kString)) {
    pipeline_.priority_of =
        context_.expression(place, Type::integer(), "`priority`", Context::Scope::kInputOnly);
    return;
  }
  const auto number = read_integer(context_, place, "`priority`", 0, kMaxPriority);
  pipeline_.priority = static_cast<int32_t>(number.value_or(kDefaultPriority));
}

}  // namespace switchyard::workflow::compiler
