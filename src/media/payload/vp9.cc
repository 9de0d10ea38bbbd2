// SPDX-License-Identifier: Apache-2.0
#include "media/payload/vp9.h"

namespace jb::media::vp9 {
namespace {

constexpr int kMaxReferences = 3;  // RFC 9628 section 4.2: P_DIFF up to three times

// Layer indices, when L:
// | TID |U| SID |D|
// |   TL0PICIDX   |   when not F
void ReadLayers(ByteReader& in, Descriptor& d) {
  const std::uint8_t layers = in.U8();
  d.temporal_layer = static_cast<std::uint8_t>(layers >> 5);
  d.switching_up_point = (layers & 0x10) != 0;
  d.spatial_layer = static_cast<std::uint8_t>((layers >> 1) & 0x07);
  d.inter_layer_dependency = (layers & 0x01) != 0;
  if (!d.flexible_mode) d.tl0_picture_index = in.U8();
}

// Reference indices, when F and P: | P_DIFF      |N|, again while N.
void ReadReferences(ByteReader& in) {
  for (int i = 0; i < kMaxReferences && in.ok(); ++i) {
    if ((in.U8() & 0x01) == 0) return;
  }
}

// Scalability structure, when V:
// | N_S |Y|G|-|-|-|
// |  WIDTH  | HEIGHT |   16 bits each, N_S + 1 times, when Y
// |      N_G      |      when G, then for each picture:
// | TID |U| R |-|-|      and R times P_DIFF
void ReadScalabilityStructure(ByteReader& in, Descriptor& d) {
  const std::uint8_t first = in.U8();
  d.spatial_layer_count = static_cast<std::uint8_t>((first >> 5) + 1);
  if (first & 0x10) in.Skip(std::size_t{4} * d.spatial_layer_count);
  if ((first & 0x08) == 0) return;
  const std::uint8_t pictures = in.U8();
  for (int i = 0; i < pictures && in.ok(); ++i) in.Skip((in.U8() >> 2) & 0x03);
}

}  // namespace

//  0 1 2 3 4 5 6 7
// |I|P|L|F|B|E|V|Z|
// |M| PICTURE ID  |   when I; a second byte when M
// layer indices, reference indices, scalability structure, as above
std::optional<Descriptor> Parse(ByteView payload) {
  ByteReader in(payload);
  Descriptor d;
  const std::uint8_t first = in.U8();
  d.inter_predicted = (first & 0x40) != 0;
  d.has_layers = (first & 0x20) != 0;
  d.flexible_mode = (first & 0x10) != 0;
  d.start_of_frame = (first & 0x08) != 0;
  d.end_of_frame = (first & 0x04) != 0;
  d.not_reference_upper = (first & 0x01) != 0;
  if (first & 0x80) {
    const std::uint8_t high = in.U8();
    d.long_picture_id = (high & 0x80) != 0;
    d.picture_id = static_cast<std::uint16_t>(d.long_picture_id ? ((high & 0x7F) << 8) | in.U8() : high);
  }
  if (d.has_layers) ReadLayers(in, d);
  if (d.flexible_mode && d.inter_predicted) ReadReferences(in);
  if (first & 0x02) ReadScalabilityStructure(in, d);
  if (!in.ok() || in.remaining() == 0) return std::nullopt;
  d.size = in.position();
  return d;
}

bool IsKeyFrame(ByteView payload) {
  const std::optional<Descriptor> d = Parse(payload);
  return d && d->start_of_frame && !d->inter_predicted && d->spatial_layer == 0 && !d->inter_layer_dependency;
}

bool IsStartOfFrame(ByteView payload) {
  const std::optional<Descriptor> d = Parse(payload);
  return d && d->start_of_frame && d->spatial_layer == 0;
}

}  // namespace jb::media::vp9
