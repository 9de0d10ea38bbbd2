// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as the payload of each codec.
#include "base/result.h"
#include "media/payload/av1.h"
#include "media/payload/codec.h"
#include "media/payload/vp8.h"
#include "media/payload/vp9.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jb::media;
  const jb::ByteView payload(data, size);
  for (const CodecInfo& codec : AllCodecs()) {
    const bool key = codec.is_key_frame(payload);
    const bool start = codec.is_start_of_frame(payload);
    JB_CHECK(!key || start);
  }
  if (const auto d = vp8::Parse(payload)) JB_CHECK(d->size < size);
  if (const auto d = vp9::Parse(payload)) {
    JB_CHECK(d->size < size);
    std::size_t pictures = 0;
    if (d->structure) d->structure->ForEachPicture([&](const auto&) { ++pictures; });
    JB_CHECK(!d->structure || pictures == d->structure->picture_count);
  }
  std::vector<std::uint8_t> copy(data, data + size), wide(size + 1);
  if (vp8::WidenPictureId(payload, 0x1234, wide) > 0) JB_CHECK(vp8::Parse(wide)->picture_id == 0x1234);
  vp8::Renumber(copy, {0x7FFF, 0xFF});
  JB_CHECK(vp8::Parse(copy).has_value() == vp8::Parse(payload).has_value());
  (void)av1::Parse(payload);
  return 0;
}
