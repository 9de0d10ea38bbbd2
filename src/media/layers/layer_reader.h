// SPDX-License-Identifier: Apache-2.0
// Reads the layers of one RTP stream's packets: from the payload descriptors of VP8 and VP9, from the dependency
// descriptor of H264 and AV1. Remembers what later packets refer to. Any bytes are accepted; what cannot be read is of
// layer 0. Sans-IO, single-threaded, no allocation.
#pragma once

#include <optional>

#include "base/bytes.h"
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
  explicit LayerReader(SpatialDependency dependency) : dependency_(dependency) {}

  // A packet of the stream, in the order of arrival.
  PacketLayers Read(Codec codec, ByteView payload) const;

 private:
  SpatialDependency dependency_;
};

}  // namespace jb::media
