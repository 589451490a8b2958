#include "overlay.h"

#include <absl/container/btree_set.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "switchyard/base/check.h"
#include "switchyard/base/hash.h"

namespace switchyard::store {
namespace {

constexpr size_t kFirstCapacity = 64;

struct KeyLess {
  using is_transparent = void;
  static std::string_view key(const Entry* entry) { return entry->key(); }
  static std::string_view key(std::string_view text) { return text; }
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    return key(a) < key(b);
  }
};
using Tree = absl::btree_set<Entry*, KeyLess>;

uint8_t first_byte(std::string_view key) { return static_cast<uint8_t>(key[0]); }

}  // namespace

struct Overlay::Ordered {
  Tree tree;
  std::array<std::vector<Entry*>, 256> pending;  // by the key's first byte
};

struct Overlay::Cursor::Place {
  const Tree* tree;
  Tree::const_iterator at;
};

Overlay::Overlay() : ordered_(std::make_unique<Ordered>()) {}
Overlay::~Overlay() = default;

uint64_t Overlay::hash(std::string_view key) { return hash64(key); }

Entry* Overlay::find(std::string_view key, uint64_t key_hash) const {
  if (capacity_ == 0) return nullptr;
  for (size_t i = key_hash & (capacity_ - 1);; i = (i + 1) & (capacity_ - 1)) {
    const Slot& slot = slots_[i];
    if (slot.entry == nullptr) return nullptr;
    if (slot.hash == key_hash && slot.entry->key() == key) return slot.entry;
  }
}

Entry* Overlay::add(std::string_view key, uint64_t key_hash) {
  if (keys_ * 8 >= capacity_ * 5) grow();
  auto* entry = static_cast<Entry*>(slab_.allocate(sizeof(Entry) + key.size()));
  auto& pending = ordered_->pending[first_byte(key)];
  *entry = Entry{static_cast<uint32_t>(key.size()),
                 0,
                 0,
                 static_cast<uint32_t>(pending.size()),
                 false,
                 true,
                 false,
                 nullptr};
  std::memcpy(entry + 1, key.data(), key.size());
  pending.push_back(entry);
  size_t i = key_hash & (capacity_ - 1);
  while (slots_[i].entry != nullptr) i = (i + 1) & (capacity_ - 1);
  slots_[i] = {key_hash, entry};
  ++keys_;
  return entry;
}

void Overlay::grow() {
  const size_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
  auto slots = std::make_unique<Slot[]>(capacity);
  for (size_t i = 0; i < capacity_; ++i) {
    if (slots_[i].entry == nullptr) continue;
    size_t to = slots_[i].hash & (capacity - 1);
    while (slots[to].entry != nullptr) to = (to + 1) & (capacity - 1);
    slots[to] = slots_[i];
  }
  slots_ = std::move(slots);
  capacity_ = capacity;
}

void Overlay::set_value(Entry* entry, std::string_view value) {
  // A value much smaller than its room gives the room back, so that a shrinking key does not hold its peak.
  if (value.size() > entry->value_capacity || value.size() * 4 + 64 < entry->value_capacity) {
    const size_t capacity = Slab::rounded(value.size());
    char* room = static_cast<char*>(slab_.allocate(capacity));
    if (entry->value_at != nullptr) slab_.release(entry->value_at, entry->value_capacity);
    entry->value_at = room;
    entry->value_capacity = static_cast<uint32_t>(capacity);
  }
  if (!value.empty()) std::memcpy(entry->value_at, value.data(), value.size());
  entry->value_bytes = static_cast<uint32_t>(value.size());
  entry->live = true;
}

void Overlay::make_tombstone(Entry* entry) {
  if (entry->value_at != nullptr) slab_.release(entry->value_at, entry->value_capacity);
  entry->value_at = nullptr;
  entry->value_bytes = entry->value_capacity = 0;
  entry->live = false;
}

void Overlay::remove(Entry* entry, uint64_t key_hash) {
  make_tombstone(entry);
  const size_t mask = capacity_ - 1;
  size_t hole = key_hash & mask;
  while (slots_[hole].entry != entry) {
    SY_CHECK(slots_[hole].entry != nullptr);
    hole = (hole + 1) & mask;
  }
  // Linear probing without markers: move back whatever the hole would cut off from its home.
  for (size_t i = (hole + 1) & mask; slots_[i].entry != nullptr; i = (i + 1) & mask) {
    const size_t home = slots_[i].hash & mask;
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      slots_[hole] = slots_[i];
      hole = i;
    }
  }
  slots_[hole] = {0, nullptr};
  --keys_;

  if (entry->pending_at == Entry::kIndexed) {
    SY_CHECK(ordered_->tree.erase(entry->key()) == 1);
  } else {
    auto& pending = ordered_->pending[first_byte(entry->key())];
    pending[entry->pending_at] = pending.back();
    pending[entry->pending_at]->pending_at = entry->pending_at;
    pending.pop_back();
  }
  slab_.release(entry, sizeof(Entry) + entry->key_bytes);
}

size_t Overlay::indexed_keys() const { return ordered_->tree.size(); }

void Overlay::order(const Range& range) {
  const size_t first = range.from.empty() ? 0 : first_byte(range.from);
  const size_t last = range.until.empty() ? 255 : first_byte(range.until);
  for (size_t byte = first; byte <= last; ++byte) {
    for (Entry* entry : ordered_->pending[byte]) {
      ordered_->tree.insert(entry);
      entry->pending_at = Entry::kIndexed;
    }
    ordered_->pending[byte].clear();
  }
}

Overlay::Cursor::Cursor(Overlay& overlay, const Range& range, Direction direction)
    : range_(range), direction_(direction) {
  overlay.order(range);
  const Tree& tree = overlay.ordered_->tree;
  if (tree.empty()) return;
  const bool forward = direction == Direction::kForward;
  place_ = std::make_unique<Place>(Place{&tree, tree.end()});
  if (forward)
    place_->at = tree.lower_bound(std::string_view(range.from));
  else if (!range.until.empty())
    place_->at = tree.lower_bound(std::string_view(range.until));
  if (forward)
    settle();
  else
    advance();
}

Overlay::Cursor::~Cursor() = default;

void Overlay::Cursor::advance() {
  if (direction_ == Direction::kForward) {
    ++place_->at;
    settle();
    return;
  }
  entry_ = nullptr;
  if (place_->at == place_->tree->begin()) return;
  --place_->at;
  if ((*place_->at)->key() >= range_.from) entry_ = *place_->at;
}

void Overlay::Cursor::settle() {
  entry_ = nullptr;
  if (place_->at == place_->tree->end()) return;
  const Entry* entry = *place_->at;
  if (range_.until.empty() || entry->key() < range_.until) entry_ = entry;
}

}  // namespace switchyard::store
