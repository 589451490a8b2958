#include "regions.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace switchyard::rules {
namespace {

void append(Cells& cells, uint32_t first, uint32_t last) {
  if (first >= last) return;
  if (!cells.empty() && cells.back().second == first)
    cells.back().second = last;
  else
    cells.emplace_back(first, last);
}

/// A number strictly between the two with few digits.
std::optional<double> short_number_between(double low, double high) {
  if (low < 0 && high > 0) return 0;
  for (double step = 1e15; step > 1e-15; step /= 10) {
    const double candidate = std::floor(low / step) * step + step;
    if (candidate > low && candidate < high) return candidate;
  }
  const double middle = low / 2 + high / 2;
  if (middle > low && middle < high) return middle;
  return std::nullopt;
}

}  // namespace

Cells intersection(const Cells& a, const Cells& b) {
  Cells result;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    append(result, std::max(a[i].first, b[j].first), std::min(a[i].second, b[j].second));
    if (a[i].second < b[j].second)
      ++i;
    else
      ++j;
  }
  return result;
}

Cells difference(const Cells& a, const Cells& b) {
  Cells result;
  size_t j = 0;
  for (auto [first, last] : a) {
    while (j < b.size() && b[j].second <= first) ++j;
    for (size_t k = j; k < b.size() && b[k].first < last; ++k) {
      append(result, first, std::min(last, b[k].first));
      first = std::max(first, b[k].second);
    }
    append(result, first, last);
  }
  return result;
}

void Axis::add_constants(const Predicate& predicate) {
  numbers_.insert(numbers_.end(), predicate.numbers.begin(), predicate.numbers.end());
  texts_.insert(texts_.end(), predicate.texts.begin(), predicate.texts.end());
  if (predicate.low.given) numbers_.push_back(predicate.low.value);
  if (predicate.high.given) numbers_.push_back(predicate.high.value);
}

void Axis::finish() {
  if (fact_.low.given) numbers_.push_back(fact_.low.value);
  if (fact_.high.given) numbers_.push_back(fact_.high.value);
  numbers_.insert(numbers_.end(), fact_.enum_numbers.begin(), fact_.enum_numbers.end());
  texts_.insert(texts_.end(), fact_.enum_texts.begin(), fact_.enum_texts.end());
  if (fact_.kind == Fact::Kind::kBool) numbers_ = {0, 1};
  std::sort(numbers_.begin(), numbers_.end());
  numbers_.erase(std::unique(numbers_.begin(), numbers_.end()), numbers_.end());
  std::sort(texts_.begin(), texts_.end());
  texts_.erase(std::unique(texts_.begin(), texts_.end()), texts_.end());
  value_cells_ =
      static_cast<uint32_t>(fact_.kind == Fact::Kind::kText ? texts_.size() + 1 : 2 * numbers_.size() + 1);
  for (uint32_t cell = 0; cell < value_cells_; ++cell)
    if (is_possible(cell)) append(domain_, cell, cell + 1);
  if (fact_.may_be_absent) append(domain_, absent_cell(), absent_cell() + 1);
  if (fact_.may_be_null) append(domain_, null_cell(), null_cell() + 1);
}

bool Axis::is_possible(uint32_t cell) const {
  if (fact_.kind == Fact::Kind::kText) {
    if (fact_.enum_texts.empty()) return true;
    return cell < texts_.size() && std::find(fact_.enum_texts.begin(), fact_.enum_texts.end(),
                                             texts_[cell]) != fact_.enum_texts.end();
  }
  if (fact_.kind == Fact::Kind::kBool && cell % 2 == 0) return false;
  const auto value = number_in(cell);
  if (!value.has_value()) return false;
  if (!fact_.enum_numbers.empty() &&
      std::find(fact_.enum_numbers.begin(), fact_.enum_numbers.end(), *value) == fact_.enum_numbers.end())
    return false;
  const bool above =
      !fact_.low.given || *value > fact_.low.value || (fact_.low.inclusive && *value == fact_.low.value);
  const bool below =
      !fact_.high.given || *value < fact_.high.value || (fact_.high.inclusive && *value == fact_.high.value);
  return above && below;
}

std::optional<Number> Axis::number_in(uint32_t cell) const {
  const size_t index = cell / 2;
  if (cell % 2 == 1) {
    const Number value = numbers_[index];
    if (fact_.kind == Fact::Kind::kInteger && value != std::floor(value)) return std::nullopt;
    return value;
  }
  if (numbers_.empty()) return Number{0};
  if (fact_.kind == Fact::Kind::kInteger) {
    // The least integer after the one before, or the greatest before the first.
    constexpr Number kLeast = std::numeric_limits<int64_t>::min(),
                     kMost = std::numeric_limits<int64_t>::max();
    const Number value = index == 0 ? std::ceil(numbers_[0]) - 1 : std::floor(numbers_[index - 1]) + 1;
    if (value < kLeast || value > kMost) return std::nullopt;
    if (index < numbers_.size() && value >= numbers_[index]) return std::nullopt;
    return value;
  }
  constexpr double kMost = std::numeric_limits<double>::max();
  const double low = index == 0 ? -kMost : static_cast<double>(numbers_[index - 1]);
  const double high = index == numbers_.size() ? kMost : static_cast<double>(numbers_[index]);
  std::optional<double> value;
  if (index == 0)
    value = high > 0 ? 0 : std::floor(high) - 1;
  else if (index == numbers_.size())
    value = low < 0 ? 0 : std::floor(low) + 1;
  if (!value.has_value() || !(*value > low && *value < high)) value = short_number_between(low, high);
  if (!value.has_value()) return std::nullopt;
  return static_cast<Number>(*value);
}

uint32_t Axis::cell_of(Number constant) const {
  const auto found = std::lower_bound(numbers_.begin(), numbers_.end(), constant);
  SY_CHECK(found != numbers_.end() && *found == constant);
  return static_cast<uint32_t>(2 * (found - numbers_.begin()) + 1);
}

Cells Axis::listed_cells(const Predicate& predicate) const {
  Cells cells;
  for (const Number number : predicate.numbers) append(cells, cell_of(number), cell_of(number) + 1);
  for (const auto& text : predicate.texts) {
    const auto cell =
        static_cast<uint32_t>(std::lower_bound(texts_.begin(), texts_.end(), text) - texts_.begin());
    append(cells, cell, cell + 1);
  }
  return cells;
}

Cells Axis::cells_of(const Predicate& predicate) const {
  Cells cells;
  switch (predicate.kind) {
    case Predicate::Kind::kAnything: append(cells, 0, value_cells_); break;
    case Predicate::Kind::kNothing: break;
    case Predicate::Kind::kOneOf: cells = listed_cells(predicate); break;
    case Predicate::Kind::kNoneOf: cells = difference({{0, value_cells_}}, listed_cells(predicate)); break;
    case Predicate::Kind::kRange: {
      const Bound &low = predicate.low, &high = predicate.high;
      const uint32_t first = low.given ? cell_of(low.value) + (low.inclusive ? 0 : 1) : 0;
      append(cells, first, high.given ? cell_of(high.value) + (high.inclusive ? 1 : 0) : value_cells_);
      break;
    }
  }
  if (predicate.passes_absent) append(cells, absent_cell(), absent_cell() + 1);
  if (predicate.passes_null) append(cells, null_cell(), null_cell() + 1);
  return intersection(cells, domain_);
}

std::optional<Value> Axis::example(uint32_t cell, Arena& arena) const {
  if (cell == absent_cell()) return std::nullopt;
  if (cell == null_cell()) return Value::null();
  switch (fact_.kind) {
    case Fact::Kind::kText: {
      if (cell < texts_.size()) return Value::string(texts_[cell]);
      std::string other = "other";
      while (std::binary_search(texts_.begin(), texts_.end(), other)) other += "_";
      return Value::string(arena.copy(other));
    }
    case Fact::Kind::kBool: return Value::boolean(*number_in(cell) != 0);
    case Fact::Kind::kInteger: return Value::integer(static_cast<int64_t>(*number_in(cell)));
    case Fact::Kind::kNumber: return Value::real(static_cast<double>(*number_in(cell)));
  }
  return Value::null();
}

}  // namespace switchyard::rules
