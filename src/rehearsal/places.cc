#include "places.h"

namespace switchyard::rehearsal {
namespace {

using workflow::Block;

std::string_view last_part(std::string_view path) {
  const size_t dot = path.find_last_of("./");
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

/// "each[2].score" → "each[*].score".
std::string without_numbers(std::string_view path) {
  std::string text;
  for (size_t i = 0; i < path.size(); ++i) {
    text += path[i];
    if (path[i] != '[') continue;
    const size_t end = path.find(']', i);
    if (end == std::string_view::npos) continue;
    text += "*]";
    i = end;
  }
  return text;
}

/// What stands before the steps of a block: "each[3].", "order.", "charge.compensate.".
std::string prefix_of(const workflow::Pipeline& pipeline, const Block& block, const std::string& iteration) {
  const std::string owner = block.owner.has_value() ? pipeline.steps[block.owner->value].name : std::string();
  switch (block.role) {
    case Block::Role::kRoot: return {};
    case Block::Role::kItem:
    case Block::Role::kRound: return owner + "[" + iteration + "].";
    case Block::Role::kBody: return owner + ".";
    case Block::Role::kCatch: return owner + ".catch.";
    case Block::Role::kFinally: return owner.empty() ? "finally." : owner + ".finally.";
    case Block::Role::kCompensation: return owner + ".compensate.";
  }
  return {};
}

/// The pipeline that the step starts; children cannot start themselves: a deployment refuses that.
std::shared_ptr<const workflow::Pipeline> child_of(const workflow::Step& step,
                                                   const workflow::Catalog& catalog) {
  const auto* spec = std::get_if<workflow::ChildSpec>(&step.spec);
  return spec == nullptr ? nullptr : catalog.pipeline(spec->pipeline.name, spec->pipeline.version);
}

}  // namespace

std::string static_path(const workflow::Pipeline& pipeline, const workflow::Step& step) {
  std::string path = step.name;
  const Block* block = &pipeline.blocks[step.block.value];
  while (block->role != Block::Role::kRoot) {
    path = prefix_of(pipeline, *block, "*") + path;
    // What is undone, and the pipeline's `finally`, stand by themselves: their frames are the run's own.
    if (block->role == Block::Role::kCompensation || !block->owner.has_value()) break;
    block = &pipeline.blocks[block->parent.value];
  }
  return path;
}

namespace {

std::vector<const workflow::Step*> own_steps_named(const workflow::Pipeline& pipeline, std::string_view name,
                                                   const workflow::Catalog& catalog) {
  std::vector<const workflow::Step*> found;
  const size_t slash = name.find('/');
  const std::string wanted = without_numbers(name.substr(0, slash));
  for (const workflow::Step& step : pipeline.steps) {
    const bool here = static_path(pipeline, step) == wanted || step.name == wanted;
    if (slash == std::string_view::npos) {
      if (here) found.push_back(&step);
    } else if (const auto child = here ? child_of(step, catalog) : nullptr) {
      const auto inner = own_steps_named(*child, name.substr(slash + 1), catalog);
      found.insert(found.end(), inner.begin(), inner.end());
    }
  }
  // A bare name may be a child's.
  for (size_t i = 0; found.empty() && slash == std::string_view::npos && i < pipeline.steps.size(); ++i) {
    if (const auto child = child_of(pipeline.steps[i], catalog))
      found = own_steps_named(*child, name, catalog);
  }
  return found;
}

}  // namespace

std::vector<const workflow::Step*> steps_named(const workflow::Pipeline& pipeline, std::string_view name,
                                               const workflow::Catalog& catalog) {
  auto found = own_steps_named(pipeline, name, catalog);
  for (size_t slash = name.find('/'); found.empty() && slash != std::string_view::npos;
       slash = name.find('/', slash + 1)) {
    if (const auto other = catalog.pipeline(name.substr(0, slash), {}))
      found = own_steps_named(*other, name.substr(slash + 1), catalog);
  }
  return found;
}

std::vector<std::string> step_names(const workflow::Pipeline& pipeline, const workflow::Catalog& catalog) {
  std::vector<std::string> names;
  for (const workflow::Step& step : pipeline.steps) {
    names.push_back(static_path(pipeline, step));
    if (names.back() != step.name) names.push_back(step.name);
    const std::string outer = names.back() + "/";
    if (const auto child = child_of(step, catalog))
      for (const std::string& inner : step_names(*child, catalog)) names.push_back(outer + inner);
  }
  return names;
}

int fits(std::string_view pattern, std::string_view path) {
  if (pattern == path) return 3;
  if (pattern == without_numbers(path)) return 2;
  return pattern == last_part(path) ? 1 : 0;
}

void Instances::see(const Event& event) {
  const auto* started = std::get_if<BlockStarted>(&event.body);
  if (started == nullptr || started->block >= pipeline_->blocks.size()) return;
  const Block& block = pipeline_->blocks[started->block];
  prefixes_[started->frame] =
      prefixes_[event.frame] + prefix_of(*pipeline_, block, std::to_string(started->iteration));
}

std::string Instances::path(uint16_t step, uint32_t frame) const {
  if (step >= pipeline_->steps.size()) return {};
  const auto prefix = prefixes_.find(frame);
  return outer_ + (prefix == prefixes_.end() ? std::string() : prefix->second) + pipeline_->steps[step].name;
}

void Book::see(const Event& event) {
  if (const auto* started = std::get_if<RunStarted>(&event.body)) {
    const auto pipeline = catalog_.pipeline_by_hash(started->pipeline_hash);
    if (pipeline == nullptr) return;
    const auto announced = outer_.find(event.run);
    const std::string outer = announced != outer_.end()        ? announced->second
                              : pipeline->name != tested_.name ? pipeline->name + "/"
                                                               : std::string();
    runs_.insert_or_assign(event.run, Instances(pipeline, outer));
    return;
  }
  const auto run = runs_.find(event.run);
  if (run == runs_.end()) return;
  run->second.see(event);
  if (const auto* child = std::get_if<ChildStarted>(&event.body))
    outer_[child->child] = run->second.path(event.step, event.frame) + "/";
}

std::string Book::path(const RunId& run, uint16_t step, uint32_t frame) const {
  const auto found = runs_.find(run);
  return found == runs_.end() ? std::string() : found->second.path(step, frame);
}

}  // namespace switchyard::rehearsal
