#include <algorithm>

#include "map_index.h"
#include "switchyard/types/value.h"

namespace switchyard {
namespace {

/// Room for `wanted`, doubling, so that adding stays linear in all.
uint32_t next_capacity(uint32_t capacity, uint32_t wanted) {
  const uint64_t doubled = std::max<uint64_t>(4, 2ull * capacity);
  return static_cast<uint32_t>(std::clamp<uint64_t>(doubled, wanted, UINT32_MAX));
}

bool is_key(const Value& key) {
  return key.is(Kind::kString) || key.is(Kind::kBool) || key.is(Kind::kInteger) || key.is(Kind::kUnsigned);
}

/// The index stands behind the members in use, so an allocation has room for it at its full capacity.
Member* allocate_members(Arena& arena, uint32_t capacity) {
  size_t bytes = capacity * sizeof(Member);
  if (capacity > MapBuilder::kIndexFrom) bytes += map_index::bytes(capacity);
  return static_cast<Member*>(arena.allocate_bytes(bytes, alignof(Member)));
}

int64_t find_repeated_in_few(const Member* members, uint32_t count) {
  for (uint32_t i = 1; i < count; ++i) {
    for (uint32_t j = 0; j < i; ++j) {
      if (map_index::keys_equal(members[i].key, members[j].key)) return i;
    }
  }
  return -1;
}

}  // namespace

void ListBuilder::grow(uint32_t wanted) {
  // The first allocation is exact when the caller knows the size.
  const uint32_t capacity = capacity_ == 0 && wanted > 1 ? wanted : next_capacity(capacity_, wanted);
  if (wanted == 0) return;
  Value* items = arena_.allocate<Value>(capacity);
  std::copy_n(items_, count_, items);
  items_ = items;
  capacity_ = capacity;
}

Value ListBuilder::build() {
  const Value list = Value::list({items_, count_});
  items_ = nullptr;
  count_ = capacity_ = 0;
  return list;
}

void MapBuilder::grow(uint32_t wanted) {
  const uint32_t capacity = capacity_ == 0 && wanted > 1 ? wanted : next_capacity(capacity_, wanted);
  if (wanted == 0) return;
  Member* members = allocate_members(arena_, capacity);
  std::copy_n(members_, count_, members);
  members_ = members;
  capacity_ = capacity;
}

void MapBuilder::add(Value key, Value value) {
  SY_CHECK(is_key(key));
  if (count_ == capacity_) grow(count_ + 1);
  members_[count_++] = Member{key, value};
}

Value MapBuilder::build(Value* duplicate) {
  const bool indexed = count_ > kIndexFrom;
  const int64_t repeated =
      indexed ? map_index::build(members_, count_) : find_repeated_in_few(members_, count_);
  Value map;
  if (repeated < 0) {
    map.kind_ = Kind::kMap;
    map.indexed_ = indexed;
    map.size_ = count_;
    map.members_ = members_;
  } else {
    SY_CHECK(duplicate != nullptr);
    *duplicate = members_[repeated].key;
  }
  members_ = nullptr;
  count_ = capacity_ = 0;
  return map;
}

Value MapBuilder::copy_map(const Value& map, Arena& arena, Member** members) {
  Value copy = map;
  *members = allocate_members(arena, map.size_);
  std::copy_n(map.members_, map.size_, *members);
  // The index holds places, not pointers, so it is the same for the copy.
  if (map.indexed_) std::memcpy(*members + map.size_, map.members_ + map.size_, map_index::bytes(map.size_));
  copy.members_ = *members;
  return copy;
}

Value copy_for_update(const Value& map, Arena& arena, std::span<Member>* members) {
  Member* first = nullptr;
  const Value copy = MapBuilder::copy_map(map, arena, &first);
  *members = {first, copy.size()};
  return copy;
}

Value copy_value(const Value& value, Arena& arena) {
  if (value.is(Kind::kMap)) {
    std::span<Member> members;
    const Value copy = copy_for_update(value, arena, &members);
    for (Member& member : members) member = {copy_value(member.key, arena), copy_value(member.value, arena)};
    return copy;
  }
  switch (value.kind()) {
    case Kind::kString: return Value::string(arena.copy(value.as_string()));
    case Kind::kBytes: return Value::bytes(arena.copy(value.as_bytes()));
    case Kind::kType: return Value::type(arena.copy(value.as_type()));
    case Kind::kList: {
      ListBuilder items(arena, value.size());
      for (const Value& item : value.items()) items.add(copy_value(item, arena));
      return items.build();
    }
    case Kind::kOptional: {
      if (value.optional_value() == nullptr) return value;
      Value* inner = arena.allocate<Value>(1);
      *inner = copy_value(*value.optional_value(), arena);
      return Value::optional(inner);
    }
    default: return value;
  }
}

Document make_document(const Value& value) {
  const auto arena = std::make_shared<Arena>();
  const Value root = copy_value(value, *arena);
  return Document(arena, root);
}

}  // namespace switchyard
