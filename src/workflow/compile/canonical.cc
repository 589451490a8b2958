#include "canonical.h"

#include "switchyard/types/json.h"
#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow::compiler {
namespace {

using document::Node;
using Inlined = std::map<const Node*, const Node*>;

void append(const Node& node, const Inlined& inlined, std::string& out) {
  if (const auto other = inlined.find(&node); other != inlined.end()) return append(*other->second, {}, out);
  if (node.is(Node::Kind::kMapping)) {
    out += '{';
    for (const auto& entry : node.entries) {
      if (&entry != &node.entries.front()) out += ',';
      append_json_string(entry.key, out);
      out += ':';
      append(entry.value, inlined, out);
    }
    out += '}';
  } else if (node.is(Node::Kind::kSequence)) {
    out += '[';
    for (const auto& item : node.items) {
      if (&item != &node.items.front()) out += ',';
      append(item, inlined, out);
    }
    out += ']';
  } else {
    Arena arena(64);
    append_json(document::to_value(node, arena), out);
  }
}

}  // namespace

std::string canonical_form(const Node& root, const Inlined& inlined) {
  std::string out;
  append(root, inlined, out);
  return out;
}

Sha256 pipeline_hash(const std::string& canonical) {
  return sha256(canonical + "\nform " + std::to_string(kFormVersion));
}

}  // namespace switchyard::workflow::compiler
