// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/bye.h"

#include <algorithm>

namespace jb::rtcp {

//  0                   1                   2                   3
// |V=2|P|    SC   |    PT=203     |             length            |
// |                      SSRC/CSRC, SC times                  ....|
// |     length    |           reason for leaving              ....|   optional
Result<Bye, ParseError> Bye::Parse(const RawPacket& packet) {
  if (!packet.Is(PacketType::kBye)) return Fail(ParseError::kBadFormat);
  const std::size_t size = std::size_t{4} * packet.count;
  if (packet.body.size() < size) return Fail(ParseError::kBadCount);
  return Bye{packet.body.first(size)};
}

void WriteBye(ByteWriter& out, std::span<const Ssrc> ssrcs) {
  ssrcs = ssrcs.first(std::min<std::size_t>(ssrcs.size(), 31));
  WriteHeader(out, PacketType::kBye, static_cast<std::uint8_t>(ssrcs.size()), 4 * ssrcs.size());
  for (const Ssrc ssrc : ssrcs) out.U32(ssrc.value());
}

}  // namespace jb::rtcp
