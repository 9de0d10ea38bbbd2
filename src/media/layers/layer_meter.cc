// SPDX-License-Identifier: Apache-2.0
#include "media/layers/layer_meter.h"

namespace jb::media {
namespace {

// A first key frame alone would look like a flood: measured over no less than this.
constexpr Duration kShortestSpan = std::chrono::milliseconds(500);

}  // namespace

void LayerMeter::Add(const PacketLayers& packet, std::size_t bytes, Time now) {
  Advance(now);
  const std::size_t layer = GridIndex(packet.layer);
  if (!Flows(packet.layer, now)) flows_since_[layer] = now;
  last_packet_at_[layer] = now;
  Counts& bucket = buckets_[static_cast<std::size_t>(bucket_) % kBuckets];
  const auto added = static_cast<std::uint32_t>(bytes);
  for (std::size_t i = 0; i < kLayers; ++i) {
    if ((packet.needed_by & (1u << i)) == 0) continue;
    bucket[i] += added;
    sums_[i] += added;
  }
}

std::uint64_t LayerMeter::BitrateBps(Layers layers, Time now) {
  if (!began_) return 0;
  Advance(now);
  const Duration in_bucket = (now - *began_) - bucket_ * kBucket;
  const Duration full = static_cast<std::int64_t>(kBuckets - 1) * kBucket + in_bucket;
  const Duration span = std::max(std::min<Duration>(now - *began_, full), kShortestSpan);
  return std::uint64_t{sums_[GridIndex(layers)]} * 8 * 1'000'000 / static_cast<std::uint64_t>(span.count());
}

std::uint64_t LayerMeter::LastingBps(Layers layers, Time now) {
  const std::uint64_t current = BitrateBps(layers, now);
  if (windows_ < kWindowsBefore) return current;
  std::uint64_t bytes = 0;
  for (const Counts& window : before_) bytes += window[GridIndex(layers)];
  const Duration span = kWindow * static_cast<int>(kWindowsBefore);
  return std::max(current, bytes * 8 * 1'000'000 / static_cast<std::uint64_t>(span.count()));
}

// Empties the buckets that time has passed over.
void LayerMeter::Advance(Time now) {
  if (!began_) began_ = now;
  const std::int64_t wanted = (now - *began_) / kBucket;
  if (wanted - bucket_ > static_cast<std::int64_t>(kBuckets)) {
    bucket_ = wanted - static_cast<std::int64_t>(kBuckets);
    windows_ = 0;  // nobody looked meanwhile, and nothing came
  }
  while (bucket_ < wanted) {
    if (++bucket_ % static_cast<std::int64_t>(kBuckets) == 0) before_[windows_++ % kWindowsBefore] = sums_;
    Counts& oldest = buckets_[static_cast<std::size_t>(bucket_) % kBuckets];
    for (std::size_t i = 0; i < kLayers; ++i) sums_[i] -= oldest[i];
    oldest.fill(0);
  }
}

}  // namespace jb::media
