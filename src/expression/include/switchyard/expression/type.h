#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::expression {

enum class TypeKind : uint8_t {
  kDyn,    ///< anything; checked when evaluated
  kError,  ///< the type of a text with a mistake; assignable to everything so that one mistake is told once
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kType,  ///< a type as a value
  kIp,    ///< an IP address (net.IP); its value is its text. Inside an expression only: results have strings
  kCidr,  ///< a range of them (net.CIDR); likewise
  kList,
  kMap,
  kOptional,  ///< CEL's optional: none, or one value
  kNullable,  ///< a value or null
  kObject,    ///< a map with string keys whose fields are known by name
  kVariable,  ///< inside the checker only: not yet decided
};

struct Field;

/// What the checker knows of a value. A handle to immutable shared data: copying is cheap, any thread may
/// read.
class Type {
 public:
  /// dyn
  Type() = default;

  static Type dyn() { return Type(); }
  static Type error() { return Type(TypeKind::kError); }
  static Type null() { return Type(TypeKind::kNull); }
  static Type boolean() { return Type(TypeKind::kBool); }
  static Type integer() { return Type(TypeKind::kInt); }
  static Type unsigned_integer() { return Type(TypeKind::kUint); }
  static Type real() { return Type(TypeKind::kDouble); }
  static Type string() { return Type(TypeKind::kString); }
  static Type bytes() { return Type(TypeKind::kBytes); }
  static Type timestamp() { return Type(TypeKind::kTimestamp); }
  static Type duration() { return Type(TypeKind::kDuration); }
  static Type type() { return Type(TypeKind::kType); }
  static Type ip() { return Type(TypeKind::kIp); }
  static Type cidr() { return Type(TypeKind::kCidr); }

  // Types made of others. Nested deeper than kMaxTypeDepth they are dyn.
  static Type list(Type element);
  static Type map(Type key, Type value);
  static Type optional(Type inner);
  /// `inner` or null. Of dyn, null, error and nullable types: `inner` itself.
  static Type nullable(Type inner);
  /// A value with these fields (names must differ; CHECKed). An open object may have further fields, of type
  /// dyn.
  static Type object(std::vector<Field> fields, bool open = false);

  TypeKind kind() const { return kind_; }
  bool is(TypeKind kind) const { return kind_ == kind; }
  bool is_dyn() const { return kind_ == TypeKind::kDyn; }
  bool is_error() const { return kind_ == TypeKind::kError; }
  bool is_number() const { return kind_ >= TypeKind::kInt && kind_ <= TypeKind::kDouble; }

  /// Of a list, an optional or a nullable: what it holds. Of a map: its values. CHECKed.
  const Type& element() const;
  /// Of a map. CHECKed.
  const Type& key() const;
  /// Of an object, in their declared order; empty for every other type.
  std::span<const Field> fields() const;
  /// nullptr when this is no object or has no such field.
  const Field* find_field(std::string_view name) const;
  /// Whether an object may have fields that are not declared.
  bool open() const;

  /// The type without one layer of optional or nullable.
  Type unwrapped() const;

  /// Structural.
  friend bool operator==(const Type& a, const Type& b) { return a.equals(b); }

  /// For messages: "list(int)", "optional(double)", "double or null", "{merchant: string, amount?: double,
  /// ...}".
  std::string to_string() const;

  // For the checker.
  static Type variable(uint32_t id);
  uint32_t variable_id() const { return id_; }
  uint32_t depth() const;

 private:
  struct Node;
  explicit Type(TypeKind kind) : kind_(kind) {}
  static Type composed(TypeKind kind, Node node);
  bool equals(const Type& other) const;
  void append_to(std::string& out, uint32_t depth) const;

  TypeKind kind_ = TypeKind::kDyn;
  uint32_t id_ = 0;
  std::shared_ptr<const Node> node_;  // shared because types are values that many declarations hold
};

/// A named part of an object type.
struct Field {
  std::string name;
  Type type;
  bool required = true;  ///< false: may be absent, and must be asked for with has(), .? or orValue()
};

/// Whether a value of type `from` may stand where `to` is expected. dyn goes both ways (and is checked when
/// evaluated); T goes to nullable<T>, null to nullable<T>; an object to one that requires no more of it and
/// to map(string, T) when its fields allow; int never to double.
bool is_assignable(const Type& from, const Type& to);

/// The narrowest type that both fit: equal types themselves; T and null nullable<T>; objects field by field,
/// where a field of one only may be absent; otherwise dyn.
Type join(const Type& a, const Type& b);

}  // namespace switchyard::expression
