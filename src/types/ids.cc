#include "switchyard/types/ids.h"

#include "switchyard/base/hash.h"

namespace switchyard {

RunId RunId::make(int64_t unix_ms, uint64_t random_a, uint64_t random_b) {
  RunId id;
  for (int i = 0; i < 6; ++i) id.bytes[i] = static_cast<uint8_t>(unix_ms >> (40 - 8 * i));
  id.bytes[6] = static_cast<uint8_t>(0x70 | (random_a & 0x0f));
  id.bytes[7] = static_cast<uint8_t>(random_a >> 8);
  std::memcpy(id.bytes.data() + 8, &random_b, 8);
  id.bytes[8] = static_cast<uint8_t>(0x80 | (id.bytes[8] & 0x3f));
  return id;
}

Result<RunId> RunId::parse(std::string_view text) {
  std::string digits;
  bool shaped = text.size() == 36;
  for (size_t i = 0; shaped && i < text.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23)
      shaped = text[i] == '-';
    else
      digits.push_back(text[i]);
  }
  RunId id;
  if (!shaped || !from_hex(digits, id.bytes)) {
    return make_error(ErrorKind::kInvalidArgument, "types.bad_id",
                      "'" + std::string(text.substr(0, 64)) +
                          "' is not an id; ids look like 01912d68-783e-7a3b-8f1e-0123456789ab");
  }
  return id;
}

std::string RunId::to_string() const {
  const std::string hex = to_hex(bytes);
  std::string text;
  text.reserve(36);
  text.append(hex, 0, 8).append("-").append(hex, 8, 4).append("-").append(hex, 12, 4).append("-");
  text.append(hex, 16, 4).append("-").append(hex, 20, 12);
  return text;
}

int64_t RunId::unix_ms() const {
  int64_t ms = 0;
  for (int i = 0; i < 6; ++i) ms = ms << 8 | bytes[i];
  return ms;
}

}  // namespace switchyard
