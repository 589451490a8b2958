#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "switchyard/schema/schema.h"
#include "switchyard/types/json.h"

namespace switchyard::schema::testing {

inline Document json(std::string_view text) {
  auto document = parse_json_document(text);
  EXPECT_TRUE(document.ok()) << text << "\n" << (document.ok() ? "" : document.error().to_string());
  return document.ok() ? *document : Document();
}

/// The schema, which must have no mistake.
inline SchemaPtr schema(std::string_view text) {
  Compiled compiled = Schema::compile(*json(text));
  for (const Diagnostic& diagnostic : compiled.diagnostics) {
    EXPECT_NE(diagnostic.severity, Diagnostic::Severity::kError) << text << "\n" << diagnostic.to_string();
  }
  return compiled.schema;
}

/// "pointer keyword; ..." of all violations.
inline std::string violations(const SchemaPtr& schema, std::string_view value) {
  std::string text;
  for (const Violation& violation : schema->validate(*json(value))) {
    text += (text.empty() ? "" : "; ") + violation.pointer + " " + violation.keyword;
  }
  return text;
}

/// The first message, or "".
inline std::string message(std::string_view schema_text, std::string_view value) {
  const auto found = schema(schema_text)->validate(*json(value));
  return found.empty() ? "" : found[0].message;
}

inline bool accepts(std::string_view schema_text, std::string_view value) {
  const SchemaPtr compiled = schema(schema_text);
  const Document document = json(value);
  const bool accepted = compiled->accepts(*document);
  EXPECT_EQ(accepted, compiled->validate(*document).empty()) << schema_text << " " << value;
  return accepted;
}

/// The normalized value as JSON, or the error.
inline std::string normalized(const SchemaPtr& schema, std::string_view value) {
  Arena arena;
  const Document document = json(value);
  const auto result = schema->normalize(*document, arena);
  return result.ok() ? to_json(*result) : result.error().to_string();
}

}  // namespace switchyard::schema::testing
