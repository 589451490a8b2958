#include "switchyard/expression/environment.h"

#include "switchyard/base/check.h"
#include "switchyard/expression/limits.h"

namespace switchyard::expression {
namespace {

bool is_dotted_name(std::string_view name) {
  bool begins = true;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (begins && !letter) return false;
    if (c == '.') {
      begins = true;
      continue;
    }
    if (!letter && !(c >= '0' && c <= '9')) return false;
    begins = false;
  }
  return !begins;
}

}  // namespace

SlotIndex Environment::declare(std::string name, Type type) {
  SY_CHECK(is_dotted_name(name));
  SY_CHECK(variables_.size() < kMaxOperands);
  const auto slot = static_cast<uint16_t>(variables_.size());
  const bool added = by_name_.emplace(name, slot).second;
  SY_CHECK(added);
  variables_.push_back({std::move(name), std::move(type)});
  return SlotIndex(slot);
}

SlotIndex Environment::reserve() {
  SY_CHECK(variables_.size() < kMaxOperands);
  variables_.push_back({});
  return SlotIndex(static_cast<uint16_t>(variables_.size() - 1));
}

void Environment::reveal(SlotIndex slot, std::string name, Type type) {
  SY_CHECK(is_dotted_name(name) && slot.value < variables_.size() && variables_[slot.value].name.empty());
  const bool added = by_name_.emplace(name, slot.value).second;
  SY_CHECK(added);
  variables_[slot.value] = {std::move(name), std::move(type)};
}

void Environment::hide(SlotIndex slot) {
  SY_CHECK(slot.value < variables_.size() && by_name_.erase(variables_[slot.value].name) == 1);
  variables_[slot.value] = {};
}

void Environment::set_type(SlotIndex slot, Type type) {
  SY_CHECK(slot.value < variables_.size());
  variables_[slot.value].type = std::move(type);
}

std::optional<SlotIndex> Environment::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return SlotIndex(found->second);
}

const Variable& Environment::variable(SlotIndex slot) const {
  SY_CHECK(slot.value < variables_.size());
  return variables_[slot.value];
}

}  // namespace switchyard::expression
