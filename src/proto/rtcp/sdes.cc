// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/sdes.h"

namespace jb::rtcp {
namespace {

constexpr std::size_t kMaxItemSize = 255;  // RFC 3550 section 6.5: the length has one byte

}  // namespace

//  0                   1                   2                   3
// |V=2|P|    SC   |    PT=202     |             length            |
// |                          SSRC/CSRC_1                          |
// |   item type   |    length     |  text                     ....|   items, ended by a type of 0
// |               ....            |     0, to the 4-byte boundary |   next chunk
Result<SourceDescription, ParseError> SourceDescription::Parse(const RawPacket& packet) {
  if (!packet.Is(PacketType::kSourceDescription)) return Fail(ParseError::kBadFormat);
  SourceDescription sdes;
  sdes.body_ = packet.body;
  std::size_t at = 0;
  Ssrc ssrc;
  std::string_view cname;
  bool has_cname = false;
  while (sdes.chunk_count_ < packet.count) {
    if (!sdes.NextChunk(at, ssrc, cname, has_cname)) return Fail(ParseError::kTruncated);
    ++sdes.chunk_count_;
  }
  return sdes;
}

bool SourceDescription::NextChunk(std::size_t& at, Ssrc& ssrc, std::string_view& cname, bool& has_cname) const {
  if (at > body_.size() || body_.size() - at < 4) return false;
  ssrc = Ssrc(LoadU32(body_.data() + at));
  has_cname = false;
  at += 4;
  while (at < body_.size() && body_[at] != 0) {
    if (body_.size() - at < 2) return false;
    const std::uint8_t type = body_[at];
    const std::size_t size = body_[at + 1];
    if (size > body_.size() - at - 2) return false;
    if (type == kSdesCname && !has_cname) {
      cname = AsText(body_.subspan(at + 2, size));
      has_cname = true;
    }
    at += 2 + size;
  }
  if (at >= body_.size()) return false;  // the list must end with a zero
  at = (at / 4 + 1) * 4;
  return true;
}

void WriteCname(ByteWriter& out, Ssrc ssrc, std::string_view cname) {
  cname = cname.substr(0, kMaxItemSize);
  const std::size_t items = 2 + cname.size();
  const std::size_t padded = (items / 4 + 1) * 4;  // at least one zero ends the list
  WriteHeader(out, PacketType::kSourceDescription, 1, 4 + padded);
  out.U32(ssrc.value());
  out.U8(kSdesCname);
  out.U8(static_cast<std::uint8_t>(cname.size()));
  out.Append(AsBytes(cname));
  out.Zeros(padded - items);
}

}  // namespace jb::rtcp
