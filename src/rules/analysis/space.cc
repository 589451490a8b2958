#include "space.h"

#include <algorithm>

#include "switchyard/types/json.h"

namespace switchyard::rules {

using schema::SchemaType;

Space::Space(const Table& table) : table_(table), facts_(table.facts()) {
  std::vector<Formula> formulas;
  for (const auto& rule : table.rules()) formulas.push_back(formula_of(rule, facts_));
  axis_of_fact_.resize(facts_.size());
  for (auto& formula : formulas)
    for (auto& clause : formula.alternatives)
      for (const auto& [fact, predicate] : clause) {
        auto& axis = axis_of_fact_[fact];
        if (!axis.has_value() && axes_.size() < kMaxAxes) {
          axis = static_cast<uint16_t>(axes_.size());
          axes_.emplace_back(facts_[fact]);
        }
        if (axis.has_value()) axes_[*axis].add_constants(predicate);
      }
  for (auto& axis : axes_) {
    axis.finish();
    everything_.push_back(axis.domain());
    usable_ &= !axis.domain().empty();
  }
  if (usable_) cover(formulas);
}

void Space::cover(const std::vector<Formula>& formulas) {
  size_t pieces = 0;
  for (const auto& formula : formulas) {
    Coverage& coverage = rules_.emplace_back();
    coverage.exact = formula.exact;
    for (const auto& clause : formula.alternatives) {
      Region region = everything_;
      bool empty = false;
      for (const auto& [fact, predicate] : clause) {
        const auto axis = axis_of_fact_[fact];
        if (!axis.has_value()) {
          coverage.exact = false;
          continue;
        }
        region[*axis] = intersection(region[*axis], axes_[*axis].cells_of(predicate));
        empty |= region[*axis].empty();
      }
      if (!empty) coverage.regions.push_back(std::move(region));
    }
    pieces += coverage.regions.size();
    if (pieces > kMaxPieces) {
      usable_ = false;
      return;
    }
  }
}

bool Space::overlap(const Region& a, const Region& b) {
  for (size_t axis = 0; axis < a.size(); ++axis) {
    bool meets = false;
    for (size_t i = 0, j = 0; i < a[axis].size() && j < b[axis].size() && !meets;) {
      const auto &x = a[axis][i], &y = b[axis][j];
      meets = std::max(x.first, y.first) < std::min(x.second, y.second);
      if (x.second < y.second)
        ++i;
      else
        ++j;
    }
    if (!meets) return false;
  }
  return true;
}

bool Space::contains(const Region& outer, const Region& inner) {
  for (size_t axis = 0; axis < outer.size(); ++axis)
    if (!difference(inner[axis], outer[axis]).empty()) return false;
  return true;
}

Region Space::meet(const Region& a, const Region& b) {
  Region result;
  for (size_t axis = 0; axis < a.size(); ++axis) result.push_back(intersection(a[axis], b[axis]));
  return result;
}

std::optional<size_t> Space::axis_of(const std::string& path) const {
  for (size_t axis = 0; axis < axes_.size(); ++axis)
    if (axes_[axis].fact().path == path) return axis;
  return std::nullopt;
}

bool Space::needs(const std::string& path, const Region& region) const {
  for (size_t axis = 0; axis < axes_.size(); ++axis) {
    Arena arena(64);
    if (axes_[axis].fact().path.starts_with(path + ".") && axes_[axis].example(region[axis][0].first, arena))
      return true;
  }
  return false;
}

Value Space::sample(const SchemaType& type, const std::string& path, uint32_t depth, Sample& sample) const {
  if (depth > kMaxExampleDepth || sample.parts_left == 0) return Value::null();
  --sample.parts_left;
  const Region& region = sample.region;
  Arena& arena = sample.arena;
  switch (type.kind) {
    case SchemaType::Kind::kObject: {
      MapBuilder map(arena);
      for (const auto& property : type.properties) {
        const std::string own = path.empty() ? property.name : path + "." + property.name;
        const std::string_view key = arena.copy(property.name);
        if (const auto axis = axis_of(own)) {
          if (const auto value = axes_[*axis].example(region[*axis][0].first, arena)) map.add(key, *value);
        } else if (property.type != nullptr && (property.always_present || needs(own, region))) {
          map.add(key, this->sample(*property.type, own, depth + 1, sample));
        }
      }
      return map.build();
    }
    case SchemaType::Kind::kArray: return ListBuilder(arena).build();
    case SchemaType::Kind::kUnion: return this->sample(*type.alternatives.front(), path, depth + 1, sample);
    case SchemaType::Kind::kBoolean:
    case SchemaType::Kind::kInteger:
    case SchemaType::Kind::kNumber:
    case SchemaType::Kind::kString: {
      Facts facts(facts_);
      const auto found = facts.find(path);
      if (!found.index.has_value()) return Value::null();
      Axis axis(facts[*found.index]);
      axis.finish();
      if (axis.domain().empty()) return Value::null();
      const auto value = axis.example(axis.domain()[0].first, arena);
      return value.has_value() ? copy_value(*value, arena) : Value::null();
    }
    default: return Value::null();
  }
}

std::optional<Value> Space::example(const Region& region, Arena& arena) const {
  Sample made{region, arena};
  const Value value = sample(table_.facts().schema().type(), "", 0, made);
  auto normalized = table_.facts().schema().normalize(value, arena);
  if (!normalized.ok()) return std::nullopt;
  return *normalized;
}

std::string Space::describe(const Region& region) const {
  std::string out;
  Arena arena;
  for (size_t axis = 0; axis < axes_.size(); ++axis) {
    if (region[axis] == everything_[axis]) continue;
    if (!out.empty()) out += ", ";
    const auto value = axes_[axis].example(region[axis][0].first, arena);
    out += axes_[axis].fact().path;
    out += value.has_value() ? " = " + to_json(*value) : " absent";
  }
  return out.empty() ? "any facts" : out;
}

}  // namespace switchyard::rules
