#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "labels.h"
#include "layout.h"
#include "switchyard/authoring/graph.h"
#include "switchyard/base/markup.h"

namespace switchyard::authoring {
namespace {

using graph::Layout;
using graph::Point;
using graph::Size;

constexpr double kCharacter = 7.3, kLine = 17, kPadding = 12, kInside = 18, kTitle = 26;
constexpr double kMargin = 20, kSlant = 12;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", std::round(value * 10) / 10 + 0.0);
  std::string out = text;
  if (out.ends_with(".0")) out.resize(out.size() - 2);
  return out == "-0" ? "0" : out;
}

double width_of(std::string_view text) {
  const auto count = std::count_if(text.begin(), text.end(),
                                   [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  return static_cast<double>(count) * kCharacter;
}

bool holds_others(Graph::Look look) { return look == Graph::Look::kContainer || look == Graph::Look::kBlock; }

const char* class_of(Graph::Look look) {
  switch (look) {
    case Graph::Look::kInput:
    case Graph::Look::kOutput: return "end";
    case Graph::Look::kStep: return "step";
    case Graph::Look::kDecision: return "decision";
    case Graph::Look::kReview: return "review";
    case Graph::Look::kEffect: return "effect";
    case Graph::Look::kWait: return "wait";
    case Graph::Look::kFail: return "fail";
    case Graph::Look::kContainer: return "container";
    case Graph::Look::kBlock: return "block";
  }
  return "step";
}

/// Measures from the inside out, then draws from the outside in.
class Drawing {
 public:
  explicit Drawing(const Graph& graph) : graph_(graph), groups_(graph.boxes.size() + 1) {
    for (size_t i = 0; i < graph.boxes.size(); ++i) groups_[group_of(i)].boxes.push_back(i);
    for (size_t i = 0; i < graph.edges.size(); ++i) groups_[group_of(graph.edges[i].from)].edges.push_back(i);
  }

  std::string run() {
    const Size inner = measure(graph_.boxes.size());
    const double title = width_of(graph_.title) * 1.15;
    const double width = std::max(inner.width, title) + 2 * kMargin;
    const double height = inner.height + 2 * kMargin + kTitle;
    head(width, height);
    text({kMargin, kMargin + 10}, graph_.title, "title", false);
    draw(graph_.boxes.size(), {(width - inner.width) / 2, kMargin + kTitle});
    return out_ + "</svg>\n";
  }

 private:
  struct Group {
    std::vector<size_t> boxes, edges;
    Layout layout;
    std::vector<Size> sizes;
  };

  /// The box that holds it; the last group is the drawing itself.
  size_t group_of(size_t box) const { return graph_.boxes[box].parent.value_or(graph_.boxes.size()); }

  Size size_of(size_t box) {
    const Graph::Box& it = graph_.boxes[box];
    const auto lines = graph::lines_of(it);
    double width = 40;
    for (const std::string& line : lines) width = std::max(width, width_of(line));
    const double height = static_cast<double>(lines.size()) * kLine + kPadding;
    width += 2 * kPadding + 2 * kSlant;
    if (!holds_others(it.look)) return {width, height};
    const Size inner = measure(box);
    return {std::max(width, inner.width + 2 * kInside), height + inner.height + kInside};
  }

  Size measure(size_t group_index) {
    Group& group = groups_[group_index];
    std::vector<size_t> place(graph_.boxes.size(), 0);
    for (size_t i = 0; i < group.boxes.size(); ++i) {
      place[group.boxes[i]] = i;
      group.sizes.push_back(size_of(group.boxes[i]));
    }
    std::vector<std::pair<size_t, size_t>> edges;
    for (const size_t edge : group.edges)
      edges.emplace_back(place[graph_.edges[edge].from], place[graph_.edges[edge].to]);
    group.layout = graph::lay_out(group.sizes, edges);
    return group.layout.size;
  }

  void draw(size_t group_index, Point at) {
    const Group& group = groups_[group_index];
    for (size_t i = 0; i < group.edges.size(); ++i)
      draw_edge(graph_.edges[group.edges[i]], group.layout.routes[i], at);
    for (size_t i = 0; i < group.boxes.size(); ++i) {
      const Point corner = group.layout.corners[i];
      draw_box(group.boxes[i], {at.x + corner.x, at.y + corner.y}, group.sizes[i]);
    }
  }

  void draw_box(size_t index, Point at, Size size) {
    const Graph::Box& box = graph_.boxes[index];
    out_ += std::string("<g class=\"") + class_of(box.look) + "\">";
    if (!box.condition.empty())
      out_ += "<title>when " + escape_markup(graph::label(box.condition)) + "</title>";
    shape(box.look, at, size);
    const auto lines = graph::lines_of(box);
    for (size_t i = 0; i < lines.size(); ++i) {
      const bool condition = i + 1 == lines.size() && !box.condition.empty();
      text({at.x + size.width / 2, at.y + kPadding / 2 + kLine * (static_cast<double>(i) + 0.75)}, lines[i],
           i == 0      ? "name"
           : condition ? "when"
                       : "detail",
           true);
    }
    out_ += "</g>\n";
    if (!holds_others(box.look)) return;
    const Group& group = groups_[index];
    const double head = static_cast<double>(lines.size()) * kLine + kPadding;
    draw(index, {at.x + (size.width - group.layout.size.width) / 2, at.y + head});
  }

  void rectangle(Point at, Size size, double radius) {
    out_ += "<rect x=\"" + number(at.x) + "\" y=\"" + number(at.y) + "\" width=\"" + number(size.width) +
            "\" height=\"" + number(size.height) + "\" rx=\"" + number(radius) + "\"/>";
  }
  void polygon(const std::vector<Point>& points) {
    out_ += "<polygon points=\"";
    for (size_t i = 0; i < points.size(); ++i)
      out_ += (i == 0 ? "" : " ") + number(points[i].x) + "," + number(points[i].y);
    out_ += "\"/>";
  }

  void shape(Graph::Look look, Point at, Size size) {
    const double right = at.x + size.width, bottom = at.y + size.height, middle = at.y + size.height / 2;
    switch (look) {
      case Graph::Look::kInput:
      case Graph::Look::kOutput: return rectangle(at, size, size.height / 2);
      case Graph::Look::kDecision:
        return polygon({{at.x + kSlant, at.y},
                        {right - kSlant, at.y},
                        {right, middle},
                        {right - kSlant, bottom},
                        {at.x + kSlant, bottom},
                        {at.x, middle}});
      case Graph::Look::kEffect:
        return polygon({{at.x + kSlant, at.y}, {right, at.y}, {right - kSlant, bottom}, {at.x, bottom}});
      case Graph::Look::kReview:
        rectangle(at, size, 2);
        return rectangle({at.x + 5, at.y}, {size.width - 10, size.height}, 0);
      case Graph::Look::kWait: return rectangle(at, size, 14);
      default: return rectangle(at, size, 5);
    }
  }

  void text(Point at, std::string_view words, const char* kind, bool centred) {
    out_ += "<text x=\"" + number(at.x) + "\" y=\"" + number(at.y) + "\" class=\"" + kind + "\"" +
            (centred ? " text-anchor=\"middle\"" : "") + ">" + escape_markup(words) + "</text>";
  }

  void draw_edge(const Graph::Edge& edge, const std::vector<Point>& route, Point at) {
    if (route.size() < 2) return;
    const auto x = [&](const Point& p) { return number(at.x + p.x); };
    const auto y = [&](double value) { return number(at.y + value); };
    std::string path = "M" + x(route[0]) + "," + y(route[0].y);
    for (size_t i = 1; i < route.size(); ++i) {
      const Point &a = route[i - 1], &b = route[i];
      const double middle = (a.y + b.y) / 2;
      path += " C" + x(a) + "," + y(middle) + " " + x(b) + "," + y(middle) + " " + x(b) + "," + y(b.y);
    }
    const bool dotted = edge.arrow == Graph::Arrow::kAfter || edge.arrow == Graph::Arrow::kFallback;
    out_ += std::string("<path class=\"") + (dotted ? "edge dotted" : "edge") + "\" d=\"" + path +
            "\" marker-end=\"url(#arrow)\"/>\n";
    if (edge.label.empty()) return;
    // Beside the last stretch, where edges that share their beginning have parted.
    const Point &a = route[route.size() - 2], &b = route.back();
    text({at.x + (a.x + b.x * 3) / 4, at.y + b.y - 10}, graph::label(edge.label), "label", true);
    out_ += "\n";
  }

  void head(double width, double height) {
    out_ += "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) + "\" height=\"" +
            number(height) + "\" viewBox=\"0 0 " + number(width) + " " + number(height) +
            "\" role=\"img\">\n";
    out_ += "<title>" + escape_markup(graph_.title) + "</title>\n";
    out_ +=
        "<style>\n"
        "text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #222 }\n"
        ".title { font-size: 14px; font-weight: 600 } .name { font-weight: 600 } .detail { fill: #444 }\n"
        ".when { font-style: italic; fill: #555 } .label { font-size: 11px; fill: #555 }\n"
        "rect, polygon { fill: #fff; stroke: #555 } .end > rect { fill: #e9f5e9; stroke: #2e7d32 }\n"
        ".decision > polygon { fill: #f3e8ff; stroke: #6a1b9a } .review > rect { fill: #fff3c4; stroke: "
        "#8a6d00 }\n"
        ".effect > polygon { fill: #d9ecff; stroke: #0b5394 } .wait > rect { fill: #eee; stroke-dasharray: 4 "
        "3 }\n"
        ".fail > rect { fill: #fde0e0; stroke: #a61b1b } .container > rect { fill: #f7f7f7; stroke: #888 }\n"
        ".block > rect { fill: #fff; stroke: #aaa; stroke-dasharray: 2 2 }\n"
        ".edge { fill: none; stroke: #777; stroke-width: 1.2 } .dotted { stroke-dasharray: 4 3 }\n"
        "</style>\n"
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
        "markerHeight=\"7\" "
        "orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\" fill=\"#777\"/></marker></defs>\n";
    out_ += "<rect width=\"" + number(width) + "\" height=\"" + number(height) +
            "\" style=\"fill:#fff;stroke:none\"/>\n";
  }

  const Graph& graph_;
  std::vector<Group> groups_;
  std::string out_;
};

}  // namespace

std::string to_svg(const Graph& graph) { return Drawing(graph).run(); }

}  // namespace switchyard::authoring
