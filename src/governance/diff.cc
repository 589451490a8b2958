// Longest common subsequence by dynamic programming: documents are short, and the result is the smallest
// diff.
#include "diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "switchyard/governance/limits.h"

namespace switchyard::governance {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

struct Line {
  char mark;
  std::string_view text;
};

std::vector<Line> align(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b) {
  const size_t n = a.size(), m = b.size();
  std::vector<std::vector<uint16_t>> common(n + 1, std::vector<uint16_t>(m + 1, 0));
  for (size_t i = n; i-- > 0;)
    for (size_t j = m; j-- > 0;)
      common[i][j] = a[i] == b[j] ? static_cast<uint16_t>(common[i + 1][j + 1] + 1)
                                  : std::max(common[i + 1][j], common[i][j + 1]);
  std::vector<Line> lines;
  size_t i = 0, j = 0;
  while (i < n || j < m) {
    if (i < n && j < m && a[i] == b[j]) {
      lines.push_back({' ', a[i]});
      ++i, ++j;
    } else if (j == m || (i < n && common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back({'-', a[i++]});
    } else {
      lines.push_back({'+', b[j++]});
    }
  }
  return lines;
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after) {
  if (before == after) return {};
  const auto a = lines_of(before), b = lines_of(after);
  if (a.size() > kMaxDiffLines || b.size() > kMaxDiffLines) return {};
  const auto lines = align(a, b);
  constexpr size_t kContext = 3;
  std::vector<bool> shown(lines.size(), false);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].mark == ' ') continue;
    for (size_t k = i > kContext ? i - kContext : 0; k < std::min(lines.size(), i + kContext + 1); ++k)
      shown[k] = true;
  }
  std::string text;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!shown[i]) continue;
    if (i > 0 && !shown[i - 1]) text += "...\n";
    text += lines[i].mark;
    text += lines[i].text;
    text += '\n';
  }
  return text;
}

}  // namespace switchyard::governance
