#include "tokens.h"

#include <algorithm>

namespace switchyard::privacy {
namespace {

constexpr size_t kMaxWordBytes = 32;

bool is_token_part(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

std::string word_of(std::string_view label) {
  std::string word;
  for (char c : label) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (is_token_part(c))
      word += c;
    else if (!word.empty() && word.back() != '_')
      word += '_';
  }
  if (word.size() > kMaxWordBytes) word.resize(kMaxWordBytes);
  while (!word.empty() && word.back() == '_') word.pop_back();
  if (word.empty() || word[0] < 'A' || word[0] > 'Z') word.insert(0, "FIELD_");
  while (!word.empty() && word.back() == '_') word.pop_back();
  return word;
}

}  // namespace

void TokenMaker::reserve(std::string_view text) {
  for (size_t at = text.find_first_of("<\\"); at != std::string_view::npos;
       at = text.find_first_of("<\\", at)) {
    const std::string_view rest = text.substr(at);
    const bool escaped = rest.starts_with("\\u003c") || rest.starts_with("\\u003C");
    at += escaped ? 6 : 1;
    if (!escaped && rest[0] != '<') continue;
    size_t end = at;
    while (end < text.size() && end - at <= kMaxWordBytes + 12 && is_token_part(text[end])) ++end;
    if (end > at) reserved_.insert("<" + std::string(text.substr(at, end - at)) + ">");
    at = end;
  }
}

std::string TokenMaker::token_of(std::string_view label, std::string_view text, bool is_json) {
  const std::string word = word_of(label);
  // A number and a text of its digits are two values: they come back as what they were.
  std::string value = word + (is_json ? "#" : "=") + std::string(text);
  const auto [it, is_new] = given_.try_emplace(std::move(value));
  if (!is_new) return it->second;
  std::string token;
  do {
    token = "<" + word + "_" + std::to_string(++last_[word]) + ">";
  } while (reserved_.contains(token) || tokens_.contains(token));
  it->second = token;
  tokens_.emplace(token, Session::Original{std::string(text), is_json});
  return token;
}

}  // namespace switchyard::privacy
