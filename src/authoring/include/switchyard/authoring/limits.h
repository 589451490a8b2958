#pragma once

#include <cstddef>
#include <cstdint>

namespace switchyard::authoring {

/// Columns that a formatted line takes where it can, without the comment at its end.
inline constexpr size_t kFormatWidth = 120;

/// Files and bytes of a folder that is checked; those of a deployment.
inline constexpr size_t kMaxWorkspaceFiles = 2000;
inline constexpr size_t kMaxWorkspaceFileBytes = 48u << 20;

/// One message of the language server, either way; its header lines.
inline constexpr size_t kMaxMessageBytes = 16u << 20;
inline constexpr size_t kMaxHeaderBytes = 8u << 10;
/// Documents that an editor may have open at once, and entries that one completion offers.
inline constexpr size_t kMaxOpenDocuments = 500;
inline constexpr size_t kMaxCompletions = 500;

/// Boxes of a graph; a pipeline has at most a thousand steps.
inline constexpr size_t kMaxGraphNodes = 2000;
/// Bytes of a label in a graph; longer ones end in "...".
inline constexpr size_t kMaxLabelBytes = 80;

}  // namespace switchyard::authoring
