#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../limits.h"
#include "../table.h"
#include "regions.h"

namespace switchyard::rules {

/// What a rule covers: the union of regions.
struct Coverage {
  std::vector<Region> regions;
  bool exact = true;  ///< false: the rule may hit less than this, never more
};

/// The facts of a table as a space of cells, and what its rules cover of it.
class Space {
 public:
  explicit Space(const Table& table);

  /// False when there are too many pieces to look at, or the schema allows no facts.
  bool usable() const { return usable_; }
  const std::vector<Coverage>& rules() const { return rules_; }
  const Region& everything() const { return everything_; }

  static bool overlap(const Region& a, const Region& b);
  static bool contains(const Region& outer, const Region& inner);
  static Region meet(const Region& a, const Region& b);

  enum class Answer : uint8_t { kYes, kNo, kTooMuch };
  /// Whether `covers` together hold all of `region`. Calls `found` with each piece that they do not hold
  /// until it returns true; pieces that it refuses count as held. `work` is what may be spent, and loses what
  /// was.
  template <typename Found>
  static Answer covered(const Region& region, std::span<const Region* const> covers, uint64_t& work,
                        Found found);

  /// Facts in `region` that the schema accepts, normalized, in `arena`; nothing when none could be made up.
  std::optional<Value> example(const Region& region, Arena& arena) const;
  /// "amount = 7.5, country = 'DE'": the example's facts on which the region depends.
  std::string describe(const Region& region) const;

 private:
  void cover(const std::vector<Formula>& formulas);
  /// What is being made up, and what may still be spent on it: a schema may contain itself.
  struct Sample {
    const Region& region;
    Arena& arena;
    size_t parts_left = kMaxExampleParts;
  };
  Value sample(const schema::SchemaType& type, const std::string& path, uint32_t depth, Sample& sample) const;
  std::optional<size_t> axis_of(const std::string& path) const;
  bool needs(const std::string& path, const Region& region) const;

  const Table& table_;
  Facts facts_;
  std::deque<Axis> axes_;
  std::vector<std::optional<uint16_t>> axis_of_fact_;
  Region everything_;
  std::vector<Coverage> rules_;
  bool usable_ = true;
};

template <typename Found>
Space::Answer Space::covered(const Region& region, std::span<const Region* const> covers, uint64_t& work,
                             Found found) {
  struct Piece {
    Region region;
    size_t next;  ///< the covers before it do not touch the piece
  };
  std::vector<Piece> open;
  open.push_back({region, 0});
  while (!open.empty()) {
    Piece piece = std::move(open.back());
    open.pop_back();
    while (piece.next < covers.size() && !overlap(piece.region, *covers[piece.next])) {
      ++piece.next;
      if (work == 0) return Answer::kTooMuch;
      --work;
    }
    if (piece.next == covers.size()) {
      if (found(piece.region)) return Answer::kNo;
      continue;
    }
    const Region& cover = *covers[piece.next++];
    for (size_t axis = 0; axis < cover.size(); ++axis) {
      if (work == 0 || open.size() > kMaxPieces) return Answer::kTooMuch;
      --work;
      Cells outside = difference(piece.region[axis], cover[axis]);
      if (outside.empty()) continue;
      Piece rest = piece;
      rest.region[axis] = std::move(outside);
      piece.region[axis] = intersection(piece.region[axis], cover[axis]);
      open.push_back(std::move(rest));
    }
  }
  return Answer::kYes;
}

}  // namespace switchyard::rules
