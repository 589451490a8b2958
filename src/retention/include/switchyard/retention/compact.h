#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "switchyard/base/result.h"
#include "switchyard/types/events.h"

namespace switchyard::retention {

/// Whether a compacted run keeps an event of this type at all: attempts that failed, claims, comments and
/// waits go; what was asked, answered and decided stays.
bool keeps(const Event& event);

/// The payload of an event after compacting: values of the parts in `drop` (bits of Part) are replaced by
/// their SHA-256 and size. Empty: the event goes. `event` has all its values; `values` says how those that
/// stay are written (nullptr: as they are).
std::optional<std::string> compact(const Event& event, uint32_t drop, ValueWriter* values);

/// The SHA-256 a removed value leaves, as hexadecimal; empty when `value` is no removed value. Ask only for
/// values of a compacted run.
std::string removed_hash(const Value& value);

}  // namespace switchyard::retention
