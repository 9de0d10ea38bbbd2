// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as an RTP packet: whatever parses can be read in every way, patched, and taken
// through RTX and back.
#include "proto/rtp/extensions.h"
#include "proto/rtp/packet.h"
#include "proto/rtp/rtx.h"

namespace {

std::size_t ReadAll(const jb::rtp::PacketView& packet) {
  std::size_t sum = packet.payload().size() + packet.padding_size() + packet.header_size();
  JB_CHECK(sum == packet.size());
  for (std::size_t i = 0; i < packet.csrc_count(); ++i) sum += packet.csrc(i).value();
  packet.ForEachExtension([&](std::uint8_t id, jb::ByteView value) {
    JB_CHECK(packet.FindExtension(id).has_value());
    (void)jb::rtp::ParseAudioLevel(value);
    (void)jb::rtp::ParseTransportSequence(value);
    (void)jb::rtp::ParseStreamIdText(value);
    for (const std::uint8_t b : value) sum += b;
  });
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jb::rtp;
  jb::Bytes bytes(data, data + size);
  auto packet = MutablePacketView::Parse(bytes);
  if (!packet) return 0;
  (void)ReadAll(*packet);
  packet->set_payload_type(PayloadType(96));
  packet->set_ssrc(Ssrc(1));

  jb::Bytes out = bytes;
  out.resize(size + kOsnSize);
  const std::size_t rtx_size = EncapsulateRtx(out, size, packet->header_size(), {Ssrc(2), PayloadType(97), SeqNum(3)});
  if (rtx_size) {
    const auto rtx = MutablePacketView::Parse(jb::ByteSpan(out).first(rtx_size));
    JB_CHECK(rtx.ok());
    const auto restored = DecapsulateRtx(*rtx, Ssrc(1), PayloadType(96));
    JB_CHECK(restored.ok());
    const auto again = PacketView::Parse(*restored);
    JB_CHECK(again.ok() && again->payload().size() == packet->payload().size());
  }
  (void)DecapsulateRtx(*packet, Ssrc(5), PayloadType(98));
  return 0;
}
