// SPDX-License-Identifier: Apache-2.0
// What one receiver of a layered video could be sent: simulcast encodings, spatial and temporal layers of SVC,
// with what each choice costs. Built by the consumer from what its producer measures, read by whoever shares
// out a link's bandwidth. Value types, no allocation.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace jb::media {

// Spatial: the index of the simulcast encoding, or of the SVC layer; 0 is the smallest picture.
struct Layers {
  std::uint8_t spatial = 0;
  std::uint8_t temporal = 0;
  friend auto operator<=>(const Layers&, const Layers&) = default;
};

inline constexpr std::size_t kMaxSpatialLayers = 4;
inline constexpr std::size_t kMaxTemporalLayers = 4;

// Steps in ascending order of worth. What "worth" means is the builder's business: a camera grows smooth and
// large by turns, a shared screen first sharp and then smooth.
class LayerLadder {
 public:
  struct Step {
    Layers layers;
    std::uint64_t bitrate_bps = 0;  // of everything that is sent for exactly these layers, without RTX
  };

  void Clear() { size_ = 0; }
  // False, and nothing added: the ladder is full.
  bool Add(const Step& step) {
    if (size_ == steps_.size()) return false;
    steps_[size_++] = step;
    return true;
  }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Step& operator[](std::size_t i) const { return steps_[i]; }
  const Step* begin() const { return steps_.data(); }
  const Step* end() const { return steps_.data() + size_; }

 private:
  std::array<Step, kMaxSpatialLayers * kMaxTemporalLayers> steps_{};
  std::size_t size_ = 0;
};

}  // namespace jb::media
