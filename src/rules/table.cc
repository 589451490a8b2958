#include "table.h"

namespace switchyard::rules {

size_t priority_of(const Column& column, const Value& value) {
  const auto& values = column.schema->type().enum_values;
  for (size_t i = 0; i < values.size(); ++i)
    if (equal(values[i], value)) return i;
  return values.size();
}

namespace {

Error in_rule(Error error, const std::string& where, const std::string& path) {
  error.message = where + ": " + error.message;
  error.field = path;
  return error;
}

}  // namespace

/// One evaluation of a table.
class Evaluation {
 public:
  Evaluation(const Table& table, Arena& arena) : table_(table), arena_(arena), matched_(arena) {}

  Result<Value> run(const Value& facts) {
    auto normalized = table_.facts_schema_->normalize(facts, arena_);
    if (!normalized.ok()) {
      return make_error(
          ErrorKind::kUnprocessable, "rules.bad_facts",
          "the facts do not fit the table '" + table_.name_ + "': " + normalized.error().message,
          normalized.error().field);
    }
    facts_ = *normalized;
    read_ = arena_.allocate<const Value*>(table_.facts_->size());
    for (size_t i = 0; i < table_.facts_->size(); ++i) read_[i] = (*table_.facts_)[i].read(facts_);
    switch (table_.policy_) {
      case HitPolicy::kFirst: return first();
      case HitPolicy::kUnique: return unique();
      case HitPolicy::kAny: return any();
      case HitPolicy::kPriority: return priority();
      case HitPolicy::kCollect: return collect();
    }
    return no_match();
  }

  Result<bool> hits(const Rule& rule) {
    if (rule.never) return false;
    for (const auto& test : rule.tests)
      if (!test.predicate.holds(read_[test.fact])) return false;
    if (!rule.when.has_value()) return true;
    auto value = rule.when->evaluate({&facts_, 1}, arena_);
    if (!value.ok())
      return in_rule(std::move(value).error(), "the condition of rule '" + rule.id + "'",
                     rule.path + ".when");
    return value->as_bool();
  }

  /// Facts that are normalized already.
  void take(const Value& facts) {
    facts_ = facts;
    read_ = arena_.allocate<const Value*>(table_.facts_->size());
    for (size_t i = 0; i < table_.facts_->size(); ++i) read_[i] = (*table_.facts_)[i].read(facts_);
  }

 private:
  /// The next rule from `index` that hits; the number of rules when none does.
  Result<size_t> next_hit(size_t index) {
    for (; index < table_.rules_.size(); ++index) {
      SY_ASSIGN_OR_RETURN(const bool hit, hits(table_.rules_[index]));
      if (!hit) continue;
      return index;
    }
    return index;
  }

  Result<Value> cell(const Rule& rule, size_t column) {
    const Cell& cell = rule.cells[column];
    if (!cell.program.has_value()) return cell.constant;
    const Column& of = table_.columns_[column];
    const std::string path = rule.path + ".then." + of.name;
    auto value = cell.program->evaluate({&facts_, 1}, arena_);
    if (!value.ok()) return in_rule(std::move(value).error(), label(rule, of), path);
    auto normalized = of.schema->normalize(*value, arena_);
    if (!normalized.ok()) {
      return make_error(
          ErrorKind::kUnprocessable, "rules.bad_output",
          label(rule, of) + " gave a value that the column does not take: " + normalized.error().message,
          path);
    }
    return *normalized;
  }

  static std::string label(const Rule& rule, const Column& column) {
    if (rule.id.empty()) return "output '" + column.name + "' of the default";
    return "output '" + column.name + "' of rule '" + rule.id + "'";
  }

  Status add_cells(const Rule& rule, MapBuilder& map) {
    for (size_t i = 0; i < table_.columns_.size(); ++i) {
      SY_ASSIGN_OR_RETURN(const Value value, cell(rule, i));
      map.add(table_.columns_[i].name, value);
    }
    return {};
  }

  void match(const Rule& rule) { matched_.add(Value::string(rule.id)); }

  /// The result with `matched`, independent of the facts' and the table's memory.
  Value finish(MapBuilder& map) {
    map.add("matched", matched_.build());
    return copy_value(map.build(), arena_);
  }

  Result<Value> outputs_of(const Rule& rule) {
    MapBuilder map(arena_, static_cast<uint32_t>(table_.columns_.size() + 1));
    SY_RETURN_IF_ERROR(add_cells(rule, map));
    return finish(map);
  }

  Result<Value> no_match() {
    if (table_.no_match_ == NoMatch::kDefault) return outputs_of(table_.default_);
    if (table_.no_match_ == NoMatch::kError) return no_match_error();
    MapBuilder map(arena_);
    return finish(map);
  }

  Error no_match_error() const {
    return make_error(ErrorKind::kUnprocessable, "rules.no_match",
                      "no rule of the table '" + table_.name_ +
                          "' hits for these facts; give it a `default`, or say "
                          "`on_no_match: absent`");
  }

  Result<Value> first() {
    SY_ASSIGN_OR_RETURN(const size_t index, next_hit(0));
    if (index == table_.rules_.size()) return no_match();
    match(table_.rules_[index]);
    return outputs_of(table_.rules_[index]);
  }

  Result<Value> unique() {
    SY_ASSIGN_OR_RETURN(const size_t index, next_hit(0));
    if (index == table_.rules_.size()) return no_match();
    SY_ASSIGN_OR_RETURN(size_t other, next_hit(index + 1));
    if (other != table_.rules_.size()) {
      std::string ids = "'" + table_.rules_[index].id + "'";
      while (other != table_.rules_.size()) {
        ids += ", '" + table_.rules_[other].id + "'";
        SY_ASSIGN_OR_RETURN(other, next_hit(other + 1));
      }
      return make_error(ErrorKind::kUnprocessable, "rules.not_unique",
                        "more than one rule of the table '" + table_.name_ + "' hits for these facts: " +
                            ids + "; make their conditions exclude each other, or choose another hit policy");
    }
    match(table_.rules_[index]);
    return outputs_of(table_.rules_[index]);
  }

  Result<Value> any() {
    SY_ASSIGN_OR_RETURN(const size_t index, next_hit(0));
    if (index == table_.rules_.size()) return no_match();
    const Rule& chosen = table_.rules_[index];
    MapBuilder map(arena_, static_cast<uint32_t>(table_.columns_.size() + 1));
    SY_RETURN_IF_ERROR(add_cells(chosen, map));
    const Value outputs = map.build();
    match(chosen);
    for (size_t other = index;;) {
      SY_ASSIGN_OR_RETURN(other, next_hit(other + 1));
      if (other == table_.rules_.size()) break;
      match(table_.rules_[other]);
      for (size_t column = 0; column < table_.columns_.size(); ++column) {
        SY_ASSIGN_OR_RETURN(const Value value, cell(table_.rules_[other], column));
        if (equal(value, outputs.members()[column].value)) continue;
        return make_error(ErrorKind::kUnprocessable, "rules.any_conflict",
                          "the rules '" + chosen.id + "' and '" + table_.rules_[other].id +
                              "' of the table '" + table_.name_ + "' hit together and differ in '" +
                              table_.columns_[column].name + "'; the hit policy `any` wants equal outputs");
      }
    }
    MapBuilder result(arena_, outputs.size() + 1);
    for (const auto& member : outputs.members()) result.add(member.key, member.value);
    return finish(result);
  }

  Result<Value> priority() {
    const size_t count = table_.rules_.size();
    size_t best = count;
    size_t best_rank = 0;
    ListBuilder others(arena_);
    for (size_t index = 0;; ++index) {
      SY_ASSIGN_OR_RETURN(index, next_hit(index));
      if (index == count) break;
      SY_ASSIGN_OR_RETURN(const Value value, cell(table_.rules_[index], 0));
      const size_t rank = priority_of(table_.columns_[0], value);
      if (best == count || rank < best_rank) {
        if (best != count) others.add(Value::string(table_.rules_[best].id));
        best = index;
        best_rank = rank;
      } else {
        others.add(Value::string(table_.rules_[index].id));
      }
    }
    if (best == count) return no_match();
    match(table_.rules_[best]);
    for (const auto& id : others.build().items()) matched_.add(id);
    return outputs_of(table_.rules_[best]);
  }

  Result<Value> collect() {
    const bool count_only = table_.aggregation_ == Aggregation::kCount;
    ListBuilder hits(arena_);
    int64_t hit_count = 0;
    for (size_t index = 0;; ++index) {
      SY_ASSIGN_OR_RETURN(index, next_hit(index));
      if (index == table_.rules_.size()) break;
      ++hit_count;
      match(table_.rules_[index]);
      if (!count_only) SY_RETURN_IF_ERROR(add_hit(table_.rules_[index], hits));
    }
    if (hit_count == 0) {
      if (table_.no_match_ == NoMatch::kError) return no_match_error();
      if (table_.no_match_ == NoMatch::kDefault) SY_RETURN_IF_ERROR(add_hit(table_.default_, hits));
      const bool has_number = table_.aggregation_ != Aggregation::kNone && !count_only;
      if (has_number && table_.no_match_ == NoMatch::kAbsent) return no_match();
    }
    MapBuilder map(arena_, 2);
    if (count_only) {
      map.add("count", Value::integer(hit_count));
    } else if (table_.aggregation_ == Aggregation::kNone) {
      map.add("hits", hits.build());
    } else {
      SY_ASSIGN_OR_RETURN(const Value value, aggregate(hits.build()));
      map.add(table_.columns_[0].name, value);
    }
    return finish(map);
  }

  /// Adds the outputs of `rule`: an object, or the number alone when numbers are aggregated.
  Status add_hit(const Rule& rule, ListBuilder& hits) {
    if (table_.aggregation_ != Aggregation::kNone) {
      SY_ASSIGN_OR_RETURN(const Value value, cell(rule, 0));
      hits.add(value);
      return {};
    }
    MapBuilder map(arena_, static_cast<uint32_t>(table_.columns_.size()));
    SY_RETURN_IF_ERROR(add_cells(rule, map));
    hits.add(map.build());
    return {};
  }

  Result<Value> aggregate(const Value& numbers) {
    const auto items = numbers.items();
    const bool integers = table_.columns_[0].type.is(expression::TypeKind::kInt);
    if (table_.aggregation_ == Aggregation::kSum) {
      if (!integers) {
        double sum = 0;
        for (const auto& item : items) sum += item.as_double();
        return Value::real(sum);
      }
      int64_t sum = 0;
      for (const auto& item : items) {
        if (!__builtin_add_overflow(sum, item.as_integer(), &sum)) continue;
        return make_error(ErrorKind::kUnprocessable, "rules.overflow",
                          "the sum of '" + table_.columns_[0].name +
                              "' is larger than an integer can be; make the "
                              "column a number");
      }
      return Value::integer(sum);
    }
    SY_CHECK(!items.empty());
    Value best = items[0];
    for (const auto& item : items.subspan(1)) {
      const auto order = compare_numbers(item, best);
      if (table_.aggregation_ == Aggregation::kMin ? order < 0 : order > 0) best = item;
    }
    return best;
  }

  const Table& table_;
  Arena& arena_;
  ListBuilder matched_;
  Value facts_;
  const Value** read_ = nullptr;
};

Result<Value> Table::evaluate(const Value& facts, Arena& arena) const {
  return Evaluation(*this, arena).run(facts);
}

Result<bool> Table::hits(const Rule& rule, const Value& facts, Arena& arena) const {
  Evaluation evaluation(*this, arena);
  evaluation.take(facts);
  return evaluation.hits(rule);
}

}  // namespace switchyard::rules
