// SPDX-License-Identifier: Apache-2.0
// H.264 NAL unit types in an RTP payload (RFC 6184 section 5): single NAL unit, STAP-A and FU-A.
#pragma once

#include "base/bytes.h"

namespace jb::media::h264 {

inline constexpr std::uint8_t kNalSlice = 1;  // ITU-T H.264 table 7-1
inline constexpr std::uint8_t kNalPartitionA = 2;
inline constexpr std::uint8_t kNalIdr = 5;
inline constexpr std::uint8_t kNalSei = 6;
inline constexpr std::uint8_t kNalSps = 7;
inline constexpr std::uint8_t kNalPps = 8;
inline constexpr std::uint8_t kNalAud = 9;
inline constexpr std::uint8_t kStapA = 24;  // RFC 6184 table 1
inline constexpr std::uint8_t kFuA = 28;

// An SPS, or the beginning of the first IDR slice of a picture.
bool IsKeyFrame(ByteView payload);
// Begins a NAL unit that can open an access unit: a slice whose first macroblock is 0, a parameter
// set, SEI or access unit delimiter. Not a later fragment, not a later slice.
bool IsStartOfFrame(ByteView payload);

}  // namespace jb::media::h264
