#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "switchyard/types/ids.h"
#include "switchyard/workflow/run.h"

namespace switchyard::partition {

/// A legal hold: while it stands, no run that fits it is compacted or deleted, those that come later
/// included. Empty members fit everything; at least one is set.
struct Hold {
  std::string name;
  std::optional<RunId> run;
  std::string pipeline;  ///< a name, or a pattern with `*`
  std::string key;
  int64_t since_us = 0, until_us = 0;                       ///< by start time; until exclusive, 0: none
  std::vector<std::pair<std::string, std::string>> search;  ///< attribute → value as text
  std::string who, why;
  int64_t set_us = 0;

  bool fits(const workflow::RunSummary& run) const;
  bool same_filter(const Hold& other) const;
};

/// The filter as a map, for events and answers: { run?, pipeline?, key?, since?, until?, search? }.
Value hold_filter_to_value(const Hold& hold, Arena& arena);
/// Reads it back; for events only, requests are read with more care.
Hold hold_from_value(std::string_view name, const Value& filter);

}  // namespace switchyard::partition
