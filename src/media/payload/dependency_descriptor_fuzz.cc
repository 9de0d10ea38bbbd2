// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a series of dependency descriptors of one stream: each is a length and that many bytes.
#include <memory>
#include <utility>

#include "media/payload/dependency_descriptor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jb::media::dependency;
  jb::ByteReader in(jb::ByteView(data, size));
  auto known = std::make_unique<Structure>(), fresh = std::make_unique<Structure>();
  bool has_structure = false;
  while (in.remaining() > 0) {
    const jb::ByteView value = in.Take(std::min<std::size_t>(in.U8(), in.remaining()));
    const auto parsed = Parse(value, has_structure ? known.get() : nullptr, *fresh);
    if (!parsed.ok()) continue;
    JB_CHECK(parsed->frame.frame_diff_count <= kMaxFrameDiffs);
    JB_CHECK(parsed->frame.spatial_id < kMaxSpatialIds && parsed->frame.temporal_id < kMaxTemporalIds);
    if (!parsed->has_structure) continue;
    std::swap(known, fresh);
    has_structure = true;
    JB_CHECK(known->chain_count <= known->decode_target_count && known->decode_target_count <= kMaxDecodeTargets);
    for (std::size_t i = 0; i < known->decode_target_count; ++i) {
      JB_CHECK(known->chain_count == 0 || known->protected_by[i] < known->chain_count);
    }
  }
  return 0;
}
