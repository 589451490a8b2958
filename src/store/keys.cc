#include "switchyard/store/keys.h"

#include <bit>

#include "switchyard/base/check.h"

namespace switchyard::store {
namespace {
constexpr uint64_t kSign = uint64_t{1} << 63;
}

KeyWriter& KeyWriter::f64(double v) {
  // Positive: set the sign bit, so that they come after the negatives; negative: flip all, so that they
  // ascend.
  const auto bits = std::bit_cast<uint64_t>(v);
  return big_endian((bits & kSign) != 0 ? ~bits : bits | kSign);
}

KeyWriter& KeyWriter::text(std::string_view v) {
  for (size_t at = 0;;) {
    const size_t zero = v.find('\0', at);
    out_.append(v.substr(at, zero == std::string_view::npos ? zero : zero - at));
    if (zero == std::string_view::npos) break;
    out_.append("\0\xff", 2);
    at = zero + 1;
  }
  out_.append("\0\0", 2);
  return *this;
}

double KeyReader::f64() {
  const uint64_t bits = u64();
  if (!ok_) return 0;
  return std::bit_cast<double>((bits & kSign) != 0 ? bits & ~kSign : ~bits);
}

std::string KeyReader::text() {
  std::string v;
  while (ok_) {
    const size_t zero = in_.find('\0');
    if (zero == std::string_view::npos || zero + 1 == in_.size()) break;
    v.append(in_.substr(0, zero));
    const char after = in_[zero + 1];
    in_.remove_prefix(zero + 2);
    if (after == '\0') return v;
    if (after != '\xff') break;
    v.push_back('\0');
  }
  ok_ = false;
  in_ = {};
  return {};
}

RunId KeyReader::id() {
  const auto bytes = raw(16);
  return ok_ ? RunId::from_bytes(bytes) : RunId{};
}

std::string_view KeyReader::raw(size_t size) {
  if (!ok_ || size > in_.size()) {
    ok_ = false;
    in_ = {};
    return {};
  }
  const auto bytes = in_.substr(0, size);
  in_.remove_prefix(size);
  return bytes;
}

std::string prefix_end(std::string_view prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.remove_suffix(1);
  std::string end(prefix);
  if (!end.empty()) end.back() = static_cast<char>(static_cast<uint8_t>(end.back()) + 1);
  return end;
}

}  // namespace switchyard::store
