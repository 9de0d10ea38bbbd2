// SPDX-License-Identifier: Apache-2.0
#include "media/layers/spatial_flow.h"

#include <algorithm>

namespace jb::media {
namespace {

// Encoders skip single frames, and small ones follow a key frame; five missing in a row, over this long, are a stop.
constexpr Duration kStoppedAfter = std::chrono::milliseconds(400);
constexpr std::uint32_t kMissedFrames = 5;
// One that had stopped has to go on this long: an encoder at the edge of what it can do flaps.
constexpr Duration kProbation = std::chrono::seconds(1);

}  // namespace

bool SpatialFlow::IsSilent(const Layer& layer, Time now) const {
  if (!layer.last_packet_at) return true;
  const Duration silent = now - *layer.last_packet_at;
  return silent > silence_ || (silent > kStoppedAfter && MissedFrames(layer) >= kMissedFrames);
}

bool SpatialFlow::IsBack(const Layer& layer, Time now) const {
  return !layer.back_since || now - *layer.back_since >= kProbation;
}

std::uint32_t SpatialFlow::MissedFrames(const Layer& layer) const {
  std::uint32_t missed = 0;
  for (std::size_t s = 0; s < layers_.size(); ++s) missed = std::max(missed, layers_[s].frames - layer.others[s]);
  return missed;
}

void SpatialFlow::HandlePacket(std::uint8_t spatial, bool begins_frame, Time now) {
  Layer& own = layers_[std::min<std::size_t>(spatial, kMaxSpatialLayers - 1)];
  if (own.last_packet_at && IsSilent(own, now)) own.back_since = now;
  own.last_packet_at = now;
  if (begins_frame) ++own.frames;
  for (std::size_t s = 0; s < layers_.size(); ++s) own.others[s] = layers_[s].frames;
}

bool SpatialFlow::Update(Time now) {
  const auto before = flows_;
  for (std::size_t s = 0; s < layers_.size(); ++s) flows_[s] = !IsSilent(layers_[s], now) && IsBack(layers_[s], now);
  if (!any()) {  // better one on probation than none
    for (std::size_t s = 0; s < layers_.size(); ++s) flows_[s] = !IsSilent(layers_[s], now);
  }
  return flows_ != before;
}

bool SpatialFlow::any() const {
  return std::any_of(flows_.begin(), flows_.end(), [](bool flows) { return flows; });
}

}  // namespace jb::media
