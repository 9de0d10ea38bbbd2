// SPDX-License-Identifier: Apache-2.0
// H264 profile-level-id arithmetic (RFC 6184 section 8.1). Internal to ortc.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace jb::sfu {

enum class H264Profile { kConstrainedBaseline, kBaseline, kMain, kConstrainedHigh, kHigh, kPredictiveHigh444 };

struct H264ProfileLevel {
  H264Profile profile = H264Profile::kConstrainedBaseline;
  int level = 31;  // level_idc; kLevel1b stands for 1b
};
inline constexpr int kH264Level1b = 0;  // level 1b sorts below 1.1 (11) and above 1.0 (10); see LevelRank

// Absent text means what browsers take it for: constrained baseline, level 3.1.
std::optional<H264ProfileLevel> ParseH264ProfileLevel(std::optional<std::string_view> text);
std::string H264ProfileLevelText(const H264ProfileLevel& value);
// The lower of the two levels.
int LowerH264Level(int a, int b);

}  // namespace jb::sfu
