// SPDX-License-Identifier: Apache-2.0
// The dependency descriptor header extension (AV1 RTP specification 1.0, appendix A), which AV1 and H264 senders use
// to say which layer a frame is of, whom it is for and what it builds on. A frame mostly refers to a template; the
// templates come with key frames and have to be remembered. Parsing only: a pure function over bytes, no allocation.
// Every index that comes from the wire is checked against what it points into (reliability R3).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"

namespace jb::media::dependency {

inline constexpr std::size_t kMaxTemplates = 64;      // ids have 6 bits
inline constexpr std::size_t kMaxDecodeTargets = 32;  // dt_cnt_minus_one has 5 bits
inline constexpr std::size_t kMaxSpatialIds = 4;      // as many as AV1's scalability modes have
inline constexpr std::size_t kMaxTemporalIds = 8;
inline constexpr std::size_t kMaxFrameDiffs = 8;  // AV1 frames have 7 references at most

// What a frame is to a decode target, which is one choice of layers that a receiver may decode.
enum class Indication : std::uint8_t {
  kNotPresent,   // not part of it
  kDiscardable,  // part of it, and nothing else of it builds on this frame
  kSwitch,       // part of it, and whoever decodes this frame can decode all of it from here on
  kRequired,     // part of it
};

class Indications {
 public:
  Indication operator[](std::size_t target) const { return static_cast<Indication>((bits_ >> (2 * target)) & 3); }
  void Set(std::size_t target, std::uint32_t two_bits) {
    bits_ = (bits_ & ~(std::uint64_t{3} << (2 * target))) | (std::uint64_t{two_bits & 3} << (2 * target));
  }

 private:
  std::uint64_t bits_ = 0;
};

// What one frame is and builds on.
struct FrameDependencies {
  std::uint8_t spatial_id = 0;
  std::uint8_t temporal_id = 0;
  Indications indications;
  // How many frames back each of the frames lies that it builds on.
  std::array<std::uint16_t, kMaxFrameDiffs> frame_diffs{};
  std::uint8_t frame_diff_count = 0;
  // How many frames back the previous frame of each chain lies; 0: the chain begins here.
  std::array<std::uint8_t, kMaxDecodeTargets> chain_diffs{};
};

// template_dependency_structure().
struct Structure {
  std::uint8_t template_id_offset = 0;
  std::uint8_t template_count = 0;
  std::uint8_t decode_target_count = 0;
  std::uint8_t chain_count = 0;
  std::array<FrameDependencies, kMaxTemplates> templates{};
  // The highest layer of each decode target.
  struct Target {
    std::uint8_t spatial_id = 0;
    std::uint8_t temporal_id = 0;
  };
  std::array<Target, kMaxDecodeTargets> targets{};
  std::array<std::uint8_t, kMaxDecodeTargets> protected_by{};  // chain of each target, where there are chains
  struct Resolution {
    std::uint32_t width = 0, height = 0;
  };
  std::array<Resolution, kMaxSpatialIds> resolutions{};  // where resolution_count says so
  std::uint8_t resolution_count = 0;
};

struct Descriptor {
  bool start_of_frame = false;
  bool end_of_frame = false;
  std::uint16_t frame_number = 0;
  bool has_structure = false;  // it came with this packet
  // Nullopt: as before. Bit i: the sender still produces what decode target i needs.
  std::optional<std::uint32_t> active_decode_targets;
  FrameDependencies frame;
};

enum class ParseError : std::uint8_t {
  kTruncated,
  kNoStructure,      // refers to templates that have not been seen
  kUnknownTemplate,  // the structure has no such template: it is another one's
  kTooManyTemplates,
  kTooManyLayers,
  kTooManyReferences,
};

// `known`: the structure of the last key frame, nullptr for none. A structure in `value` is written to `fresh`, which
// holds nothing useful after an error.
Result<Descriptor, ParseError> Parse(ByteView value, const Structure* known, Structure& fresh);

}  // namespace jb::media::dependency
