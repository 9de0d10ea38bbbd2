// SPDX-License-Identifier: Apache-2.0
#include "media/payload/red.h"

namespace jb::media::red {

//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//  |1|  block PT   |     timestamp offset      |   block length    |   of each redundant block
//  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//  |0|  block PT   |                                                   of the primary; then the data, in that order
//  +-+-+-+-+-+-+-+-+
Result<Payload, ParseError> Payload::Parse(ByteView payload) {
  Payload out;
  ByteReader reader(payload);
  std::array<std::size_t, kMaxBlocks> sizes;
  for (bool more = true; more;) {
    if (out.count_ == kMaxBlocks) return Fail(ParseError::kTooManyBlocks);
    const std::uint8_t first = reader.U8();
    more = (first & 0x80) != 0;
    Block& block = out.blocks_[out.count_];
    block.payload_type = first & 0x7F;
    if (more) {
      const std::uint32_t rest = reader.U24();
      block.timestamp_offset = static_cast<std::uint16_t>(rest >> 10);
      sizes[out.count_] = rest & kMaxRedundantSize;
    }
    if (!reader.ok()) return Fail(ParseError::kTruncated);
    ++out.count_;
  }
  for (std::size_t i = 0; i + 1 < out.count_; ++i) out.blocks_[i].data = reader.Take(sizes[i]);
  if (!reader.ok()) return Fail(ParseError::kTruncated);
  out.blocks_[out.count_ - 1].data = reader.Take(reader.remaining());
  return out;
}

}  // namespace jb::media::red
