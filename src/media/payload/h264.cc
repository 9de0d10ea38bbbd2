// SPDX-License-Identifier: Apache-2.0
#include "media/payload/h264.h"

namespace jb::media::h264 {
namespace {

// The beginning of a NAL unit: its type, and the bytes behind its header.
struct NalStart {
  std::uint8_t type;
  ByteView rest;
};

bool IsSlice(std::uint8_t type) { return type == kNalSlice || type == kNalPartitionA || type == kNalIdr; }

// first_mb_in_slice is the first syntax element, coded ue(v): 0 is a single 1 bit (ITU-T H.264
// section 9.1).
bool IsFirstSlice(const NalStart& nal) { return !nal.rest.empty() && (nal.rest[0] & 0x80) != 0; }

bool BeginsKeyFrame(const NalStart& nal) { return nal.type == kNalSps || (nal.type == kNalIdr && IsFirstSlice(nal)); }

bool BeginsFrame(const NalStart& nal) {
  if (IsSlice(nal.type)) return IsFirstSlice(nal);
  return nal.type >= kNalSei && nal.type <= kNalAud;
}

// Single NAL unit:  |F|NRI|  Type   | NAL unit payload ....
// STAP-A (24):      |F|NRI| 24 | size (16 bits) | NAL unit | size | NAL unit ....
// FU-A (28):        |F|NRI| 28 |S|E|R|  Type   | fragment ....
// Calls `test` on each NAL unit that begins in the payload, until it says yes.
template <class Test>
bool AnyNal(ByteView payload, Test test) {
  if (payload.empty()) return false;
  const std::uint8_t type = payload[0] & 0x1F;
  if (type == kFuA) {
    const bool start = payload.size() >= 2 && (payload[1] & 0x80) != 0;
    return start && test(NalStart{static_cast<std::uint8_t>(payload[1] & 0x1F), payload.subspan(2)});
  }
  if (type != kStapA) return type < kStapA && test(NalStart{type, payload.subspan(1)});
  ByteReader in(payload.subspan(1));
  while (in.remaining() >= 2) {
    const ByteView nal = in.Take(in.U16());
    if (nal.empty()) return false;  // a size of 0, or one that runs over the end
    if (test(NalStart{static_cast<std::uint8_t>(nal[0] & 0x1F), nal.subspan(1)})) return true;
  }
  return false;
}

}  // namespace

bool IsKeyFrame(ByteView payload) { return AnyNal(payload, BeginsKeyFrame); }
bool IsStartOfFrame(ByteView payload) { return AnyNal(payload, BeginsFrame); }

}  // namespace jb::media::h264
