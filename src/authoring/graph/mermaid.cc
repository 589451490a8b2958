#include <string>

#include "labels.h"
#include "switchyard/authoring/graph.h"

namespace switchyard::authoring {
namespace {

/// Mermaid's own entities: #name; and #number;.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"': out += "#quot;"; break;
      case '#': out += "#35;"; break;
      case '&': out += "#38;"; break;
      case '<': out += "#lt;"; break;
      case '>': out += "#gt;"; break;
      case '`': out += "#96;"; break;
      case '\\': out += "#92;"; break;
      case '|': out += "#124;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string label_of(const Graph::Box& box) {
  std::string label;
  for (const std::string& line : graph::lines_of(box))
    label += (label.empty() ? "" : "<br/>") + escaped(line);
  return label;
}

const char* class_of(Graph::Look look) {
  switch (look) {
    case Graph::Look::kReview: return "review";
    case Graph::Look::kEffect: return "effect";
    case Graph::Look::kFail: return "fail";
    case Graph::Look::kWait: return "wait";
    default: return "";
  }
}

void append_box(const Graph& graph, size_t index, const std::string& indent, std::string& out) {
  const Graph::Box& box = graph.boxes[index];
  const std::string id = "b" + std::to_string(index);
  if (box.look == Graph::Look::kContainer || box.look == Graph::Look::kBlock) {
    out += indent + "subgraph " + id + "[\"" + label_of(box) + "\"]\n";
    for (size_t i = 0; i < graph.boxes.size(); ++i)
      if (graph.boxes[i].parent == index) append_box(graph, i, indent + "  ", out);
    out += indent + "end\n";
    return;
  }
  const char *open = "[\"", *close = "\"]";
  switch (box.look) {
    case Graph::Look::kInput:
    case Graph::Look::kOutput: open = "([\"", close = "\"])"; break;
    case Graph::Look::kDecision: open = "{{\"", close = "\"}}"; break;
    case Graph::Look::kReview: open = "[[\"", close = "\"]]"; break;
    case Graph::Look::kEffect: open = "[/\"", close = "\"/]"; break;
    case Graph::Look::kWait: open = "(\"", close = "\")"; break;
    default: break;
  }
  out += indent + id + open + label_of(box) + close;
  if (const std::string name = class_of(box.look); !name.empty()) out += ":::" + name;
  out += "\n";
}

std::string arrow_of(const Graph::Edge& edge) {
  const bool dotted = edge.arrow == Graph::Arrow::kAfter || edge.arrow == Graph::Arrow::kFallback;
  std::string arrow = dotted ? "-.->" : "-->";
  if (!edge.label.empty()) arrow += "|\"" + escaped(edge.label) + "\"|";
  return arrow;
}

}  // namespace

std::string to_mermaid(const Graph& graph) {
  std::string out = "flowchart TD\n";
  for (size_t i = 0; i < graph.boxes.size(); ++i)
    if (!graph.boxes[i].parent.has_value()) append_box(graph, i, "  ", out);
  for (const Graph::Edge& edge : graph.edges) {
    out += "  b" + std::to_string(edge.from) + " " + arrow_of(edge) + " b" + std::to_string(edge.to) + "\n";
  }
  out +=
      "  classDef review fill:#fff3c4,stroke:#8a6d00,color:#222222\n"
      "  classDef effect fill:#d9ecff,stroke:#0b5394,color:#222222\n"
      "  classDef fail fill:#fde0e0,stroke:#a61b1b,color:#222222\n"
      "  classDef wait fill:#eeeeee,stroke:#666666,color:#222222\n";
  return out;
}

}  // namespace switchyard::authoring
