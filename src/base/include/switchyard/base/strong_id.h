#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace switchyard {

/// An integer that cannot be mixed up with another one: `using Epoch = StrongId<struct EpochTag, uint32_t>`.
template <typename Tag, typename Rep = uint64_t>
struct StrongId {
  Rep value{};

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(v) {}
  friend constexpr auto operator<=>(StrongId, StrongId) = default;
};

}  // namespace switchyard

template <typename Tag, typename Rep>
struct std::hash<switchyard::StrongId<Tag, Rep>> {
  size_t operator()(switchyard::StrongId<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};
