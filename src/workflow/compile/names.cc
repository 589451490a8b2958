#include "names.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "../limits.h"

namespace switchyard::workflow::compiler {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_slashed_name(std::string_view text) {
  bool empty_part = true;
  for (const char c : text) {
    if (c == '/') {
      if (empty_part) return false;
      empty_part = true;
    } else if (is_lower(c) || is_digit(c) || c == '-') {
      empty_part = false;
    } else {
      return false;
    }
  }
  return !empty_part;
}

/// A number of a version: digits without a leading zero.
bool is_version_number(std::string_view text) {
  if (text.empty() || text.size() > 9 || !std::all_of(text.begin(), text.end(), is_digit)) return false;
  return text.size() == 1 || text[0] != '0';
}

bool is_prerelease(std::string_view text) {
  size_t start = 0;
  while (start <= text.size()) {
    const size_t end = std::min(text.find('.', start), text.size());
    const std::string_view part = text.substr(start, end - start);
    if (part.empty()) return false;
    for (const char c : part)
      if (!is_lower(c) && !(c >= 'A' && c <= 'Z') && !is_digit(c) && c != '-') return false;
    if (std::all_of(part.begin(), part.end(), is_digit) && !is_version_number(part)) return false;
    start = end + 1;
  }
  return true;
}

struct Unit {
  std::string_view name;
  int64_t us;
};
constexpr std::array<Unit, 7> kUnits{{{"us", 1},
                                      {"ms", 1000},
                                      {"s", 1'000'000},
                                      {"m", 60'000'000},
                                      {"h", 3'600'000'000},
                                      {"d", 86'400'000'000},
                                      {"w", 604'800'000'000}}};

// Words that CEL gives a meaning of their own.
constexpr std::array<std::string_view, 38> kExpressionWords{
    "true", "false",    "null",  "in",     "as",        "break",    "const",    "continue",  "else",
    "for",  "function", "if",    "import", "let",       "loop",     "package",  "namespace", "return",
    "var",  "void",     "while", "int",    "uint",      "double",   "bool",     "string",    "bytes",
    "list", "map",      "type",  "dyn",    "timestamp", "duration", "optional", "null_type", "optional_type",
    "math", "cel"};

}  // namespace

bool is_pipeline_name(std::string_view text) {
  return text.size() <= kMaxPipelineNameBytes && is_slashed_name(text);
}

bool is_artefact_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxArtefactNameBytes || text[0] == '-' || text[0] == '.') return false;
  std::string plain(text);
  for (char& c : plain)
    if (c == '_' || c == '.') c = '-';
  return is_slashed_name(plain);
}

bool is_step_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxStepNameBytes) return false;
  if (!is_lower(text[0]) && text[0] != '_') return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

std::string_view reserved_because(std::string_view name) {
  if (name == "input") return "'input' is the pipeline's input";
  if (name == "run") return "'run' is what is known of the run itself";
  if (name == "output") return "'output' is the pipeline's output";
  if (name == "fail" || name == "skip" || name == "nothing") return "it is a word that on_error understands";
  if (std::find(kExpressionWords.begin(), kExpressionWords.end(), name) != kExpressionWords.end())
    return "expressions give this word another meaning";
  return {};
}

bool is_version(std::string_view text) {
  std::string_view numbers = text;
  if (const size_t dash = text.find('-'); dash != std::string_view::npos) {
    if (!is_prerelease(text.substr(dash + 1))) return false;
    numbers = text.substr(0, dash);
  }
  if (text.size() > 64) return false;
  const size_t first = numbers.find('.');
  if (first == std::string_view::npos) return false;
  const size_t second = numbers.find('.', first + 1);
  if (second == std::string_view::npos) return false;
  return is_version_number(numbers.substr(0, first)) &&
         is_version_number(numbers.substr(first + 1, second - first - 1)) &&
         is_version_number(numbers.substr(second + 1));
}

std::pair<std::string_view, std::string_view> split_version(std::string_view text) {
  const size_t at = text.find('@');
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

std::optional<int64_t> parse_duration(std::string_view text) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end == text.data() || count <= 0) return std::nullopt;
  const std::string_view name = text.substr(static_cast<size_t>(end - text.data()));
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    if (count > kMaxDurationUs / unit.us) return std::nullopt;
    return count * unit.us;
  }
  return std::nullopt;
}

std::string duration_text(int64_t us) {
  const Unit* best = &kUnits[0];
  for (const Unit& unit : kUnits)
    if (us % unit.us == 0) best = &unit;
  return std::to_string(us / best->us) + std::string(best->name);
}

bool is_code(std::string_view text) {
  if (text.empty() || text.size() > kMaxStepNameBytes || !is_lower(text[0])) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '.' || c == '-'; });
}

}  // namespace switchyard::workflow::compiler
