// SPDX-License-Identifier: Apache-2.0
#include "media/payload/vp9.h"

namespace jb::media::vp9 {
namespace {

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
References ReadReferences(ByteReader& in) {
  References out;
  bool more = true;
  while (more && out.count < kMaxReferences) {
    const std::uint8_t reference = in.U8();
    out.picture_diffs[out.count++] = static_cast<std::uint8_t>(reference >> 1);
    more = (reference & 0x01) != 0;
  }
  return out;
}

// Scalability structure, when V:
// | N_S |Y|G|-|-|-|
// |  WIDTH  | HEIGHT |   16 bits each, N_S + 1 times, when Y
// |      N_G      |      when G, then for each picture what ReadPicture reads
ScalabilityStructure ReadStructure(ByteReader& in, ByteView payload) {
  ScalabilityStructure out;
  const std::uint8_t first = in.U8();
  out.spatial_layer_count = static_cast<std::uint8_t>((first >> 5) + 1);
  out.has_sizes = (first & 0x10) != 0;
  for (std::size_t i = 0; out.has_sizes && i < out.spatial_layer_count; ++i) {
    out.sizes[i].width = in.U16();
    out.sizes[i].height = in.U16();
  }
  if ((first & 0x08) == 0) return out;
  out.picture_count = in.U8();
  const std::size_t begin = in.position();
  for (int i = 0; i < out.picture_count && in.ok(); ++i) static_cast<void>(ScalabilityStructure::ReadPicture(in));
  if (in.ok()) out.pictures = payload.subspan(begin, in.position() - begin);
  return out;
}

}  // namespace

// | TID |U| R |-|-|      and R times P_DIFF
ScalabilityStructure::Picture ScalabilityStructure::ReadPicture(ByteReader& in) {
  Picture out;
  const std::uint8_t first = in.U8();
  out.temporal_layer = static_cast<std::uint8_t>(first >> 5);
  out.switching_up_point = (first & 0x10) != 0;
  out.references.count = (first >> 2) & 0x03;
  for (std::size_t i = 0; i < out.references.count; ++i) out.references.picture_diffs[i] = in.U8();
  return out;
}

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
  if (d.flexible_mode && d.inter_predicted) d.references = ReadReferences(in);
  if (first & 0x02) d.structure = ReadStructure(in, payload);
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
