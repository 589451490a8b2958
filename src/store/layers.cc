#include "layers.h"

#include <algorithm>

#include "switchyard/base/check.h"
#include "switchyard/store/keys.h"
#include "switchyard/store/limits.h"

namespace switchyard::store {

Range Range::prefix(std::string_view prefix) { return {std::string(prefix), prefix_end(prefix)}; }

Result<std::optional<std::string>> StateStore::get(std::string_view key) {
  std::string value;
  SY_ASSIGN_OR_RETURN(const bool found, get(key, value));
  if (!found) return std::optional<std::string>();
  return std::optional<std::string>(std::move(value));
}

void Layers::check_key(std::string_view key) const {
  SY_CHECK(!key.empty() && key.size() <= kMaxKeyBytes && key[0] != 0);
  SY_CHECK(!scanning_);  // a visitor must not change what is being walked
}

void Layers::publish() {
  active_bytes_.store(active_->bytes(), std::memory_order_relaxed);
  active_keys_.store(active_->keys(), std::memory_order_relaxed);
}

void Layers::put(std::string_view key, std::string_view value) {
  check_key(key);
  SY_CHECK(value.size() <= kMaxValueBytes);
  const uint64_t hash = Overlay::hash(key);
  Entry* entry = active_->find(key, hash);
  if (entry == nullptr) {
    entry = active_->add(key, hash);
    entry->began_here = true;
  }
  active_->set_value(entry, value);
  publish();
}

void Layers::insert(std::string_view key, std::string_view value) {
  check_key(key);
  SY_CHECK(value.size() <= kMaxValueBytes);
  const uint64_t hash = Overlay::hash(key);
  Entry* entry = active_->find(key, hash);
  if (entry != nullptr) {
    SY_CHECK(!entry->live);  // the caller said that the key is absent
  } else {
    const Entry* frozen = frozen_ == nullptr ? nullptr : frozen_->find(key, hash);
    SY_CHECK(frozen == nullptr || !frozen->live);
#ifdef SWITCHYARD_STORE_CHECK_INSERT
    if (frozen == nullptr) {
      std::string ignored;
      const auto below = base_.base_get(key, ignored);
      SY_CHECK(!below.ok() || !*below);
    }
#endif
    entry = active_->add(key, hash);
    entry->may_be_below = false;
  }
  active_->set_value(entry, value);
  publish();
}

void Layers::erase(std::string_view key) {
  check_key(key);
  const uint64_t hash = Overlay::hash(key);
  if (Entry* entry = active_->find(key, hash); entry != nullptr) {
    if (entry->may_be_below) {
      active_->make_tombstone(entry);
    } else {
      active_->remove(entry, hash);
      annihilated_.fetch_add(1, std::memory_order_relaxed);
    }
    publish();
    return;
  }
  if (frozen_ != nullptr) {
    const Entry* frozen = frozen_->find(key, hash);
    if (frozen != nullptr && !frozen->live) return;
  }
  active_->add(key, hash);
  publish();
}

Result<bool> Layers::get(std::string_view key, std::string& value) {
  check_key(key);
  const uint64_t hash = Overlay::hash(key);
  for (const auto* overlay : {&active_, &frozen_}) {
    if (*overlay == nullptr) continue;
    if (const Entry* entry = (*overlay)->find(key, hash); entry != nullptr) {
      if (entry->live) value.assign(entry->value());
      return entry->live;
    }
  }
  return base_.base_get(key, value);
}

Status Layers::scan(const Range& wanted, const ScanOptions& options, Visitor visitor) {
  SY_CHECK(!scanning_);
  Range range = wanted;
  if (range.from.empty() || range.from[0] == 0)
    range.from.assign(1, '\x01');  // below are the store's own keys
  if (!range.until.empty() && range.until <= range.from) return {};

  struct Scanning {
    bool& flag;
    explicit Scanning(bool& f) : flag(f) { flag = true; }
    ~Scanning() { flag = false; }
  } scanning(scanning_);

  const bool forward = options.direction == Direction::kForward;
  Overlay::Cursor newest(*active_, range, options.direction);
  std::optional<Overlay::Cursor> older;
  if (frozen_ != nullptr) older.emplace(*frozen_, range, options.direction);
  const auto oldest = base_.base_scan(range, options);

  size_t visited = 0;
  for (;;) {
    if (!oldest->valid()) SY_RETURN_IF_ERROR(oldest->status());
    const Entry* a = newest.entry();
    const Entry* b = older ? older->entry() : nullptr;
    // The next key is the first of the three in the direction of the walk.
    std::string_view key;
    bool any = false;
    const auto consider = [&](std::string_view candidate) {
      if (!any || (forward ? candidate < key : candidate > key)) key = candidate;
      any = true;
    };
    if (a != nullptr) consider(a->key());
    if (b != nullptr) consider(b->key());
    if (oldest->valid()) consider(oldest->key());
    if (!any) return {};

    const bool in_a = a != nullptr && a->key() == key;
    const bool in_b = b != nullptr && b->key() == key;
    const bool in_base = oldest->valid() && oldest->key() == key;
    const Entry* entry = in_a ? a : in_b ? b : nullptr;
    if (entry == nullptr || entry->live) {
      if (!visitor(key, entry != nullptr ? entry->value() : oldest->value())) return {};
      if (++visited == options.limit) return {};
    }
    if (in_a) newest.advance();
    if (in_b) older->advance();
    if (in_base) oldest->advance();
  }
}

const Overlay& Layers::freeze() {
  SY_CHECK(frozen_ == nullptr && !scanning_);
  frozen_ = std::move(active_);
  frozen_bytes_.store(frozen_->bytes(), std::memory_order_relaxed);
  active_ = std::make_unique<Overlay>();
  publish();
  return *frozen_;
}

std::unique_ptr<Overlay> Layers::take_frozen() {
  SY_CHECK(!scanning_);
  frozen_bytes_.store(0, std::memory_order_relaxed);
  return std::move(frozen_);
}

}  // namespace switchyard::store
