// SPDX-License-Identifier: Apache-2.0
// VP8 (RFC 7741): temporal layers, and picture ids and TL0PICIDX that are continuous over what is left out, over
// changes of the source and over their wrap. They begin as the sender's: until something is left out nothing has to
// be rewritten.
#pragma once

#include "base/sequence.h"
#include "media/layers/layer_selector.h"
#include "media/rtp/number_mapper.h"

namespace jb::media {

class Vp8Selector : public LayerSelector {
 public:
  void Restart() override;
  Verdict Select(const PacketLayers& packet, rtp::SeqNum seq, bool marker) override;

 private:
  void Move(const PacketLayers& packet, rtp::SeqNum seq);
  std::int64_t Unwrapped(std::uint16_t picture_id);
  std::uint8_t MapTl0(std::uint8_t index);

  std::optional<NumberMapper<256>> pictures_;  // from the first picture on
  Unwrapper<std::uint16_t> picture_ids_;  // 15 bits, in the upper ones
  std::optional<std::uint8_t> tl0_offset_;
  std::optional<std::uint8_t> last_tl0_;  // the newest given out
};

}  // namespace jb::media
