#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "switchyard/workflow/pipeline.h"

namespace switchyard::workflow::compiler {

/// [a-z0-9-]+(/[a-z0-9-]+)*, at most kMaxPipelineNameBytes.
bool is_pipeline_name(std::string_view text);
/// [a-z0-9_][a-z0-9_.-]*(/...)*: rule tables, models, costs, queues.
bool is_artefact_name(std::string_view text);
/// [a-z_][a-z0-9_]*, at most kMaxStepNameBytes: a name that expressions can read.
bool is_step_name(std::string_view text);
/// Why a name that is_step_name() accepts may still not be used; empty: it may.
std::string_view reserved_because(std::string_view name);
/// Semantic Versioning 2.0.0: MAJOR.MINOR.PATCH with an optional -prerelease; build metadata is refused.
bool is_version(std::string_view text);
/// "name@version" cut in two; the version is empty when there is none. No check of either.
std::pair<std::string_view, std::string_view> split_version(std::string_view text);
/// "250ms", "2s", "30m", "4h", "1d": a whole number and a unit (us, ms, s, m, h, d, w), more than zero and at
/// most kMaxDurationUs. In microseconds.
std::optional<int64_t> parse_duration(std::string_view text);
/// The nearest larger unit without a fraction: "2s", "250ms".
std::string duration_text(int64_t us);
/// [a-z][a-z0-9_.-]*: codes of `fail` and names of search attributes.
bool is_code(std::string_view text);

}  // namespace switchyard::workflow::compiler
