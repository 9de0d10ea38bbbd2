// SPDX-License-Identifier: Apache-2.0
// Which spatial layers of a video flow: browsers stop the upper ones when the network or the CPU cannot carry them,
// and begin again later. Whoever watches one that has stopped sees a frozen picture, so a stop is noticed by the
// frames that the other layers have meanwhile, long before silence alone would prove it.
// Sans-IO, single-threaded, value type.
#pragma once

#include <array>
#include <optional>

#include "base/time.h"
#include "media/layers/layer_ladder.h"

namespace jb::media {

class SpatialFlow {
 public:
  // `silence`: so long without a packet, a layer has stopped whatever the others do.
  explicit SpatialFlow(Duration silence) : silence_(silence) {}

  void HandlePacket(std::uint8_t spatial, bool begins_frame, Time now);
  // Looks at the clock; true when since the last call another set of layers flows.
  bool Update(Time now);
  // As of the last Update.
  bool Flows(std::uint8_t spatial) const { return spatial < kMaxSpatialLayers && flows_[spatial]; }
  bool any() const;
  void Reset() { *this = SpatialFlow(silence_); }

 private:
  struct Layer {
    std::optional<Time> last_packet_at;
    std::optional<Time> back_since;  // it had stopped, and has sent without a stop since then
    std::uint32_t frames = 0;        // begun
    std::array<std::uint32_t, kMaxSpatialLayers> others{};  // frames of all layers as of its last packet
  };
  bool IsSilent(const Layer& layer, Time now) const;
  // Frames that another layer has begun since the last packet of this one.
  std::uint32_t MissedFrames(const Layer& layer) const;
  bool IsBack(const Layer& layer, Time now) const;

  Duration silence_;
  std::array<Layer, kMaxSpatialLayers> layers_{};
  std::array<bool, kMaxSpatialLayers> flows_{};
};

}  // namespace jb::media
