// SPDX-License-Identifier: Apache-2.0
#include "sfu/ortc_h264.h"

#include <array>
#include <charconv>

namespace jb::sfu {
namespace {

constexpr unsigned kConstraintSet3 = 0x10;

// RFC 6184 table 5: profile_idc, and which bits of profile_iop decide.
struct ProfilePattern {
  unsigned idc, mask, value;
  H264Profile profile;
};
constexpr std::array<ProfilePattern, 9> kPatterns{{
    {0x42, 0x4f, 0x40, H264Profile::kConstrainedBaseline},
    {0x4d, 0x8f, 0x80, H264Profile::kConstrainedBaseline},
    {0x58, 0xcf, 0xc0, H264Profile::kConstrainedBaseline},
    {0x42, 0x4f, 0x00, H264Profile::kBaseline},
    {0x58, 0xcf, 0x80, H264Profile::kBaseline},
    {0x4d, 0xaf, 0x00, H264Profile::kMain},
    {0x64, 0xff, 0x00, H264Profile::kHigh},
    {0x64, 0xff, 0x0c, H264Profile::kConstrainedHigh},
    {0xf4, 0xff, 0x00, H264Profile::kPredictiveHigh444},
}};

const char* ProfileText(H264Profile profile) {
  switch (profile) {
    case H264Profile::kConstrainedBaseline: return "42e0";
    case H264Profile::kBaseline: return "4200";
    case H264Profile::kMain: return "4d00";
    case H264Profile::kConstrainedHigh: return "640c";
    case H264Profile::kHigh: return "6400";
    case H264Profile::kPredictiveHigh444: return "f400";
  }
  return "42e0";
}

// 1b lies between 1 and 1.1.
int LevelRank(int level) { return level == kH264Level1b ? 21 : level * 2; }

bool IsLevel(unsigned idc) {
  const unsigned tens = idc / 10;
  return tens >= 1 && tens <= 5 && idc % 10 <= (tens == 1 ? 3u : 2u);
}

}  // namespace

std::optional<H264ProfileLevel> ParseH264ProfileLevel(std::optional<std::string_view> text) {
  if (!text) return H264ProfileLevel{};
  unsigned bits = 0;
  if (text->size() != 6) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + 6, bits, 16);
  if (error != std::errc{} || end != text->data() + 6 || bits == 0) return std::nullopt;
  const unsigned idc = bits >> 16, iop = (bits >> 8) & 0xff, level_idc = bits & 0xff;
  if (!IsLevel(level_idc)) return std::nullopt;
  // Level 11 with constraint_set3 means 1b for the profiles below High.
  const bool level_1b = level_idc == 11 && (iop & kConstraintSet3) && idc != 0x64 && idc != 0xf4;
  for (const ProfilePattern& pattern : kPatterns) {
    const unsigned seen = level_1b ? iop & ~kConstraintSet3 : iop;
    if (pattern.idc != idc || (seen & pattern.mask) != pattern.value) continue;
    return H264ProfileLevel{pattern.profile, level_1b ? kH264Level1b : static_cast<int>(level_idc)};
  }
  return std::nullopt;
}

std::string H264ProfileLevelText(const H264ProfileLevel& value) {
  if (value.level == kH264Level1b) {
    switch (value.profile) {
      case H264Profile::kConstrainedBaseline: return "42f00b";
      case H264Profile::kBaseline: return "42100b";
      case H264Profile::kMain: return "4d100b";
      default: break;
    }
  }
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = ProfileText(value.profile);
  out += kHex[(value.level >> 4) & 15];
  out += kHex[value.level & 15];
  return out;
}

int LowerH264Level(int a, int b) { return LevelRank(a) <= LevelRank(b) ? a : b; }

}  // namespace jb::sfu
