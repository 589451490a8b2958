#include "map_index.h"

#include <algorithm>
#include <bit>

namespace switchyard::map_index {
namespace {

uint32_t slot_count(uint32_t members) { return std::bit_ceil(members * 2); }

template <typename Slot>
Slot* slots_of(const Member* members, uint32_t count) {
  char* behind = reinterpret_cast<char*>(const_cast<Member*>(members + count));
  return reinterpret_cast<Slot*>(behind + sizeof(uint32_t));
}
uint32_t& mode_of(const Member* members, uint32_t count) {
  return *reinterpret_cast<uint32_t*>(const_cast<Member*>(members + count));
}

/// Strings by length and bytes, after numbers, after booleans; numbers by value.
std::strong_ordering compare_keys(const Value& a, const Value& b) {
  const auto rank = [](const Value& key) { return key.is(Kind::kBool) ? 0 : key.is(Kind::kString) ? 2 : 1; };
  if (const auto order = rank(a) <=> rank(b); order != 0) return order;
  if (a.is(Kind::kBool)) return a.as_bool() <=> b.as_bool();
  if (a.is(Kind::kString)) {
    if (const auto order = a.size() <=> b.size(); order != 0) return order;
    return a.as_string().compare(b.as_string()) <=> 0;
  }
  const bool a_negative = a.is(Kind::kInteger) && a.as_integer() < 0;
  const bool b_negative = b.is(Kind::kInteger) && b.as_integer() < 0;
  if (a_negative || b_negative) {
    if (a_negative && b_negative) return a.as_integer() <=> b.as_integer();
    return b_negative <=> a_negative;
  }
  const auto magnitude = [](const Value& key) {
    return key.is(Kind::kInteger) ? static_cast<uint64_t>(key.as_integer()) : key.as_unsigned();
  };
  return magnitude(a) <=> magnitude(b);
}

/// -1 when done, the place of a repeated key, or kGaveUp when the keys collide too much.
constexpr int64_t kGaveUp = -2;

template <typename Slot>
int64_t build_hashed(const Member* members, uint32_t count) {
  Slot* slots = slots_of<Slot>(members, count);
  const uint32_t capacity = slot_count(count);
  std::memset(slots, 0, capacity * sizeof(Slot));
  uint64_t probes_left = 8ull * count + 64;
  for (uint32_t place = 0; place < count; ++place) {
    const Value& key = members[place].key;
    uint32_t at = static_cast<uint32_t>(hash_key(key)) & (capacity - 1);
    while (slots[at] != 0) {
      if (keys_equal(members[slots[at] - 1].key, key)) return place;
      if (probes_left-- == 0) return kGaveUp;
      at = (at + 1) & (capacity - 1);
    }
    slots[at] = static_cast<Slot>(place + 1);
  }
  return -1;
}

int64_t build_sorted(const Member* members, uint32_t count) {
  uint32_t* places = slots_of<uint32_t>(members, count);
  for (uint32_t i = 0; i < count; ++i) places[i] = i;
  std::sort(places, places + count, [&](uint32_t a, uint32_t b) {
    const auto order = compare_keys(members[a].key, members[b].key);
    return order != 0 ? order < 0 : a < b;
  });
  for (uint32_t i = 1; i < count; ++i) {
    if (compare_keys(members[places[i - 1]].key, members[places[i]].key) == 0) return places[i];
  }
  return -1;
}

/// Slots hold place + 1 and 0 for empty, so each width serves one place less than its range.
constexpr uint32_t kMaxByteSlots = 0xfe;
constexpr uint32_t kMaxShortSlots = 0xfffe;
size_t slot_bytes(uint32_t count) { return count <= kMaxByteSlots ? 1 : count <= kMaxShortSlots ? 2 : 4; }

template <typename Slot, typename Matches>
const Member* find_hashed(const Member* members, uint32_t count, uint64_t hash, Matches matches) {
  const Slot* slots = slots_of<Slot>(members, count);
  const uint32_t mask = slot_count(count) - 1;
  for (uint32_t at = static_cast<uint32_t>(hash) & mask; slots[at] != 0; at = (at + 1) & mask) {
    const Member& member = members[slots[at] - 1];
    if (matches(member.key)) return &member;
  }
  return nullptr;
}

const Member* find_sorted(const Member* members, uint32_t count, const Value& key) {
  const uint32_t* places = slots_of<uint32_t>(members, count);
  const uint32_t* at = std::lower_bound(
      places, places + count, key,
      [&](uint32_t place, const Value& wanted) { return compare_keys(members[place].key, wanted) < 0; });
  if (at == places + count || compare_keys(members[*at].key, key) != 0) return nullptr;
  return &members[*at];
}

template <typename Matches>
const Member* find_by(const Member* members, uint32_t count, uint64_t hash, Matches matches) {
  switch (slot_bytes(count)) {
    case 1: return find_hashed<uint8_t>(members, count, hash, matches);
    case 2: return find_hashed<uint16_t>(members, count, hash, matches);
    default: return find_hashed<uint32_t>(members, count, hash, matches);
  }
}

}  // namespace

size_t bytes(uint32_t members) {
  const size_t hashed = slot_bytes(members) * slot_count(members);
  const size_t sorted = sizeof(uint32_t) * members;
  return sizeof(uint32_t) + std::max(hashed, sorted);
}

int64_t build(const Member* members, uint32_t count) {
  uint32_t& mode = mode_of(members, count);
  mode = kHashed;
  int64_t repeated;
  switch (slot_bytes(count)) {
    case 1: repeated = build_hashed<uint8_t>(members, count); break;
    case 2: repeated = build_hashed<uint16_t>(members, count); break;
    default: repeated = build_hashed<uint32_t>(members, count); break;
  }
  if (repeated != kGaveUp) return repeated;
  mode = kSorted;
  return build_sorted(members, count);
}

const Member* find(const Member* members, uint32_t count, std::string_view key) {
  if (mode_of(members, count) == kSorted) return find_sorted(members, count, Value::string(key));
  return find_by(members, count, hash_text(key),
                 [key](const Value& other) { return other.is(Kind::kString) && other.as_string() == key; });
}

const Member* find(const Member* members, uint32_t count, const Value& key) {
  if (mode_of(members, count) == kSorted) return find_sorted(members, count, key);
  return find_by(members, count, hash_key(key),
                 [&key](const Value& other) { return keys_equal(other, key); });
}

bool keys_equal(const Value& a, const Value& b) {
  if (a.is(Kind::kString)) return b.is(Kind::kString) && a.as_string() == b.as_string();
  return equal(a, b);
}

}  // namespace switchyard::map_index
