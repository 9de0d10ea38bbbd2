// SPDX-License-Identifier: Apache-2.0
#include "media/payload/vp8.h"

#include <algorithm>

namespace jb::media::vp8 {

//  0 1 2 3 4 5 6 7
// |X|R|N|S|R| PID |   always
// |I|L|T|K|  RSV  |   when X
// |M| PictureID   |   when I; a second byte when M
// |   TL0PICIDX   |   when L
// |TID|Y| KEYIDX  |   when T or K
// then the VP8 payload header, whose lowest bit P is 0 in a key frame (RFC 7741 section 4.3).
std::optional<Descriptor> Parse(ByteView payload) {
  ByteReader in(payload);
  Descriptor d;
  const std::uint8_t first = in.U8();
  d.non_reference = (first & 0x20) != 0;
  d.start_of_partition = (first & 0x10) != 0;
  d.partition = first & 0x07;
  const std::uint8_t extension = (first & 0x80) ? in.U8() : std::uint8_t{0};
  if (extension & 0x80) {
    const std::uint8_t high = in.U8();
    d.long_picture_id = (high & 0x80) != 0;
    d.picture_id = static_cast<std::uint16_t>(d.long_picture_id ? ((high & 0x7F) << 8) | in.U8() : high);
  }
  if (extension & 0x40) d.tl0_picture_index = in.U8();
  if (extension & 0x30) {
    const std::uint8_t layers = in.U8();
    if (extension & 0x20) {
      d.temporal_layer = static_cast<std::uint8_t>(layers >> 6);
      d.layer_sync = (layers & 0x20) != 0;
    }
    if (extension & 0x10) d.key_index = layers & 0x1F;
  }
  d.size = in.position();
  const std::uint8_t frame_header = in.U8();
  if (!in.ok()) return std::nullopt;  // a descriptor without payload behind it is nothing
  d.key_frame = d.start_of_frame() && (frame_header & 0x01) == 0;
  return d;
}

std::size_t WidenPictureId(ByteView payload, std::uint16_t picture_id, ByteSpan out) {
  const std::optional<Descriptor> d = Parse(payload);
  if (!d || !d->picture_id || d->long_picture_id || out.size() < payload.size() + 1) return 0;
  constexpr std::size_t kIdAt = 2;  // behind the first byte and the extension bits
  std::copy_n(payload.begin(), kIdAt, out.begin());
  StoreU16(out.data() + kIdAt, static_cast<std::uint16_t>(0x8000 | (picture_id & kMaxPictureId)));
  const ByteView rest = payload.subspan(kIdAt + 1);
  std::copy(rest.begin(), rest.end(), out.begin() + kIdAt + 2);
  return payload.size() + 1;
}

void Renumber(ByteSpan payload, PictureNumbers numbers) {
  const std::optional<Descriptor> d = Parse(payload);
  if (!d) return;
  std::size_t at = 2;
  if (d->picture_id && d->long_picture_id) {
    StoreU16(payload.data() + at, static_cast<std::uint16_t>(0x8000 | (numbers.picture_id & kMaxPictureId)));
    at += 2;
  } else if (d->picture_id) {
    payload[at++] = static_cast<std::uint8_t>(numbers.picture_id & 0x7F);
  }
  if (d->tl0_picture_index) payload[at] = numbers.tl0_picture_index;
}

bool IsKeyFrame(ByteView payload) {
  const std::optional<Descriptor> d = Parse(payload);
  return d && d->key_frame;
}

bool IsStartOfFrame(ByteView payload) {
  const std::optional<Descriptor> d = Parse(payload);
  return d && d->start_of_frame();
}

}  // namespace jb::media::vp8
