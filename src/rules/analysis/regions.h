#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "../facts.h"
#include "../predicate.h"
#include "formula.h"
#include "switchyard/types/value.h"

namespace switchyard::rules {

/// Cells of one axis: sorted, disjoint [first, last) intervals of cell numbers.
using Cells = std::vector<std::pair<uint32_t, uint32_t>>;

Cells intersection(const Cells& a, const Cells& b);
Cells difference(const Cells& a, const Cells& b);

/// One fact, cut where any rule makes a difference: within a cell no rule can tell two values apart. Numbers
/// have a cell for each constant and for each gap beside; text one per constant and one for all other;
/// absence and null are cells of their own.
class Axis {
 public:
  explicit Axis(const Fact& fact) : fact_(fact) {}

  void add_constants(const Predicate& predicate);
  /// After the last add_constants().
  void finish();

  /// The cells that the schema allows.
  const Cells& domain() const { return domain_; }
  /// Those of the domain for which the predicate holds; its constants must have been added.
  Cells cells_of(const Predicate& predicate) const;
  /// A value of the cell that reads well; nothing for the cell of absence. Text lives as long as the axis and
  /// `arena`.
  std::optional<Value> example(uint32_t cell, Arena& arena) const;
  const Fact& fact() const { return fact_; }

 private:
  uint32_t absent_cell() const { return value_cells_; }
  uint32_t null_cell() const { return value_cells_ + 1; }
  /// Of a number that add_constants() was given.
  uint32_t cell_of(Number constant) const;
  Cells listed_cells(const Predicate& predicate) const;
  bool is_possible(uint32_t cell) const;
  std::optional<Number> number_in(uint32_t cell) const;

  const Fact& fact_;
  std::vector<Number> numbers_;     ///< cell 2i+1 is numbers_[i], cell 2i what lies before it
  std::vector<std::string> texts_;  ///< cell i is texts_[i], the one after the last all other text
  uint32_t value_cells_ = 0;
  Cells domain_;
};

/// A box: the cells of each axis.
using Region = std::vector<Cells>;

}  // namespace switchyard::rules
