// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a compound RTCP packet, every packet given to every parser and read to the
// end.
#include "proto/rtcp/bye.h"
#include "proto/rtcp/fir.h"
#include "proto/rtcp/nack.h"
#include "proto/rtcp/pli.h"
#include "proto/rtcp/receiver_report.h"
#include "proto/rtcp/remb.h"
#include "proto/rtcp/sdes.h"
#include "proto/rtcp/sender_report.h"
#include "proto/rtcp/twcc.h"
#include "proto/rtcp/xr.h"

namespace {

using namespace jb::rtcp;

std::uint64_t g_sink = 0;  // keeps the reads from being optimised away

void ReadBlocks(const ReportBlocks& blocks) {
  for (std::size_t i = 0; i < blocks.size(); ++i) g_sink += blocks[i].jitter;
}

void ReadReports(const RawPacket& packet) {
  if (const auto sr = SenderReport::Parse(packet)) ReadBlocks(sr->blocks);
  if (const auto rr = ReceiverReport::Parse(packet)) ReadBlocks(rr->blocks);
  if (const auto sdes = SourceDescription::Parse(packet)) {
    sdes->ForEachCname([](Ssrc ssrc, std::string_view cname) {
      g_sink += ssrc.value();
      for (const char c : cname) g_sink += static_cast<unsigned char>(c);
    });
  }
  if (const auto bye = Bye::Parse(packet)) {
    for (std::size_t i = 0; i < bye->size(); ++i) g_sink += (*bye)[i].value();
  }
  if (const auto xr = ExtendedReport::Parse(packet)) {
    for (std::size_t i = 0; i < xr->dlrr_count(); ++i) g_sink += xr->dlrr_item(i).last_rr;
  }
}

void ReadFeedback(const RawPacket& packet) {
  if (const auto nack = Nack::Parse(packet)) nack->ForEach([](SeqNum seq) { g_sink += seq.value(); });
  if (const auto pli = Pli::Parse(packet)) g_sink += pli->media_ssrc.value();
  if (const auto fir = Fir::Parse(packet)) {
    for (std::size_t i = 0; i < fir->size(); ++i) g_sink += (*fir)[i].sequence;
  }
  if (const auto remb = Remb::Parse(packet)) {
    for (std::size_t i = 0; i < remb->size(); ++i) g_sink += (*remb)[i].value();
  }
  if (const auto twcc = TransportFeedback::Parse(packet)) {
    twcc->ForEach([](SeqNum seq, std::optional<jb::Duration> at) { g_sink += seq.value() + (at ? 1 : 0); });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto compound = Compound::Parse({data, size});
  if (!compound) return 0;
  std::size_t count = 0;
  compound->ForEach([&](const RawPacket& packet) {
    ++count;
    ReadReports(packet);
    ReadFeedback(packet);
  });
  JB_CHECK(count == compound->packet_count());
  return 0;
}
