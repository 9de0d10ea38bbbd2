// SPDX-License-Identifier: Apache-2.0
// How much one RTP stream has lately sent for each choice of layers, and which of its layers flow at all. Counts over
// a sliding window in buckets. Sans-IO, single-threaded, fixed size.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "media/layers/packet_layers.h"

namespace jb::media {

class LayerMeter {
 public:
  // Long enough to hold several pictures of the rarest layer of a slow camera, short enough to follow an encoder.
  static constexpr Duration kWindow = std::chrono::milliseconds(2000);

  // `silence`: a layer of which nothing came for longer has stopped.
  explicit LayerMeter(Duration silence) : silence_(silence) {}

  void Add(const PacketLayers& packet, std::size_t bytes, Time now);

  // Of everything that a receiver of exactly these layers is sent. Before a whole window has passed: as far as seen.
  std::uint64_t BitrateBps(Layers layers, Time now);
  // The same, and no less than over the last windows together: rate control makes the rarest pictures now small, now large,
  // and who took a layer for cheap while they were small would have to give it up a moment later.
  std::uint64_t LastingBps(Layers layers, Time now);
  // Packets of this layer itself come.
  bool Flows(Layers layer, Time now) const {
    const std::optional<Time>& last = last_packet_at_[GridIndex(layer)];
    return last && now - *last <= silence_;
  }
  // The first packet of it since it had stopped; nullopt: none ever.
  std::optional<Time> FlowsSince(Layers layer) const { return flows_since_[GridIndex(layer)]; }
  void Reset() { *this = LayerMeter(silence_); }

 private:
  static constexpr std::size_t kLayers = kMaxSpatialLayers * kMaxTemporalLayers;
  static constexpr std::size_t kBuckets = 20;
  static constexpr Duration kBucket = kWindow / static_cast<int>(kBuckets);
  static constexpr std::size_t kWindowsBefore = 2;  // kept as sums
  using Counts = std::array<std::uint32_t, kLayers>;  // bytes

  void Advance(Time now);

  Duration silence_;
  std::array<Counts, kBuckets> buckets_{};
  Counts sums_{};
  std::array<Counts, kWindowsBefore> before_{};  // of whole windows, a ring
  std::size_t windows_ = 0;                      // that were whole, since there was a break
  std::array<std::optional<Time>, kLayers> last_packet_at_{};
  std::array<std::optional<Time>, kLayers> flows_since_{};
  std::optional<Time> began_;  // the first packet of all
  std::int64_t bucket_ = 0;  // the current one, counted from began_
};

}  // namespace jb::media
