#include "plant.h"

#include <array>
#include <utility>

namespace switchyard::sim {
namespace {

constexpr std::array<std::pair<Plant, std::string_view>, 14> kNames{{
    {Plant::kNone, "none"},
    {Plant::kLyingDisk, "lying-disk"},
    {Plant::kEarlyAnswer, "early-answer"},
    {Plant::kForgottenKeys, "forgotten-keys"},
    {Plant::kLostWrites, "lost-writes"},
    {Plant::kForgottenSignals, "forgotten-signals"},
    {Plant::kTwoClaims, "two-claims"},
    {Plant::kLostReply, "lost-reply"},
    {Plant::kLostCursors, "lost-cursors"},
    {Plant::kLyingLine, "lying-line"},
    {Plant::kDeafSwitches, "deaf-switches"},
    {Plant::kLostArchive, "lost-archive"},
    {Plant::kChance, "chance"},
    {Plant::kCanary, "canary"},
}};

}  // namespace

std::string_view plant_name(Plant plant) {
  for (const auto& [value, name] : kNames)
    if (value == plant) return name;
  return "none";
}

std::optional<Plant> parse_plant(std::string_view wanted) {
  for (const auto& [value, name] : kNames)
    if (name == wanted) return value;
  return std::nullopt;
}

}  // namespace switchyard::sim
