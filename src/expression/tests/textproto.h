#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace switchyard::expression::testing {

/// A protobuf text message, as far as reading test data needs it: fields in their order, without a schema.
struct TextMessage {
  struct Field;
  std::vector<Field> fields;

  /// The first field of that name, or nullptr.
  const Field* find(std::string_view name) const;
  std::vector<const Field*> all(std::string_view name) const;
  /// The scalar of the first field of that name, or `fallback`.
  std::string text(std::string_view name, std::string_view fallback = "") const;
  /// The message of the first field of that name, or nullptr.
  const TextMessage* message(std::string_view name) const;
};

struct TextMessage::Field {
  std::string name;  ///< of an extension or an Any its name in brackets: "[type.googleapis.com/x.Y]"
  bool is_message = false;
  std::string scalar;  ///< a string unescaped, a number or name as written
  TextMessage value;
};

/// Throws std::runtime_error with the line where the text is not a message.
TextMessage parse_textproto(std::string_view text);

}  // namespace switchyard::expression::testing
