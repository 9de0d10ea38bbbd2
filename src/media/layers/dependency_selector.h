// SPDX-License-Identifier: Apache-2.0
// AV1 and H264 with dependency descriptors (AV1 RTP specification 1.0, appendix A): a receiver gets the frames that its
// layers need, and changes its layers with a frame that is marked for it and builds only on what the receiver has.
// A stream without descriptors has one layer, and all of it is forwarded.
#pragma once

#include "base/bit_ring.h"
#include "media/layers/layer_selector.h"

namespace jb::media {

// Which of the latest frames a receiver was sent.
class FrameWindow {
 public:
  void Clear() { *this = FrameWindow(); }
  void Add(std::uint16_t frame_number);
  // False for what is too old to tell.
  bool Has(std::uint16_t frame_number) const;

 private:
  static constexpr std::uint16_t kSize = 256;
  std::optional<std::uint16_t> newest_;
  BitRing<kSize> sent_;
};

class DependencySelector : public LayerSelector {
 public:
  void Restart() override;
  Verdict Select(const PacketLayers& packet, rtp::SeqNum seq, bool marker) override;

 private:
  void Move(const PacketLayers& packet, rtp::SeqNum seq);
  bool HasReferences(const FrameReferences& references) const;

  FrameWindow frames_;
};

}  // namespace jb::media
