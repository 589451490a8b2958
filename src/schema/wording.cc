#include "wording.h"

#include "program.h"
#include "switchyard/types/json.h"

namespace switchyard::schema {
namespace {
constexpr size_t kShownBytes = 60;
}

std::string shown(const Value& value) {
  // Large values are named by their size; writing them out to cut them would be waste.
  if (value.is(Kind::kList) && value.size() > 8) return "a list of " + counted(value.size(), "item");
  if (value.is(Kind::kMap) && value.size() > 8) return "an object of " + counted(value.size(), "member");
  Value part = value;
  if (value.is(Kind::kString) && value.size() > kShownBytes)
    part = Value::string(value.as_string().substr(0, kShownBytes));
  std::string text = to_json(part);
  const bool cut = text.size() > kShownBytes || part.size() != value.size();
  if (!cut) return text;
  text.resize(std::min(text.size(), kShownBytes));
  // Not in the middle of a character.
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xc0) text.pop_back();
  return text + "...";
}

std::string child_pointer(const std::string& pointer, std::string_view token) {
  std::string child = pointer + "/";
  for (const char c : token) {
    if (c == '~')
      child += "~0";
    else if (c == '/')
      child += "~1";
    else
      child.push_back(c);
  }
  return child;
}

std::string counted(uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

uint8_t types_of(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull: return kNullBit;
    case Kind::kBool: return kBooleanBit;
    case Kind::kInteger: return kIntegerBit | kNumberBit;
    case Kind::kUnsigned: return value.as_unsigned() <= INT64_MAX ? kIntegerBit | kNumberBit : kNumberBit;
    case Kind::kDouble: {
      const double d = value.as_double();
      // 2^63 is exact; the largest int64 is not.
      const bool in_range = d >= -9223372036854775808.0 && d < 9223372036854775808.0;
      return in_range && static_cast<double>(static_cast<int64_t>(d)) == d ? kIntegerBit | kNumberBit
                                                                           : kNumberBit;
    }
    case Kind::kString: return kStringBit;
    case Kind::kList: return kArrayBit;
    case Kind::kMap:
      for (const Member& member : value.members()) {
        if (!member.key.is(Kind::kString)) return 0;
      }
      return kObjectBit;
    default: return 0;
  }
}

std::string describe_types(uint8_t types) {
  std::vector<std::string_view> names;
  if (types & kBooleanBit) names.push_back("a boolean");
  if (types & kNumberBit)
    names.push_back("a number");
  else if (types & kIntegerBit)
    names.push_back("an integer");
  if (types & kStringBit) names.push_back("a text");
  if (types & kArrayBit) names.push_back("a list");
  if (types & kObjectBit) names.push_back("an object");
  if (types & kNullBit) names.push_back("null");
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text.empty() ? "nothing" : text;
}

}  // namespace switchyard::schema
