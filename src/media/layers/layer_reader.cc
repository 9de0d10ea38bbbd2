// SPDX-License-Identifier: Apache-2.0
#include "media/layers/layer_reader.h"

#include "media/payload/vp8.h"
#include "media/payload/vp9.h"

namespace jb::media {
namespace {

PacketLayers ReadVp8(ByteView payload) {
  PacketLayers out;
  const auto descriptor = vp8::Parse(payload);
  if (!descriptor) return out;
  out.layer = ClampedLayers(0, descriptor->temporal_layer.value_or(0));
  out.needed_by = MaskFrom(out.layer);
  out.begins_frame = descriptor->start_of_frame();
  out.key_picture = descriptor->key_frame;
  return out;
}

// Which layers cannot do without a packet of that one.
LayerMask NeededBy(Layers layer, bool key_picture, SpatialDependency dependency) {
  switch (dependency) {
    case SpatialDependency::kFull: return MaskFrom(layer);
    case SpatialDependency::kKeyPictures: return key_picture ? MaskFrom(layer) : RowFrom(layer);
    case SpatialDependency::kNone: return RowFrom(layer);
  }
  return kAllLayers;
}

PacketLayers ReadVp9(ByteView payload, SpatialDependency dependency) {
  PacketLayers out;
  const auto descriptor = vp9::Parse(payload);
  if (!descriptor) return out;
  out.layer = ClampedLayers(descriptor->spatial_layer, descriptor->temporal_layer);
  out.key_picture = !descriptor->inter_predicted;
  out.needed_by = NeededBy(out.layer, out.key_picture, dependency);
  out.begins_frame = descriptor->start_of_frame;
  out.ends_frame = descriptor->end_of_frame;
  return out;
}

}  // namespace

PacketLayers LayerReader::Read(Codec codec, ByteView payload) const {
  switch (codec) {
    case Codec::kVp8: return ReadVp8(payload);
    case Codec::kVp9: return ReadVp9(payload, dependency_);
    case Codec::kOpus:
    case Codec::kH264:
    case Codec::kAv1: break;
  }
  return {};
}

}  // namespace jb::media
