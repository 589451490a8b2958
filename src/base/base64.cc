#include "switchyard/base/base64.h"

#include <openssl/evp.h>

namespace switchyard {

std::string base64_encode(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '\0');
  // EVP ends its output with a zero byte, which a std::string has room for.
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                  reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return text;
}

bool base64_decode(std::string_view text, std::string& bytes) {
  if (text.size() % 4 != 0 || text.size() > 1u << 30) return false;
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  // EVP skips white space around; what we read has none.
  if (text.find_first_of(" \t\r\n") != std::string_view::npos ||
      text.substr(0, text.size() - padding).find('=') != std::string_view::npos)
    return false;
  bytes.resize(text.size() / 4 * 3);
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return false;
  bytes.resize(static_cast<size_t>(size) - padding);
  return true;
}

}  // namespace switchyard
