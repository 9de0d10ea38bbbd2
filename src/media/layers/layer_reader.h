// SPDX-License-Identifier: Apache-2.0
// Reads the layers of one RTP stream's packets: from the payload descriptors of VP8 and VP9, from the dependency
// descriptor of H264 and AV1. Remembers what later packets refer to. Any bytes are accepted; what says nothing of
// layers is of layer 0. Sans-IO, single-threaded; allocates only when a stream's first dependency structure comes.
#pragma once

#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/sequence.h"
#include "media/layers/packet_layers.h"
#include "media/payload/codec.h"

namespace jb::media {

// How the spatial layers of one stream lean on each other, as its scalability mode says (W3C webrtc-svc section 7).
enum class SpatialDependency : std::uint8_t {
  kFull,         // L3T3: every picture of a layer on the one below
  kKeyPictures,  // L3T3_KEY: only pictures that need no earlier one
  kNone,         // S3T3: none, as simulcast in one stream
};

class LayerReader {
 public:
  explicit LayerReader(SpatialDependency dependency);
  LayerReader(LayerReader&&) noexcept;
  LayerReader& operator=(LayerReader&&) noexcept;
  ~LayerReader();

  // A packet of the stream, in the order of arrival. `descriptor`: the dependency descriptor, where there is one.
  PacketLayers Read(Codec codec, ByteView payload, std::optional<ByteView> descriptor);
  // Once more, a packet that could not be resolved.
  PacketLayers ReadAgain(ByteView descriptor);
  // Templates came with the last packet read: what was not resolved before may be now.
  bool has_new_templates() const { return has_new_templates_; }
  // The layers that the sender says it produces; all of them where it says nothing.
  LayerMask active() const { return active_; }

 private:
  struct Templates;
  struct Memory;

  PacketLayers ReadVp8(ByteView payload);
  PacketLayers ReadVp9(ByteView payload) const;
  PacketLayers ReadDescriptor(ByteView value);

  SpatialDependency dependency_;
  Unwrapper<std::uint8_t> short_picture_ids_;  // in the upper seven bits
  std::unique_ptr<Memory> memory_;
  bool has_new_templates_ = false;
  LayerMask active_ = kAllLayers;
};

}  // namespace jb::media
