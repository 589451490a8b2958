#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/document/document.h"

namespace switchyard::authoring {

/// A step as it stands in a document, whether the document is right or not.
struct StepSite {
  std::string name;
  std::string kind;  ///< "model"; empty when it does not say
  std::string path;  ///< "steps.each.steps.call"
  document::Position key;
  const document::Node* node = nullptr;  ///< lives as long as the document
  std::optional<size_t> parent;          ///< the container it stands in
  std::string part;                      ///< of the container: "steps", "catch[0]", "finally", "compensate"
};

/// All steps, each container before what it holds.
std::vector<StepSite> find_steps(const document::Node& root);

/// The words that make a step's kind.
const std::vector<std::string>& step_words();

}  // namespace switchyard::authoring
