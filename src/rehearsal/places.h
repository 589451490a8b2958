#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/types/events.h"
#include "switchyard/workflow/catalog.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::rehearsal {

/// A step as a test file names it: "light"; inside a container "each[*].score", "order.second".
std::string static_path(const workflow::Pipeline& pipeline, const workflow::Step& step);

/// The steps that `name` may mean: a whole path, with numbers or [*] in it, or a step's name alone. What a
/// child does is named after the step that starts it: "score/light"; what another pipeline of the folder
/// does, which events start, after that: "ops/triage/ask".
std::vector<const workflow::Step*> steps_named(const workflow::Pipeline& pipeline, std::string_view name,
                                               const workflow::Catalog& catalog);
/// The names of all steps, of children too, for "did you mean".
std::vector<std::string> step_names(const workflow::Pipeline& pipeline, const workflow::Catalog& catalog);

/// Whether what a test file says of `pattern` goes for the step instance `path`: "each[2].score" for itself,
/// "each[*].score" for every item, "score" for every step of that name. 0: no; else the more the better it
/// fits.
int fits(std::string_view pattern, std::string_view path);

/// Follows the events of one run and names the step instances they are about.
class Instances {
 public:
  /// `outer` stands before every name: of a child "score/", after the step that started it.
  explicit Instances(std::shared_ptr<const workflow::Pipeline> pipeline, std::string outer = {})
      : pipeline_(std::move(pipeline)), outer_(std::move(outer)) {}
  /// In the order of the log.
  void see(const Event& event);
  /// "each[2].score"; empty for what is no step's.
  std::string path(uint16_t step, uint32_t frame) const;

 private:
  std::shared_ptr<const workflow::Pipeline> pipeline_;  // shared with the catalog
  std::string outer_;
  std::map<uint32_t, std::string> prefixes_;  ///< of frames
};

/// The names of all runs of a log.
class Book {
 public:
  /// Steps of `tested` go by their own names, those of other pipelines have the pipeline's before them.
  Book(const workflow::Catalog& catalog, const workflow::Pipeline& tested)
      : catalog_(catalog), tested_(tested) {}
  void see(const Event& event);
  std::string path(const RunId& run, uint16_t step, uint32_t frame) const;

 private:
  const workflow::Catalog& catalog_;
  const workflow::Pipeline& tested_;
  std::map<RunId, Instances> runs_;
  std::map<RunId, std::string> outer_;  ///< of children that were announced
};

}  // namespace switchyard::rehearsal
