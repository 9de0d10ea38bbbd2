// SPDX-License-Identifier: Apache-2.0
// Which packets of one layered RTP stream a receiver is sent: goes from the layers it has to those it should have, at
// the points where the codec allows it, and renumbers what the payload itself numbers. One per receiver; one subclass
// per way of marking layers. Does not number packets (SeqManager does) nor choose among simulcast streams.
// Sans-IO, single-threaded, no allocation after construction.
#pragma once

#include <memory>
#include <optional>

#include "media/layers/layer_reader.h"
#include "media/layers/packet_layers.h"
#include "media/payload/codec.h"
#include "media/payload/vp8.h"
#include "proto/rtp/types.h"

namespace jb::media {

class LayerSelector {
 public:
  enum class Action : std::uint8_t {
    kForward,
    kDrop,  // not for this receiver
    kHold,  // cannot be told yet: comes again once it can
  };
  struct Verdict {
    Action action = Action::kDrop;
    bool marker = false;  // the last packet of the picture, as this receiver gets it
    std::optional<vp8::PictureNumbers> numbers;  // VP8, where they differ from those that the packet has
  };

  virtual ~LayerSelector() = default;

  // What the receiver should get. Has its effect with the packets that come.
  void set_target(Layers target) { target_ = target; }
  Layers target() const { return target_; }
  // What it gets.
  Layers current() const { return current_; }
  // The target is waited for in vain: only a key frame leads there.
  bool needs_key_frame() const { return needs_key_frame_ && target_ != current_; }

  // The next packet is the first of a key frame: of another source, or after a gap of unknown length.
  virtual void Restart();
  virtual Verdict Select(const PacketLayers& packet, rtp::SeqNum seq, bool marker) = 0;

 protected:
  // Packets come late: what was decided for their place in the stream holds for them too.
  bool IsNewest(rtp::SeqNum seq);
  Layers LayersAt(rtp::SeqNum seq) const;
  // From `seq` on.
  void MoveTo(Layers layers, rtp::SeqNum seq);
  void set_needs_key_frame(bool needs) { needs_key_frame_ = needs; }

 private:
  Layers target_{kMaxSpatialLayers - 1, kMaxTemporalLayers - 1};
  Layers current_;
  Layers before_;  // until moved_at_
  std::optional<rtp::SeqNum> newest_;
  rtp::SeqNum moved_at_;
  bool moved_ = false;
  bool needs_key_frame_ = false;
};

std::unique_ptr<LayerSelector> MakeLayerSelector(Codec codec, SpatialDependency dependency);

}  // namespace jb::media
