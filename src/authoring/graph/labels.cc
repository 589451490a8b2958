#include "labels.h"

#include "switchyard/authoring/limits.h"

namespace switchyard::authoring::graph {

std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    if (control && (out.empty() || out.back() == ' ')) continue;
    out += control ? ' ' : c;
  }
  if (out.size() <= kMaxLabelBytes) return out;
  size_t end = kMaxLabelBytes - 3;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
  return out.substr(0, end) + "...";
}

std::vector<std::string> lines_of(const Graph::Box& box) {
  std::vector<std::string> lines;
  if (!box.name.empty()) lines.push_back(label(box.name));
  if (!box.detail.empty()) lines.push_back(label(box.detail));
  if (!box.condition.empty()) lines.push_back(label("when " + box.condition));
  return lines;
}

}  // namespace switchyard::authoring::graph
