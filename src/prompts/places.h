#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/base/result.h"
#include "switchyard/document/document.h"
#include "switchyard/document/fields.h"
#include "switchyard/document/reporter.h"
#include "template.h"

namespace switchyard::prompts {

using document::Fields;
using document::Place;
using document::read_text;

/// A text of the document, or of a file beside it, whose mistakes have places.
struct Text {
  std::string_view text;
  Place place;
  std::string file;  ///< empty: it stands in the document
};

/// Reports mistakes at their places, also inside texts.
class Reports : public document::Reports {
 public:
  Reports(document::Reporter& reporter, std::string_view source)
      : document::Reports(reporter, "prompt"), source_(source) {}

  void add(const Text& text, Mistakes mistakes);

 private:
  document::Position position(const Text& text, size_t offset) const;
  document::Position in_block(const document::Node& scalar, size_t offset) const;
  const std::string_view source_;
};

// Small readers; each reports what is wrong and gives nothing then.
std::optional<double> read_number(Reports& reports, const Place& place, const std::string& what, double least,
                                  double most);
std::optional<int64_t> read_integer(Reports& reports, const Place& place, const std::string& what,
                                    int64_t least, int64_t most);
/// One of these words.
std::optional<size_t> read_word(Reports& reports, const Place& place, const std::string& what,
                                const std::vector<std::string>& words);

}  // namespace switchyard::prompts
