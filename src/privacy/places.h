#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "switchyard/privacy/policy.h"

namespace switchyard::privacy {

/// Where several paths stand while a document is walked from its root. Small: one per level of the document.
class Places {
 public:
  /// At the root. `paths` must outlive this. `loose`: names are compared as plain_name says.
  Places(const std::vector<const Path*>& paths, bool loose);

  Places in_field(std::string_view name) const { return step(false, name); }
  Places in_item() const { return step(true, {}); }

  /// The first of the paths that names this place itself; -1: none does.
  int named() const { return named_; }
  /// Whether a path can name something below.
  bool leads_on() const { return !states_.empty(); }

 private:
  struct State {
    uint32_t path, at;  ///< of a path: the segment that comes next
  };
  Places(const std::vector<const Path*>* paths, bool loose) : paths_(paths), loose_(loose) {}
  Places step(bool item, std::string_view name) const;
  void add(uint32_t path, uint32_t at);

  const std::vector<const Path*>* paths_;
  bool loose_;
  int named_ = -1;
  std::vector<State> states_;
};

}  // namespace switchyard::privacy
