#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "graph.h"
#include "place.h"
#include "steps/steps.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow::compiler {

/// Compiles the steps of a pipeline, block by block. First read(): every step of every block gets its index,
/// a block's steps next to each other. Then compile(): within a block in the order of the references, a
/// container's blocks with the container.
class BlocksCompiler {
 public:
  BlocksCompiler(Context& context, Pipeline& pipeline) : context_(context), pipeline_(pipeline) {}

  /// `steps` and `finally` of the document. Opens the scope of the root block.
  void read(const std::optional<Place>& steps, const std::optional<Place>& finally);
  void compile();

  const std::vector<Place>& places() const { return places_; }
  /// Steps whose result somebody reads.
  std::set<uint16_t>& read_steps() { return read_steps_; }

 private:
  /// A step as the document has it.
  struct Draft {
    std::string name;
    Place place;
    const KindInfo* kind = nullptr;  ///< nullptr: reported already
    std::vector<BlockIndex> blocks;
    std::optional<BlockIndex> compensation;
  };
  /// A block as the document has it.
  struct BlockPlace {
    std::optional<Place> output;
    bool in_order = false;  ///< each step needs the one before
  };
  class StepBlocks;

  // reading
  struct NewBlock {
    Block::Role role = Block::Role::kRoot;
    BlockIndex parent;
    std::optional<StepIndex> owner;
    std::optional<Place> output;
    size_t depth = 0;
    bool in_order = false;
  };
  std::optional<BlockIndex> add_block(const NewBlock& wanted, const Place& steps);
  void add_entry(const document::Entry& entry, const Place& place);
  void read_sequence(const Place& steps);
  void add_nested(uint16_t draft, BlockIndex block, size_t depth);
  void add_try(uint16_t draft, NewBlock wanted);
  void add_compensation(uint16_t draft, NewBlock wanted);
  std::string check_step_name(const document::Entry& entry, const std::string& path);
  const KindInfo* find_step_kind(const Place& place);
  const KindInfo* report_no_kind(const Place& place);

  // compiling
  std::vector<Context::Name> names_of(const Block& block) const;
  bool open_scope(const Block& block, const BlockRequest& request);
  void compile_block(BlockIndex index);
  void compile_output(BlockIndex index, bool default_output);
  const Block* compile_nested(BlockIndex index, const BlockRequest& request);
  void compile_compensation(uint16_t index, Step& step);
  void compile_finally();
  void compile_step(uint16_t index);
  void report_cycle(const std::vector<uint16_t>& cycle, uint16_t first);

  Context& context_;
  Pipeline& pipeline_;
  std::vector<Draft> drafts_;
  std::vector<Place> places_;  ///< of the drafts
  std::vector<BlockPlace> block_places_;
  std::set<uint16_t> read_steps_;
};

}  // namespace switchyard::workflow::compiler
