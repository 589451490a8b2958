// Any bytes either fail to decode or give a value that encodes and decodes to itself.
#include "switchyard/base/check.h"
#include "switchyard/types/json.h"
#include "switchyard/types/value_codec.h"

using namespace switchyard;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Arena arena;
  ByteReader in(input);
  const Value value = decode_value(in, arena);
  if (!in.ok()) {
    SY_CHECK(value.is_null());
    return 0;
  }
  std::string bytes;
  ByteWriter out(bytes);
  encode_value(value, out);
  ByteReader again(bytes);
  const Value back = decode_value(again, arena);
  SY_CHECK(again.ok() && again.at_end());
  SY_CHECK(identical(back, value));
  SY_CHECK(depth(value) <= kMaxValueDepth);
  for (const bool canonical : {false, true}) (void)(canonical ? to_canonical_json(value) : to_json(value));
  if (value.is(Kind::kMap)) {
    for (const Member& member : value.members()) SY_CHECK(value.find(member.key) == &member.value);
  }
  return 0;
}
