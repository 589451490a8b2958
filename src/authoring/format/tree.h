#pragma once

#include <cstdint>
#include <string>
#include <vector>

// A document as it is written: what the formatter moves about. Unlike document::Node it has comments, quotes
// and line breaks.
namespace switchyard::authoring::format {

/// A comment on a line of its own.
struct Comment {
  std::string text;  ///< with its '#'
  size_t column = 0;
  bool blank_before = false;
};

struct Item;

struct Node {
  enum class Kind : uint8_t {
    kEmpty,        ///< nothing is written
    kScalar,       ///< lines as written; one or, folded, several
    kBlockScalar,  ///< header, and lines without their indent
    kFlowMap,
    kFlowList,
    kBlockMap,
    kBlockList,
  };
  Kind kind = Kind::kEmpty;
  std::string properties;          ///< "&name !!str"
  std::string header;              ///< of a block scalar: "|", ">-", "|2"
  std::vector<std::string> lines;  ///< of a scalar
  std::vector<Item> items;         ///< of a collection
  std::vector<Comment> before;     ///< between the key's line and the value
  std::vector<Comment> tail;       ///< after the last item

  bool is_flow() const { return kind == Kind::kFlowMap || kind == Kind::kFlowList; }
  bool is_block() const { return kind == Kind::kBlockMap || kind == Kind::kBlockList; }
  bool is_map() const { return kind == Kind::kFlowMap || kind == Kind::kBlockMap; }
  /// Lines at its end that are empty count: a block scalar that keeps them.
  bool keeps_blank_lines() const {
    return kind == Kind::kBlockScalar && header.find('+') != std::string::npos;
  }
};

/// An entry of a mapping or an item of a list.
struct Item {
  std::vector<Comment> before;
  bool blank_before = false;
  std::string key;  ///< as written, with quotes and properties; of a list: empty
  bool has_colon = true;
  bool is_pair = false;  ///< `[a: b]`: a mapping of one entry inside a list
  Node value;
  std::string trailing;  ///< the comment at the end of its first line
};

}  // namespace switchyard::authoring::format
