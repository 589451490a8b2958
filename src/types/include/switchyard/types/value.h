#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "switchyard/base/arena.h"
#include "switchyard/base/check.h"

namespace switchyard {

class Value;
struct Member;

/// The kinds a value can have: JSON's, and those CEL adds. `kInteger`/`kUnsigned`/`kDouble` are distinct.
enum class Kind : uint8_t {
  kNull,
  kBool,
  kInteger,   ///< int64
  kUnsigned,  ///< uint64
  kDouble,    ///< IEEE 754 binary64
  kString,    ///< valid UTF-8
  kBytes,
  kList,
  kMap,        ///< keys: string, bool, int64, uint64; JSON objects have string keys only
  kTimestamp,  ///< seconds since 1970-01-01T00:00:00Z and nanoseconds 0..999999999
  kDuration,   ///< seconds and nanoseconds of the same sign
  kType,       ///< a CEL type as a value, by name
  kOptional,   ///< CEL optional: none, or one value
};

/// "null", "bool", "int", "uint", "double", "string", ...: CEL's names, as messages show them.
std::string_view kind_name(Kind kind);

/// An immutable value of 16 bytes, passed by value. Scalars are inside; strings, lists and maps point into
/// memory that somebody else owns (an Arena, a Document, static storage) and that must outlive the value.
/// The default value is null.
class Value {
 public:
  constexpr Value() : integer_(0) {}

  static constexpr Value null() { return Value(); }
  static constexpr Value boolean(bool v) { return scalar(Kind::kBool, v ? 1 : 0); }
  static constexpr Value integer(int64_t v) { return scalar(Kind::kInteger, v); }
  static constexpr Value unsigned_integer(uint64_t v) {
    return scalar(Kind::kUnsigned, static_cast<int64_t>(v));
  }
  static constexpr Value real(double v) {
    Value value;
    value.kind_ = Kind::kDouble;
    value.double_ = v;
    return value;
  }
  /// Keeps a view of `v`: not null-terminated, at most 4 GiB.
  static constexpr Value string(std::string_view v) { return text(Kind::kString, v); }
  static constexpr Value bytes(std::string_view v) { return text(Kind::kBytes, v); }
  static constexpr Value type(std::string_view name) { return text(Kind::kType, name); }
  static constexpr Value timestamp(int64_t seconds, int32_t nanos) {
    Value value = scalar(Kind::kTimestamp, seconds);
    value.size_ = static_cast<uint32_t>(nanos);
    return value;
  }
  static constexpr Value duration(int64_t seconds, int32_t nanos) {
    Value value = scalar(Kind::kDuration, seconds);
    value.size_ = static_cast<uint32_t>(nanos);
    return value;
  }
  /// Keeps a view of `items`.
  static Value list(std::span<const Value> items) {
    Value value;
    value.kind_ = Kind::kList;
    value.size_ = static_cast<uint32_t>(items.size());
    value.items_ = items.data();
    return value;
  }
  static Value none() { return optional(nullptr); }
  /// Keeps the pointer; nullptr is the empty optional.
  static Value optional(const Value* inner) {
    Value value;
    value.kind_ = Kind::kOptional;
    value.items_ = inner;
    return value;
  }

  constexpr Kind kind() const { return kind_; }
  constexpr bool is(Kind kind) const { return kind_ == kind; }
  constexpr bool is_null() const { return kind_ == Kind::kNull; }
  constexpr bool is_number() const { return kind_ >= Kind::kInteger && kind_ <= Kind::kDouble; }

  // Each requires the kind in its name; CHECKed.
  bool as_bool() const {
    require(Kind::kBool);
    return integer_ != 0;
  }
  int64_t as_integer() const {
    require(Kind::kInteger);
    return integer_;
  }
  uint64_t as_unsigned() const {
    require(Kind::kUnsigned);
    return static_cast<uint64_t>(integer_);
  }
  double as_double() const {
    require(Kind::kDouble);
    return double_;
  }
  std::string_view as_string() const {
    require(Kind::kString);
    return {text_, size_};
  }
  std::string_view as_bytes() const {
    require(Kind::kBytes);
    return {text_, size_};
  }
  std::string_view as_type() const {
    require(Kind::kType);
    return {text_, size_};
  }
  /// Of a timestamp or a duration.
  int64_t seconds() const {
    SY_CHECK(kind_ == Kind::kTimestamp || kind_ == Kind::kDuration);
    return integer_;
  }
  int32_t nanos() const {
    SY_CHECK(kind_ == Kind::kTimestamp || kind_ == Kind::kDuration);
    return static_cast<int32_t>(size_);
  }
  std::span<const Value> items() const {
    require(Kind::kList);
    return {items_, size_};
  }
  std::span<const Member> members() const;
  /// nullptr when the optional is empty.
  const Value* optional_value() const {
    require(Kind::kOptional);
    return items_;
  }

  /// Any number as a double (may round); requires is_number().
  double to_double() const;

  /// Bytes of a string, bytes or type; entries of a list or map; else 0.
  uint32_t size() const { return kind_ >= Kind::kString && kind_ <= Kind::kMap ? size_ : 0; }

  /// The member of a map with this string key, or nullptr; nullptr too when this is no map.
  const Value* find(std::string_view key) const;
  /// The member with a key equal by CEL's rules (1 == 1u); nullptr when absent or no map.
  const Value* find(const Value& key) const;
  /// The value at a JSON Pointer (RFC 6901), or nullptr.
  const Value* at_pointer(std::string_view pointer) const;

 private:
  friend class MapBuilder;
  friend bool is_same(const Value& a, const Value& b);
  static constexpr Value scalar(Kind kind, int64_t v) {
    Value value;
    value.kind_ = kind;
    value.integer_ = v;
    return value;
  }
  static constexpr Value text(Kind kind, std::string_view v) {
    Value value;
    value.kind_ = kind;
    value.size_ = static_cast<uint32_t>(v.size());
    value.text_ = v.data();
    return value;
  }
  constexpr void require(Kind kind) const { SY_CHECK(kind_ == kind); }

  Kind kind_ = Kind::kNull;
  bool indexed_ = false;  ///< a map whose members are followed by a lookup index
  uint32_t size_ = 0;
  union {
    int64_t integer_;
    double double_;
    const char* text_;
    const Value* items_;
    const Member* members_;
  };
};
static_assert(sizeof(Value) == 16);

/// One entry of a map, in the order of insertion.
struct Member {
  Value key;
  Value value;
};

inline std::span<const Member> Value::members() const {
  require(Kind::kMap);
  return {members_, size_};
}

/// Collects the items of a list, then copies them into the arena.
class ListBuilder {
 public:
  explicit ListBuilder(Arena& arena) : arena_(arena) {}
  /// Makes room for `expected` items at once; more may come.
  ListBuilder(Arena& arena, uint32_t expected) : arena_(arena) { grow(expected); }
  void add(Value value) {
    if (count_ == capacity_) grow(count_ + 1);
    items_[count_++] = value;
  }
  size_t size() const { return count_; }
  /// The list; the builder is empty afterwards.
  Value build();

 private:
  void grow(uint32_t wanted);
  Arena& arena_;
  Value* items_ = nullptr;
  uint32_t count_ = 0;
  uint32_t capacity_ = 0;
};

/// Collects the members of a map. Keys are not copied: their text must live as long as the arena.
/// Maps of more than kIndexFrom members get an index, so that find() stays fast.
class MapBuilder {
 public:
  static constexpr uint32_t kIndexFrom = 8;
  explicit MapBuilder(Arena& arena) : arena_(arena) {}
  /// Makes room for `expected` members at once; more may come.
  MapBuilder(Arena& arena, uint32_t expected) : arena_(arena) { grow(expected); }
  /// The key is a string, bool, int or uint; CHECKed.
  void add(Value key, Value value);
  void add(std::string_view key, Value value) { add(Value::string(key), value); }
  size_t size() const { return count_; }
  /// The map, or null and `*duplicate` set to the first key that came twice (when `duplicate` is given;
  /// otherwise duplicates are a CHECK failure). Keys are equal by CEL's rules: 1 and 1u are the same key.
  /// The builder is empty afterwards.
  Value build(Value* duplicate = nullptr);

 private:
  friend Value copy_for_update(const Value& map, Arena& arena, std::span<Member>* members);
  void grow(uint32_t wanted);
  static Value copy_map(const Value& map, Arena& arena, Member** members);
  Arena& arena_;
  Member* members_ = nullptr;
  uint32_t count_ = 0;
  uint32_t capacity_ = 0;
};

/// A value that owns its memory; copies share it. Safe to hand between threads.
class Document {
 public:
  Document() = default;
  Document(std::shared_ptr<const Arena> arena, Value root) : arena_(std::move(arena)), root_(root) {}
  /// For values without memory of their own (scalars, static text).
  explicit Document(Value root) : root_(root) {}

  const Value& root() const { return root_; }
  const Value* operator->() const { return &root_; }
  const Value& operator*() const { return root_; }
  const std::shared_ptr<const Arena>& arena() const { return arena_; }

 private:
  std::shared_ptr<const Arena> arena_;
  Value root_;
};

/// Levels of lists, maps and optionals in `value`: 0 for a scalar, 1 for [1].
uint32_t depth(const Value& value);

/// A deep copy of `value` into `arena`.
Value copy_value(const Value& value, Arena& arena);
/// A deep copy that owns its memory.
Document make_document(const Value& value);

/// CEL's equality: numbers compare by value across kinds, NaN differs from itself, maps ignore order.
bool equal(const Value& a, const Value& b);
/// Same kind and same bits everywhere, order of members included; NaN equals itself.
bool identical(const Value& a, const Value& b);
/// Hash consistent with equal() for map keys.
uint64_t hash_key(const Value& key);
/// Hash consistent with equal() for every value.
uint64_t hash_value(const Value& value);
/// Order of two numbers by mathematical value across kinds; unordered with NaN. Requires is_number() of both.
std::partial_ordering compare_numbers(const Value& a, const Value& b);
/// Same kind and same bits, without looking behind pointers: whether nothing was changed.
bool is_same(const Value& a, const Value& b);

/// A copy of `map` in `arena` whose members' values the caller may set through `*members` before anyone else
/// sees the map. Keys stay as they are and are not copied.
Value copy_for_update(const Value& map, Arena& arena, std::span<Member>* members);

}  // namespace switchyard
