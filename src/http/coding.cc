#include "switchyard/http/coding.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "switchyard/http/limits.h"
#include "switchyard/http/message.h"

namespace switchyard::http {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Whether the parameters of a coding say q=0.
bool is_refused(std::string_view parameters) {
  const size_t at = parameters.find("q=");
  if (at == parameters.npos) return false;
  return std::strtod(std::string(parameters.substr(at + 2, 8)).c_str(), nullptr) <= 0;
}

Error bad_gzip() {
  return make_error(ErrorKind::kInvalidArgument, "http.bad_gzip",
                    "The body is no whole gzip data; send it as it is, or compress it again.",
                    "Content-Encoding");
}

}  // namespace

bool accepts_gzip(std::string_view accept) {
  std::optional<bool> gzip_said, any_said;
  while (!accept.empty()) {
    const size_t comma = accept.find(',');
    const std::string_view item = accept.substr(0, comma);
    const size_t semicolon = item.find(';');
    const std::string_view coding = trimmed(item.substr(0, semicolon));
    const bool refused = semicolon != item.npos && is_refused(item.substr(semicolon));
    if (header_name_equal(coding, "gzip") || header_name_equal(coding, "x-gzip")) gzip_said = !refused;
    if (coding == "*") any_said = !refused;
    if (comma == accept.npos) break;
    accept.remove_prefix(comma + 1);
  }
  return gzip_said.value_or(any_said.value_or(false));
}

bool is_compressible(std::string_view type) {
  type = trimmed(type.substr(0, type.find(';')));
  if (type == "text/event-stream") return false;
  return type.starts_with("text/") || type.ends_with("json") || type.ends_with("xml") ||
         type == "application/openmetrics-text" || type == "application/javascript";
}

std::optional<std::string> gzip(std::string_view text) {
  if (text.size() < 64 || text.size() > UINT32_MAX) return std::nullopt;
  std::string packed(text.size() - 1, '\0');
  thread_local const auto level_buffer = std::make_unique<std::array<uint8_t, ISAL_DEF_LVL1_DEFAULT>>();
  isal_zstream stream;
  isal_deflate_stateless_init(&stream);
  stream.gzip_flag = IGZIP_GZIP;
  stream.level = 1;
  stream.level_buf = level_buffer->data();
  stream.level_buf_size = static_cast<uint32_t>(level_buffer->size());
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));  // only read
  stream.avail_in = static_cast<uint32_t>(text.size());
  stream.next_out = reinterpret_cast<uint8_t*>(packed.data());
  stream.avail_out = static_cast<uint32_t>(packed.size());
  stream.end_of_stream = 1;
  if (isal_deflate_stateless(&stream) != COMP_OK || stream.avail_in != 0) return std::nullopt;
  packed.resize(stream.total_out);
  return packed;
}

Result<std::string> gunzip(std::string_view packed, size_t max_bytes) {
  std::string text;
  std::array<uint8_t, kUnpackStepBytes> step;
  if (packed.size() > UINT32_MAX) return bad_gzip();
  inflate_state state;
  isal_inflate_init(&state);
  state.crc_flag = ISAL_GZIP;
  state.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(packed.data()));  // only read
  state.avail_in = static_cast<uint32_t>(packed.size());
  while (true) {
    state.next_out = step.data();
    state.avail_out = static_cast<uint32_t>(step.size());
    if (isal_inflate(&state) != ISAL_DECOMP_OK) return bad_gzip();
    const size_t got = step.size() - state.avail_out;
    if (got > max_bytes - text.size())
      return make_error(ErrorKind::kTooLarge, "http.body_unpacks_too_large",
                        "The body unpacks to more than the " + std::to_string(max_bytes) +
                            " bytes that a body may have; send less.");
    text.append(reinterpret_cast<const char*>(step.data()), got);
    if (state.block_state == ISAL_BLOCK_FINISH) {
      if (state.avail_in == 0) return text;
      isal_inflate_reset(&state);  // a further member
      state.crc_flag = ISAL_GZIP;
      continue;
    }
    if (got == 0 && state.avail_in == 0) return bad_gzip();  // cut off
  }
}

}  // namespace switchyard::http
