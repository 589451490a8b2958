#include "switchyard/types/value_codec.h"

#include <algorithm>

#include "switchyard/types/utf8.h"

// The grammar is in docs/formats/value.md; a test checks its worked example.
namespace switchyard {
namespace {

enum Tag : uint8_t {
  kTagNull = 0x00,
  kTagFalse = 0x01,
  kTagTrue = 0x02,
  kTagInteger = 0x03,
  kTagUnsigned = 0x04,
  kTagDouble = 0x05,
  kTagString = 0x06,
  kTagBytes = 0x07,
  kTagList = 0x08,
  kTagMap = 0x09,
  kTagTimestamp = 0x0a,
  kTagDuration = 0x0b,
  kTagType = 0x0c,
  kTagNone = 0x0d,
  kTagSome = 0x0e,
  // The rest carry their argument in the low bits.
  kTagShortString = 0x40,   ///< + 0..63 bytes
  kTagSmallInteger = 0x80,  ///< + 0..63
  kTagShortMap = 0xc0,      ///< + 0..31 members
  kTagShortList = 0xe0,     ///< + 0..31 items
};
constexpr uint32_t kShortText = 64;
constexpr int64_t kSmallIntegers = 64;
constexpr uint32_t kShortCollection = 32;

constexpr int32_t kNanosPerSecond = 1000000000;
/// Room made before the entries are read; more is made as they come, so a forged count costs nothing.
constexpr uint64_t kReservedEntries = 256;

void encode_string(std::string_view text, ByteWriter& out) {
  if (text.size() < kShortText) {
    out.u8(static_cast<uint8_t>(kTagShortString + text.size()));
    out.raw(text);
  } else {
    out.u8(kTagString);
    out.bytes(text);
  }
}

void encode_text(Tag tag, std::string_view text, ByteWriter& out) {
  out.u8(tag);
  out.bytes(text);
}

void encode_count(Tag short_tag, Tag tag, uint32_t count, ByteWriter& out) {
  if (count < kShortCollection) {
    out.u8(static_cast<uint8_t>(short_tag + count));
  } else {
    out.u8(tag);
    out.varint(count);
  }
}

void encode(const Value& value, ByteWriter& out, uint32_t levels_left) {
  switch (value.kind()) {
    case Kind::kNull: return out.u8(kTagNull);
    case Kind::kBool: return out.u8(value.as_bool() ? kTagTrue : kTagFalse);
    case Kind::kInteger: {
      const int64_t i = value.as_integer();
      if (i >= 0 && i < kSmallIntegers) return out.u8(static_cast<uint8_t>(kTagSmallInteger + i));
      out.u8(kTagInteger);
      return out.svarint(i);
    }
    case Kind::kUnsigned: out.u8(kTagUnsigned); return out.varint(value.as_unsigned());
    case Kind::kDouble: out.u8(kTagDouble); return out.f64(value.as_double());
    case Kind::kString: return encode_string(value.as_string(), out);
    case Kind::kBytes: return encode_text(kTagBytes, value.as_bytes(), out);
    case Kind::kType: return encode_text(kTagType, value.as_type(), out);
    case Kind::kTimestamp:
      out.u8(kTagTimestamp);
      out.svarint(value.seconds());
      return out.varint(static_cast<uint32_t>(value.nanos()));
    case Kind::kDuration:
      out.u8(kTagDuration);
      out.svarint(value.seconds());
      return out.svarint(value.nanos());
    default: break;
  }
  SY_CHECK(levels_left > 0 && "a value nested deeper than kMaxValueDepth cannot be read back");
  if (value.is(Kind::kList)) {
    encode_count(kTagShortList, kTagList, value.size(), out);
    for (const Value& item : value.items()) encode(item, out, levels_left - 1);
  } else if (value.is(Kind::kMap)) {
    encode_count(kTagShortMap, kTagMap, value.size(), out);
    for (const Member& member : value.members()) {
      encode(member.key, out, levels_left - 1);
      encode(member.value, out, levels_left - 1);
    }
  } else if (value.optional_value() == nullptr) {
    out.u8(kTagNone);
  } else {
    out.u8(kTagSome);
    encode(*value.optional_value(), out, levels_left - 1);
  }
}

Value failed(ByteReader& in) {
  in.fail();
  return {};
}

class Decoder {
 public:
  Decoder(ByteReader& in, Arena& arena) : in_(in), arena_(arena) {}

  Value value(uint32_t levels_left) {
    const uint8_t tag = in_.u8();
    if (tag >= kTagShortList) return list(tag - kTagShortList, levels_left);
    if (tag >= kTagShortMap) return map(tag - kTagShortMap, levels_left);
    if (tag >= kTagSmallInteger) return Value::integer(tag - kTagSmallInteger);
    if (tag >= kTagShortString) return string(in_.raw(tag - kTagShortString));
    switch (tag) {
      case kTagNull: return {};
      case kTagFalse: return Value::boolean(false);
      case kTagTrue: return Value::boolean(true);
      case kTagInteger: return Value::integer(in_.svarint());
      case kTagUnsigned: return Value::unsigned_integer(in_.varint());
      case kTagDouble: return Value::real(in_.f64());
      case kTagString: return string(in_.bytes());
      case kTagBytes: return Value::bytes(arena_.copy(in_.bytes()));
      case kTagList: return list(in_.varint(), levels_left);
      case kTagMap: return map(in_.varint(), levels_left);
      case kTagTimestamp: return timestamp();
      case kTagDuration: return duration();
      case kTagType: return type();
      case kTagNone: return levels_left == 0 ? failed(in_) : Value::none();
      case kTagSome: return some(levels_left);
      default: return failed(in_);
    }
  }

 private:
  Value string(std::string_view text) {
    if (!is_valid_utf8(text)) return failed(in_);
    return Value::string(arena_.copy(text));
  }

  Value type() {
    const std::string_view name = in_.bytes();
    if (!is_valid_utf8(name)) return failed(in_);
    return Value::type(arena_.copy(name));
  }

  Value timestamp() {
    const int64_t seconds = in_.svarint();
    const uint64_t nanos = in_.varint();
    if (nanos >= kNanosPerSecond) return failed(in_);
    return Value::timestamp(seconds, static_cast<int32_t>(nanos));
  }

  Value duration() {
    const int64_t seconds = in_.svarint();
    const int64_t nanos = in_.svarint();
    if (nanos <= -kNanosPerSecond || nanos >= kNanosPerSecond) return failed(in_);
    if ((seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) return failed(in_);
    return Value::duration(seconds, static_cast<int32_t>(nanos));
  }

  Value some(uint32_t levels_left) {
    if (levels_left == 0) return failed(in_);
    Value* inner = arena_.allocate<Value>(1);
    *inner = value(levels_left - 1);
    return in_.ok() ? Value::optional(inner) : Value();
  }

  Value list(uint64_t count, uint32_t levels_left) {
    // Every item takes at least a byte.
    if (levels_left == 0 || count > in_.remaining()) return failed(in_);
    ListBuilder items(arena_, static_cast<uint32_t>(std::min(count, kReservedEntries)));
    for (uint64_t i = 0; i < count && in_.ok(); ++i) items.add(value(levels_left - 1));
    return in_.ok() ? items.build() : Value();
  }

  Value map(uint64_t count, uint32_t levels_left) {
    if (levels_left == 0 || count > in_.remaining() / 2) return failed(in_);
    MapBuilder members(arena_, static_cast<uint32_t>(std::min(count, kReservedEntries)));
    for (uint64_t i = 0; i < count && in_.ok(); ++i) {
      const Value key = value(0);
      if (!key.is(Kind::kString) && !key.is(Kind::kBool) && !key.is(Kind::kInteger) &&
          !key.is(Kind::kUnsigned)) {
        return failed(in_);
      }
      members.add(key, value(levels_left - 1));
    }
    if (!in_.ok()) return {};
    Value repeated;
    const Value built = members.build(&repeated);
    return built.is(Kind::kMap) ? built : failed(in_);
  }

  ByteReader& in_;
  Arena& arena_;
};

}  // namespace

void encode_value(const Value& value, ByteWriter& out) { encode(value, out, kMaxValueDepth); }

Value decode_value(ByteReader& in, Arena& arena) {
  const Value value = Decoder(in, arena).value(kMaxValueDepth);
  return in.ok() ? value : Value();
}

}  // namespace switchyard
