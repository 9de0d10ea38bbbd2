// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/nack.h"

namespace jb::rtcp {
namespace {

constexpr std::size_t kFixedSize = 8;  // both SSRCs
constexpr std::size_t kItemSize = 4;
constexpr int kMaskBits = 16;  // RFC 4585 section 6.2.1: BLP

// One item from the front of `seqs`; returns how many numbers it holds.
std::size_t PackItem(std::span<const SeqNum> seqs, std::uint16_t& mask) {
  mask = 0;
  std::size_t taken = 1;
  for (; taken < seqs.size(); ++taken) {
    const int distance = seqs[taken] - seqs[0];
    if (distance < 1 || distance > kMaskBits) break;
    mask = static_cast<std::uint16_t>(mask | (1u << (distance - 1)));
  }
  return taken;
}

}  // namespace

//  0                   1                   2                   3
// |V=2|P|  FMT=1  |    PT=205     |             length            |
// |                     SSRC of packet sender                     |
// |                      SSRC of media source                     |
// |       packet identifier       | bitmask of the 16 that follow |   repeated
Result<Nack, ParseError> Nack::Parse(const RawPacket& packet) {
  if (!packet.IsFeedback(PacketType::kTransportFeedback, kFormatNack)) return Fail(ParseError::kBadFormat);
  const ByteView body = packet.body;
  if (body.size() < kFixedSize + kItemSize) return Fail(ParseError::kTruncated);
  if ((body.size() - kFixedSize) % kItemSize != 0) return Fail(ParseError::kBadCount);
  return Nack{Ssrc(LoadU32(body.data())), Ssrc(LoadU32(body.data() + 4)), body.subspan(kFixedSize)};
}

std::size_t WriteNack(ByteWriter& out, Ssrc sender_ssrc, Ssrc media_ssrc, std::span<const SeqNum> seqs) {
  if (seqs.empty() || out.remaining() < kHeaderSize + kFixedSize + kItemSize) return 0;
  const std::size_t room = (out.remaining() - kHeaderSize - kFixedSize) / kItemSize;
  std::uint16_t mask = 0;
  std::size_t items = 0;
  for (std::size_t at = 0; at < seqs.size() && items < room; ++items) at += PackItem(seqs.subspan(at), mask);
  WriteHeader(out, PacketType::kTransportFeedback, kFormatNack, kFixedSize + items * kItemSize);
  out.U32(sender_ssrc.value());
  out.U32(media_ssrc.value());
  std::size_t at = 0;
  for (std::size_t i = 0; i < items; ++i) {
    const SeqNum first = seqs[at];
    at += PackItem(seqs.subspan(at), mask);
    out.U16(first.value());
    out.U16(mask);
  }
  return at;
}

}  // namespace jb::rtcp
