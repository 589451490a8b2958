#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "switchyard/schema/schema.h"
#include "switchyard/types/diagnostic.h"
#include "switchyard/types/value.h"

namespace switchyard::models {

/// "a.b", or "b" at the root.
std::string join_path(const std::string& path, std::string_view key);

/// Reads a document's members and notes each mistake with its path; codes are "models.<what>".
class DocumentReader {
 public:
  explicit DocumentReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void mistake(std::string path, std::string what, std::string message, std::string mend);
  /// The compiled schema; its mistakes become ours.
  schema::SchemaPtr read_schema(const Value& document, const std::string& path);
  void check_members(const Value& map, const std::string& path, std::initializer_list<const char*> known);
  /// The member when it is there and of this kind; a member of another kind is a mistake.
  const Value* member(const Value& map, const std::string& path, const char* key, Kind kind, bool required,
                      const char* mend);
  std::string text(const Value& map, const std::string& path, const char* key, bool required,
                   const char* mend);
  /// One of `words`, or the first of them where the member is missing.
  std::string word(const Value& map, const std::string& path, const char* key,
                   std::initializer_list<const char*> words);
  uint32_t count(const Value& map, const std::string& path, const char* key, uint32_t fallback,
                 uint32_t least, uint32_t most);
  /// A finite number from 0; 0 where the member is missing.
  double amount(const Value& map, const std::string& path, const char* key, const char* mend);

 private:
  Diagnostics& diagnostics_;
};

}  // namespace switchyard::models
