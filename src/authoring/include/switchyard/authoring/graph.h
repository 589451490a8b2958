#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "switchyard/workflow/pipeline.h"

namespace switchyard::authoring {

/// A pipeline as boxes and arrows, without places.
struct Graph {
  enum class Look : uint8_t {
    kInput,
    kOutput,
    kStep,      ///< computes: set, rules, model
    kDecision,  ///< triage
    kReview,    ///< people answer
    kEffect,    ///< something happens outside: http, emit
    kWait,      ///< for time or events
    kFail,
    kContainer,  ///< holds other boxes
    kBlock,      ///< a part of a container: "catch http.*", "finally"
  };
  struct Box {
    Look look = Look::kStep;
    std::string name;
    std::string detail;     ///< "model fraud-light"
    std::string condition;  ///< the text of `when`; empty: none
    std::optional<size_t> parent;
  };
  enum class Arrow : uint8_t {
    kReads,      ///< the target reads the source's result
    kCondition,  ///< it decides by it whether it runs at all
    kAfter,      ///< only the order matters
    kFallback,   ///< the source's result stands in when the target fails
  };
  struct Edge {
    size_t from = 0, to = 0;
    Arrow arrow = Arrow::kReads;
    std::string label;
  };
  std::string title;
  std::vector<Box> boxes;
  std::vector<Edge> edges;
};

/// Boxes for the input, every step and the output; arrows follow references. Arrows join boxes of one parent.
Graph make_graph(const workflow::Pipeline& pipeline);

/// Mermaid's flowchart, for Markdown. Everything that comes from the document is escaped.
std::string to_mermaid(const Graph& graph);

/// A drawing in layers, complete in itself: no script, no font, no other file. Everything that comes from the
/// document is escaped. The same graph gives the same bytes.
std::string to_svg(const Graph& graph);

}  // namespace switchyard::authoring
