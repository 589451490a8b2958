#pragma once

#include <cstddef>

namespace switchyard::governance {

inline constexpr size_t kMaxBundleFiles = 2000;
inline constexpr size_t kMaxBundleBytes = 64u << 20;     ///< of one deployment
inline constexpr size_t kMaxDocumentBytes = 512u << 10;  ///< of one document with the files it names
inline constexpr size_t kMaxModelBytes = 48u << 20;
inline constexpr size_t kMaxWhyBytes = 1024;
inline constexpr size_t kMaxDiffLines = 2000;  ///< longer documents are shown without a diff

}  // namespace switchyard::governance
