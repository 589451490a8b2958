#include "switchyard/authoring/graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "../graph/layout.h"
#include "switchyard/governance/bundle.h"

namespace switchyard::authoring {
namespace {

using graph::lay_out;
using graph::Size;

std::shared_ptr<const workflow::Pipeline> compiled(const std::string& steps, const std::string& output) {
  const std::string text =
      "pipeline: shop/a@1.0.0\ninput: { schema: { type: object, required: [x], properties: { x: { type: "
      "number } } } }\n"
      "steps:\n" +
      steps + "output: " + output + "\n";
  const auto bundle = governance::compile_bundle({{{"a.yaml", text}}, {}});
  for (const auto& d : bundle.documents.at(0).diagnostics)
    if (d.severity == Diagnostic::Severity::kError) ADD_FAILURE() << d.to_string() << text;
  return bundle.documents.at(0).pipeline;
}

constexpr const char* kSteps =
    "  facts: { set: { big: input.x > 1.0 } }\n"
    "  call: { http: { method: POST, url: \"'https://x.example.org/<&>'\" }, when: facts.big, timeout: 1s, "
    "on_error: { value: { status: 0 } } }\n"
    "  verdict: { triage: \"facts.big ? 0.9 : 0.1\", confidence_below: 0.95 }\n"
    "  ask: { when: verdict.to_person, review: { queue: desk, form: { type: object, required: [ok], "
    "properties: { ok: { type: boolean } } }, due: 1h } }\n"
    "  last: { wait: 1s, after: [call, ask] }\n"
    "  stop: { fail: { code: shop.stop, message: \"'no'\" }, when: 'input.x > 9.0 && \"<\" == \"a\"' }\n";

size_t index_of(const Graph& graph, const std::string& name) {
  for (size_t i = 0; i < graph.boxes.size(); ++i)
    if (graph.boxes[i].name == name) return i;
  ADD_FAILURE() << "no box " << name;
  return 0;
}

const Graph::Edge* find_edge(const Graph& graph, const std::string& from, const std::string& to) {
  for (const auto& edge : graph.edges)
    if (graph.boxes[edge.from].name == from && graph.boxes[edge.to].name == to) return &edge;
  return nullptr;
}

TEST(Graph, ShowsStepsConditionsAndWhatTheyRead) {
  const auto pipeline = compiled(kSteps, "{ big: facts.big, ok: \"has(ask) ? ask.ok : false\" }");
  ASSERT_NE(pipeline, nullptr);
  const Graph graph = make_graph(*pipeline);
  EXPECT_EQ(graph.title, "shop/a@1.0.0");
  EXPECT_EQ(graph.boxes[index_of(graph, "call")].look, Graph::Look::kEffect);
  EXPECT_EQ(graph.boxes[index_of(graph, "ask")].look, Graph::Look::kReview);
  EXPECT_EQ(graph.boxes[index_of(graph, "verdict")].look, Graph::Look::kDecision);
  EXPECT_EQ(graph.boxes[index_of(graph, "stop")].look, Graph::Look::kFail);
  EXPECT_EQ(graph.boxes[index_of(graph, "ask")].condition, "verdict.to_person");
  ASSERT_NE(find_edge(graph, "facts", "call"), nullptr);
  EXPECT_EQ(find_edge(graph, "facts", "call")->arrow, Graph::Arrow::kCondition);
  EXPECT_EQ(find_edge(graph, "facts", "verdict")->arrow, Graph::Arrow::kReads);
  EXPECT_EQ(find_edge(graph, "call", "last")->arrow, Graph::Arrow::kAfter);
  EXPECT_NE(find_edge(graph, "ask", "output"), nullptr);
  EXPECT_NE(find_edge(graph, "input", "facts"), nullptr);
  EXPECT_EQ(find_edge(graph, "call", "output"), nullptr);
}

TEST(Graph, EscapesWhatTheDocumentSays) {
  const auto pipeline = compiled(kSteps, "facts");
  ASSERT_NE(pipeline, nullptr);
  const std::string mermaid = to_mermaid(make_graph(*pipeline)), svg = to_svg(make_graph(*pipeline));
  EXPECT_NE(mermaid.find("#lt;#quot;"), std::string::npos) << mermaid;
  EXPECT_EQ(mermaid.find("\"<\""), std::string::npos);
  EXPECT_NE(svg.find("&quot;&lt;&quot;"), std::string::npos);
  EXPECT_EQ(svg.find("\"<\""), std::string::npos);
  // Well formed: every tag that opens closes.
  std::vector<std::string> open;
  for (size_t at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
    const size_t end = svg.find('>', at);
    ASSERT_NE(end, std::string::npos);
    std::string tag = svg.substr(at + 1, svg.find_first_of(" >/", at + 2) - at - 1);
    if (svg[at + 1] == '/') {
      tag = svg.substr(at + 2, end - at - 2);
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), tag);
      open.pop_back();
    } else if (svg[end - 1] != '/') {
      open.push_back(tag);
    }
  }
  EXPECT_TRUE(open.empty());
}

TEST(Graph, NestsWhatContainersHold) {
  const auto pipeline = compiled(
      "  each: { for_each: \"[1, 2]\", as: one, steps: { twice: { set: { v: one * 2 } } }, output: twice.v "
      "}\n"
      "  careful:\n"
      "    try: { steps: { call: { wait: 1s } } }\n"
      "    catch: [ { on: ['wait.*'], steps: { note: { set: { a: error.code } } } } ]\n"
      "    finally: { steps: { end: { wait: 1s } } }\n"
      "    after: each\n",
      "each.count");
  ASSERT_NE(pipeline, nullptr);
  const Graph graph = make_graph(*pipeline);
  const auto parent = [&](const std::string& name) {
    const auto box = graph.boxes[index_of(graph, name)].parent;
    return box.has_value() ? graph.boxes[*box].name : "nobody";
  };
  EXPECT_EQ(graph.boxes[index_of(graph, "each")].look, Graph::Look::kContainer);
  EXPECT_EQ(parent("each"), "nobody");
  EXPECT_EQ(parent("twice"), "each");
  EXPECT_EQ(parent("call"), "try");
  EXPECT_EQ(parent("note"), "catch wait.*");
  EXPECT_EQ(parent("end"), "finally");
  EXPECT_EQ(parent("finally"), "careful");
  EXPECT_NE(find_edge(graph, "try", "catch wait.*"), nullptr);
  for (const auto& edge : graph.edges) EXPECT_EQ(graph.boxes[edge.from].parent, graph.boxes[edge.to].parent);
  EXPECT_NE(to_mermaid(graph).find("subgraph"), std::string::npos);
  EXPECT_NE(to_svg(graph).find("class=\"container\""), std::string::npos);
}

TEST(Graph, DrawsTheSameBytesEachTime) {
  const auto pipeline = compiled(kSteps, "facts");
  ASSERT_NE(pipeline, nullptr);
  EXPECT_EQ(to_svg(make_graph(*pipeline)), to_svg(make_graph(*pipeline)));
}

TEST(GraphLayout, PutsEveryBoxBelowWhatPointsToItAndOverNoOther) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const size_t count = 1 + random() % 40;
    std::vector<Size> boxes;
    for (size_t i = 0; i < count; ++i) boxes.push_back({20.0 + random() % 200, 20.0 + random() % 60});
    std::vector<std::pair<size_t, size_t>> edges;
    for (size_t i = 0; i < count * 2; ++i) {
      const size_t a = random() % count, b = random() % count;
      if (a < b) edges.emplace_back(a, b);
    }
    const auto layout = lay_out(boxes, edges);
    ASSERT_EQ(layout.corners.size(), count);
    for (const auto& [from, to] : edges)
      EXPECT_LE(layout.corners[from].y + boxes[from].height, layout.corners[to].y) << "seed " << seed;
    for (size_t i = 0; i < count; ++i) {
      EXPECT_GE(layout.corners[i].x, -0.01);
      EXPECT_LE(layout.corners[i].x + boxes[i].width, layout.size.width + 0.01);
      EXPECT_LE(layout.corners[i].y + boxes[i].height, layout.size.height + 0.01);
      for (size_t j = i + 1; j < count; ++j) {
        const bool apart = layout.corners[i].x + boxes[i].width <= layout.corners[j].x + 0.01 ||
                           layout.corners[j].x + boxes[j].width <= layout.corners[i].x + 0.01 ||
                           layout.corners[i].y + boxes[i].height <= layout.corners[j].y + 0.01 ||
                           layout.corners[j].y + boxes[j].height <= layout.corners[i].y + 0.01;
        EXPECT_TRUE(apart) << "boxes " << i << " and " << j << " overlap, seed " << seed;
      }
    }
    for (size_t e = 0; e < edges.size(); ++e) {
      ASSERT_GE(layout.routes[e].size(), 2u);
      EXPECT_NEAR(layout.routes[e].front().y, layout.corners[edges[e].first].y + boxes[edges[e].first].height,
                  0.01);
      EXPECT_NEAR(layout.routes[e].back().y, layout.corners[edges[e].second].y, 0.01);
    }
  }
}

TEST(GraphLayout, DrawsCirclesToo) {
  const auto layout = lay_out({{10, 10}, {10, 10}, {10, 10}}, {{0, 1}, {1, 2}, {2, 0}, {1, 1}});
  ASSERT_EQ(layout.routes.size(), 4u);
  EXPECT_LT(layout.corners[0].y, layout.corners[1].y);
}

TEST(GraphLayout, IsQuickEnoughForTheLargestPipeline) {
  std::vector<Size> boxes(1000, {100, 40});
  std::vector<std::pair<size_t, size_t>> edges;
  for (size_t i = 1; i < boxes.size(); ++i) edges.emplace_back(i / 2, i);
  EXPECT_EQ(lay_out(boxes, edges).corners.size(), 1000u);
}

}  // namespace
}  // namespace switchyard::authoring
