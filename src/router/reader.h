#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "switchyard/document/document.h"
#include "switchyard/document/reporter.h"
#include "switchyard/router/money.h"

namespace switchyard::router {

/// Reads the scalars of a route's document; each mistake is reported with its place. What could not be read
/// keeps its default.
class Reader {
 public:
  using Node = document::Node;
  explicit Reader(const std::string& file) : report(file) {}

  void error(const Node& at, std::string path, std::string_view what, std::string message, std::string mend);
  /// False when `node` is no mapping. Reports fields that are not among `known`.
  bool mapping(const Node& node, const std::string& path, const std::vector<std::string>& known,
               const char* example);
  /// Reports that nothing is called `name`, with the nearest of `known`.
  void unknown_name(const Node& at, const std::string& path, std::string_view what, const std::string& name,
                    const std::vector<std::string>& known);

  // Each reads `parent.key` when it is there.
  void integer(const Node& parent, const std::string& path, std::string_view key, int64_t least, int64_t most,
               int64_t& into);
  template <typename Int>
  void whole(const Node& parent, const std::string& path, std::string_view key, int64_t least, int64_t most,
             Int& into) {
    auto value = static_cast<int64_t>(into);
    integer(parent, path, key, least, most, value);
    into = static_cast<Int>(value);
  }
  /// "250ms", "5s", "10m", "4h", "1d".
  void duration(const Node& parent, const std::string& path, std::string_view key, int64_t most_us,
                int64_t& into_us);
  /// "5%" or 0.05.
  void share(const Node& parent, const std::string& path, std::string_view key, double& into);
  /// A positive number.
  void number(const Node& parent, const std::string& path, std::string_view key, double above, double most,
              double& into);
  void flag(const Node& parent, const std::string& path, std::string_view key, bool& into);
  void text(const Node& parent, const std::string& path, std::string_view key, std::string& into);
  void money(const Node& parent, const std::string& path, std::string_view key, Money& into);
  /// One of `words`; its index.
  std::optional<size_t> word(const Node& parent, const std::string& path, std::string_view key,
                             const std::vector<std::string>& words);

  // Of one node.
  std::optional<int64_t> duration_of(const Node& node, const std::string& path, int64_t most_us);
  std::optional<double> share_of(const Node& node, const std::string& path);

  document::Reporter report;
};

/// "90s" and the like, with a whole number before the unit.
std::optional<int64_t> parse_duration(std::string_view text);
/// "5%", "0.5%".
std::optional<double> parse_percent(std::string_view text);

}  // namespace switchyard::router
