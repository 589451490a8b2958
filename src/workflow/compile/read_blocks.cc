// Where the document's steps stand: each gets its index before any is compiled.
#include "../limits.h"
#include "blocks.h"
#include "names.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;

std::optional<Place> entry_at(const Place& place, std::string_view key) {
  if (!place.node->is(Node::Kind::kMapping)) return std::nullopt;
  for (const auto& entry : place.node->entries)
    if (entry.key == key) return place.entry(entry);
  return std::nullopt;
}

/// The word that says what a step does; nullptr: none, or it is no mapping.
const KindInfo* kind_at(const Place& place) {
  if (!place.node->is(Node::Kind::kMapping)) return nullptr;
  for (const auto& entry : place.node->entries)
    if (const KindInfo* info = find_kind(entry.key)) return info;
  return nullptr;
}

std::string built_kinds() {
  std::vector<std::string> words;
  for (const KindInfo& info : step_kinds())
    if (info.compile != nullptr) words.emplace_back(info.word);
  return word_list(words, words.size());
}

}  // namespace

void BlocksCompiler::read(const std::optional<Place>& steps, const std::optional<Place>& finally) {
  if (steps.has_value()) {
    add_block({Block::Role::kRoot, BlockIndex(0), std::nullopt, std::nullopt, 0}, *steps);
  }
  if (pipeline_.blocks.empty()) {
    pipeline_.blocks.push_back({});
    block_places_.push_back({});
  }
  if (finally.has_value()) {
    Fields fields(context_, *finally, "`finally`");
    const auto inner = fields.require("steps", "write finally: { steps: { <name>: <step> } }");
    fields.finish();
    if (inner.has_value()) {
      pipeline_.finally =
          add_block({Block::Role::kFinally, BlockIndex(0), std::nullopt, std::nullopt, 1}, *inner);
    }
  }
  const auto first_variable = static_cast<uint32_t>(kSlotSteps + drafts_.size());
  pipeline_.slot_count = first_variable + 2 * static_cast<uint32_t>(pipeline_.blocks.size());
  for (const Draft& draft : drafts_) places_.push_back(draft.place);
  pipeline_.steps.resize(drafts_.size());
  context_.declare_scope(pipeline_.slot_count);
  // The root declares no variables of its own: its places are for `state` and for `event`.
  if (pipeline_.state.has_value()) {
    pipeline_.state->slot = first_variable;
    context_.declare_state(first_variable, pipeline_.state->type);
  }
  context_.agent().event_slot = first_variable + 1;
  for (Draft& draft : drafts_) {
    if (!pipeline_.state.has_value() || draft.name != "state") continue;
    context_.error(draft.place, "pipeline.hidden_name", "'state' would hide what has that name already",
                   "give the step another name");
    draft.name = "Nameless_state";
  }
  context_.push_scope(names_of(pipeline_.blocks[0]));
}

std::optional<BlockIndex> BlocksCompiler::add_block(const NewBlock& wanted, const Place& steps) {
  if (wanted.depth > kMaxBlockDepth) {
    context_.error(steps, "pipeline.too_deep",
                   "steps stand within steps more than " + std::to_string(kMaxBlockDepth) + " levels deep",
                   "move the inner part to a pipeline of its own");
    return std::nullopt;
  }
  const BlockIndex index(static_cast<uint16_t>(pipeline_.blocks.size()));
  const bool single = wanted.role == Block::Role::kCompensation && kind_at(steps) != nullptr;
  Block block;
  block.index = index;
  block.role = wanted.role;
  block.parent = wanted.parent;
  block.owner = wanted.owner;
  block.first = StepIndex(static_cast<uint16_t>(drafts_.size()));
  if (single) {
    Draft draft;
    draft.name = drafts_[wanted.owner->value].name + "_undo";
    draft.place = steps;
    draft.kind = find_step_kind(steps);
    drafts_.push_back(std::move(draft));
  } else if (wanted.in_order) {
    read_sequence(steps);
  } else {
    Fields fields(context_, steps, "`steps`");
    if (!fields.is_mapping()) return std::nullopt;
    if (steps.node->entries.empty()) {
      const bool is_root = wanted.role == Block::Role::kRoot;
      context_.error(steps, "pipeline.no_steps",
                     is_root ? "the pipeline has no steps" : "there are no steps here",
                     "add at least one: <name>: { set: { ... } }");
    }
    for (const auto& entry : steps.node->entries) {
      if (drafts_.size() > kMaxSteps) break;
      add_entry(entry, steps.entry(entry));
    }
  }
  if (drafts_.size() > kMaxSteps) {
    context_.error(steps, "pipeline.too_many",
                   "the pipeline has more than " + std::to_string(kMaxSteps) + " steps",
                   "split it into several pipelines");
    drafts_.resize(block.first.value);
    return std::nullopt;
  }
  block.count = static_cast<uint16_t>(drafts_.size() - block.first.value);
  pipeline_.blocks.push_back(block);
  block_places_.push_back({wanted.output, wanted.in_order});
  for (uint16_t i = 0; i < block.count; ++i)
    add_nested(static_cast<uint16_t>(block.first.value + i), index, wanted.depth + 1);
  return index;
}

void BlocksCompiler::add_entry(const document::Entry& entry, const Place& place) {
  Draft draft;
  draft.place = place;
  draft.name = check_step_name(entry, place.path);
  draft.kind = find_step_kind(place);
  drafts_.push_back(std::move(draft));
}

/// `- name: step`, one a line.
void BlocksCompiler::read_sequence(const Place& steps) {
  if (steps.node->items.empty()) {
    context_.error(steps, "pipeline.no_steps", "there are no steps here",
                   "add at least one: - <name>: { set: { ... } }");
  }
  for (size_t i = 0; i < steps.node->items.size(); ++i) {
    const Place item = steps.item(i);
    if (drafts_.size() > kMaxSteps) return;
    if (!item.node->is(Node::Kind::kMapping) || item.node->entries.size() != 1) {
      context_.error(item, "pipeline.bad_sequence",
                     "an item of `sequence` must be one named step, and this is " + item.node->describe(),
                     "write - <name>: { <what the step does> }");
      continue;
    }
    add_entry(item.node->entries[0], item.entry(item.node->entries[0]));
  }
}

void BlocksCompiler::add_nested(uint16_t draft, BlockIndex block, size_t depth) {
  const Place place = drafts_[draft].place;
  if (!place.node->is(Node::Kind::kMapping)) return;
  NewBlock wanted{Block::Role::kBody, block, StepIndex(draft), std::nullopt, depth};
  const auto add = [&](const std::optional<Place>& steps) {
    if (!steps.has_value()) return;
    wanted.output = entry_at(place, "output");
    if (const auto added = add_block(wanted, *steps)) drafts_[draft].blocks.push_back(*added);
  };
  const KindInfo* kind = drafts_[draft].kind;
  switch (kind == nullptr ? StepKind::kSet : kind->kind) {
    case StepKind::kForEach: wanted.role = Block::Role::kItem, add(entry_at(place, "steps")); break;
    case StepKind::kRepeat: wanted.role = Block::Role::kRound, add(entry_at(place, "steps")); break;
    case StepKind::kSequence: {
      const auto list = entry_at(place, "sequence");
      wanted.in_order = true;
      if (list->node->is(Node::Kind::kSequence)) add(list);
      break;
    }
    case StepKind::kTry: add_try(draft, wanted); break;
    default: break;
  }
  if (entry_at(place, "compensate").has_value()) add_compensation(draft, wanted);
}

void BlocksCompiler::add_try(uint16_t draft, NewBlock wanted) {
  const Place place = drafts_[draft].place;
  const auto add = [&](Block::Role role, const Place& holder) {
    const auto steps = entry_at(holder, "steps");
    if (!steps.has_value()) return;
    wanted.role = role;
    wanted.output = entry_at(holder, "output");
    if (const auto added = add_block(wanted, *steps)) drafts_[draft].blocks.push_back(*added);
  };
  add(Block::Role::kBody, *entry_at(place, "try"));
  if (const auto clauses = entry_at(place, "catch"); clauses && clauses->node->is(Node::Kind::kSequence)) {
    for (size_t i = 0; i < clauses->node->items.size(); ++i) add(Block::Role::kCatch, clauses->item(i));
  }
  if (const auto last = entry_at(place, "finally")) add(Block::Role::kFinally, *last);
}

void BlocksCompiler::add_compensation(uint16_t draft, NewBlock wanted) {
  const Place place = *entry_at(drafts_[draft].place, "compensate");
  wanted.role = Block::Role::kCompensation;
  wanted.output.reset();  // it is the container's
  wanted.in_order = false;
  const auto steps = kind_at(place) != nullptr ? std::optional(place) : entry_at(place, "steps");
  if (!steps.has_value()) {
    context_.error(place, "pipeline.bad_compensate", "`compensate` does not say what undoes the step",
                   "write one step, as in compensate: { http: { ... } }, or compensate: { steps: { ... } }");
    return;
  }
  drafts_[draft].compensation = add_block(wanted, *steps);
}

/// The name under which expressions find the step; where the document's cannot be used, one that no
/// document can have.
std::string BlocksCompiler::check_step_name(const document::Entry& entry, const std::string& path) {
  const std::string_view reserved = reserved_because(entry.key);
  if (is_step_name(entry.key) && reserved.empty()) return entry.key;
  context_.error_at(entry.position, path, "pipeline.bad_name",
                    "'" + entry.key + "' cannot be the name of a step" +
                        (reserved.empty() ? "" : ": " + std::string(reserved)),
                    reserved.empty() ? "write small letters, digits and underscores, beginning with a letter"
                                     : "give the step another name");
  return "Nameless_" + std::to_string(drafts_.size());
}

const KindInfo* BlocksCompiler::find_step_kind(const Place& place) {
  if (!place.node->is(Node::Kind::kMapping)) {
    context_.error(place, "pipeline.not_a_mapping",
                   "a step must be a mapping, and this is " + place.node->describe(),
                   "say what the step does: { set: { ... } }");
    return nullptr;
  }
  std::vector<std::pair<const KindInfo*, const document::Entry*>> found;
  for (const auto& entry : place.node->entries)
    if (const KindInfo* info = find_kind(entry.key)) found.emplace_back(info, &entry);
  if (found.empty()) return report_no_kind(place);
  if (found.size() > 1) {
    context_.error_at(found[1].second->position, place.path, "pipeline.several_kinds",
                      "a step does one thing, and this one says both `" + std::string(found[0].first->word) +
                          "` and `" + std::string(found[1].first->word) + "`",
                      "make two steps of it");
    return nullptr;
  }
  const auto [info, entry] = found[0];
  if (info->compile != nullptr) return info;
  context_.error_at(entry->position, document::child_path(place.path, entry->key), "pipeline.not_available",
                    "`" + entry->key + "` belongs to the language, to the part on " +
                        std::string(info->part) + ", which is not built yet",
                    "use one of " + built_kinds());
  return nullptr;
}

const KindInfo* BlocksCompiler::report_no_kind(const Place& place) {
  static const std::vector<std::string> kWords = [] {
    std::vector<std::string> words;
    for (const KindInfo& info : step_kinds()) words.emplace_back(info.word);
    return words;
  }();
  std::string mend = "add one of " + built_kinds();
  document::Position at = place.position();
  for (const auto& entry : place.node->entries) {
    const std::string near = document::nearest(entry.key, kWords);
    if (near.empty()) continue;
    mend = "did you mean '" + near + "' instead of '" + entry.key + "'?";
    at = entry.position;
  }
  context_.error_at(at, place.path, "pipeline.no_kind", "this step does not say what it does",
                    std::move(mend));
  return nullptr;
}

}  // namespace switchyard::workflow::compiler
