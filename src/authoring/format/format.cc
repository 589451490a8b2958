#include "switchyard/authoring/format.h"

#include <algorithm>
#include <utility>

#include "print.h"
#include "scan.h"
#include "switchyard/document/document.h"

namespace switchyard::authoring {
namespace {

using document::Node;

/// Whether two parses say the same: kinds, texts, order, and what is quoted.
bool same(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.quoted != b.quoted || a.text != b.text) return false;
  if (a.items.size() != b.items.size() || a.entries.size() != b.entries.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i)
    if (!same(a.items[i], b.items[i])) return false;
  for (size_t i = 0; i < a.entries.size(); ++i)
    if (a.entries[i].key != b.entries[i].key || !same(a.entries[i].value, b.entries[i].value)) return false;
  return true;
}

Diagnostic refusal(const std::string& file, const Error& error) {
  Diagnostic diagnostic;
  diagnostic.code = error.code;
  diagnostic.file = file;
  const size_t colon = error.field.find(':');
  if (colon != std::string::npos) {
    diagnostic.line = static_cast<uint32_t>(std::stoul(error.field));
    diagnostic.column = static_cast<uint32_t>(std::stoul(error.field.substr(colon + 1)));
  }
  diagnostic.message = error.message;
  diagnostic.mend = "write it as `key: value` entries and `- ` items, or leave the file as it is";
  return diagnostic;
}

std::string with_plain_line_ends(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::string out;
  out.reserve(text.size() + 1);
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 >= text.size() || text[i + 1] != '\n') out += text[i];
  return out;
}

}  // namespace

FormatOutcome format_document(std::string_view text, const std::string& file_name) {
  FormatOutcome outcome;
  auto before = document::parse(text, file_name);
  if (before.root == nullptr) {
    outcome.diagnostics = std::move(before.diagnostics);
    return outcome;
  }
  auto refuse = [&](const Error& error) {
    outcome.diagnostics.push_back(refusal(file_name, error));
    return outcome;
  };
  if (before.root->is_scalar()) {
    return refuse(make_error(ErrorKind::kUnprocessable, "format.unsupported",
                             "a document that is " + before.root->describe() + " cannot be formatted",
                             "1:1"));
  }
  const auto tree = format::scan(with_plain_line_ends(text));
  if (!tree.ok()) return refuse(tree.error());
  std::string printed = format::print(*tree);
  // The promise that the document stays what it is does not rest on the scanner alone.
  const auto after = document::parse(printed, file_name);
  if (after.root == nullptr || !same(*before.root, *after.root)) {
    return refuse(make_error(ErrorKind::kUnprocessable, "format.unsupported",
                             "this document is written in a way that cannot be formatted without changing it",
                             "1:1"));
  }
  outcome.text = std::move(printed);
  return outcome;
}

}  // namespace switchyard::authoring
