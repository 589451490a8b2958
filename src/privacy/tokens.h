#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "switchyard/privacy/session.h"

namespace switchyard::privacy {

/// Gives the placeholders of one call: `<EMAIL_1>`, the same for the same value, never one that the input
/// holds.
class TokenMaker {
 public:
  /// What looks like a token in a text of the input (escaped as JSON, too) is never given.
  void reserve(std::string_view text);
  /// `label` becomes the token's word: capitals, digits and `_`.
  std::string token_of(std::string_view label, std::string_view text, bool is_json);

  size_t size() const { return tokens_.size(); }
  std::shared_ptr<const Session> take() { return std::make_shared<Session>(std::move(tokens_)); }

 private:
  std::set<std::string, std::less<>> reserved_;
  std::map<std::string, uint32_t, std::less<>> last_;  ///< by word
  std::map<std::string, std::string, std::less<>> given_;
  Session::Tokens tokens_;
};

}  // namespace switchyard::privacy
