// SPDX-License-Identifier: Apache-2.0
// SR, RR, SDES, BYE, XR and the NTP arithmetic between them.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proto/rtcp/bye.h"
#include "proto/rtcp/receiver_report.h"
#include "proto/rtcp/rtcp_test_util.h"
#include "proto/rtcp/sdes.h"
#include "proto/rtcp/sender_report.h"
#include "proto/rtcp/xr.h"

namespace jb::rtcp {
namespace {

using std::chrono::milliseconds;
using testing::ExpectTruncationsFail;
using testing::Only;
using testing::Written;

const ReportBlock kBlock{.ssrc = Ssrc(0x01020304),
                         .fraction_lost = 77,
                         .cumulative_lost = -5,
                         .extended_highest_seq = 0x0001FFFF,
                         .jitter = 12,
                         .last_sr = 0xAABBCCDD,
                         .delay_since_last_sr = 65536};
const SenderInfo kInfo{.ssrc = Ssrc(0x11223344),
                       .ntp = {0x83AA7E80, 0x80000000},
                       .rtp_timestamp = rtp::Timestamp(0xFFFFFFF0),
                       .packet_count = 100,
                       .octet_count = 0xFFFFFFFF};

TEST(RtcpReports, ASenderReportComesBackAsWritten) {
  const Bytes bytes = Written([](ByteWriter& out) { WriteSenderReport(out, kInfo, std::span(&kBlock, 1)); });
  const SenderReport report = SenderReport::Parse(Only(bytes)).value();
  EXPECT_EQ(report.info, kInfo);
  ASSERT_EQ(report.blocks.size(), 1u);
  EXPECT_EQ(report.blocks[0], kBlock);
  ExpectTruncationsFail<SenderReport>(Only(bytes));
}

TEST(RtcpReports, ASenderReportHasTheBytesOfRfc3550) {
  const Bytes bytes = Written([](ByteWriter& out) { WriteSenderReport(out, kInfo); });
  EXPECT_EQ(bytes, (Bytes{0x80, 200, 0,    6,    0x11, 0x22, 0x33, 0x44, 0x83, 0xAA, 0x7E, 0x80, 0x80, 0,
                          0,    0,   0xFF, 0xFF, 0xFF, 0xF0, 0,    0,    0,    100,  0xFF, 0xFF, 0xFF, 0xFF}));
}

TEST(RtcpReports, AReceiverReportHoldsUpTo31Blocks) {
  std::vector<ReportBlock> blocks(40, kBlock);
  const Bytes bytes = Written([&](ByteWriter& out) { WriteReceiverReport(out, Ssrc(9), blocks); });
  const ReceiverReport report = ReceiverReport::Parse(Only(bytes)).value();
  EXPECT_EQ(report.sender_ssrc, Ssrc(9));
  ASSERT_EQ(report.blocks.size(), 31u);
  EXPECT_EQ(report.blocks[30], kBlock);
}

TEST(RtcpReports, ABlockCountThatTheBodyDoesNotHoldIsRefused) {
  const Bytes bytes = Written([](ByteWriter& out) { WriteReceiverReport(out, Ssrc(9), std::span(&kBlock, 1)); });
  RawPacket packet = Only(bytes);
  ExpectTruncationsFail<ReceiverReport>(packet);
  packet.count = 2;
  EXPECT_EQ(ReceiverReport::Parse(packet).error(), ParseError::kBadCount);
  packet.count = 0;  // bytes behind the blocks are a profile's extension
  EXPECT_EQ(ReceiverReport::Parse(packet).value().blocks.size(), 0u);
}

TEST(RtcpReports, CumulativeLossIsSignedAndSaturates) {
  for (const auto& [given, read] : {std::pair{-1, -1}, std::pair{0x7FFFFF, 0x7FFFFF}, std::pair{-0x800000, -0x800000},
                                    std::pair{0x1000000, 0x7FFFFF}, std::pair{-0x1000000, -0x800000}}) {
    ReportBlock block = kBlock;
    block.cumulative_lost = given;
    const Bytes bytes = Written([&](ByteWriter& out) { block.Write(out); });
    EXPECT_EQ(ReportBlock::Parse(bytes).cumulative_lost, read);
  }
}

std::vector<std::pair<std::uint32_t, std::string>> CnamesOf(const RawPacket& packet) {
  std::vector<std::pair<std::uint32_t, std::string>> out;
  SourceDescription::Parse(packet).value().ForEachCname(
      [&](Ssrc ssrc, std::string_view cname) { out.emplace_back(ssrc.value(), cname); });
  return out;
}

TEST(RtcpSdes, CnamesOfEveryLengthComeBack) {
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string cname(size, 'c');
    const Bytes bytes = Written([&](ByteWriter& out) { WriteCname(out, Ssrc(7), cname); });
    const auto cnames = CnamesOf(Only(bytes));
    ASSERT_EQ(cnames.size(), 1u);
    EXPECT_EQ(cnames[0].first, 7u);
    EXPECT_EQ(cnames[0].second, cname.substr(0, 255));
  }
}

TEST(RtcpSdes, SeveralChunksAndOtherItemsAreSteppedThrough) {
  const Bytes bytes = {0x83, 202, 0,   8, 0, 0,   0,   1, 2, 3,
                       'x',  'y', 'z', 1, 1, 'a', 0,   0, 0, 0,  // NAME, CNAME, end on a boundary
                       0,    0,   0,   2, 0, 0,   0,   0,        // no items
                       0,    0,   0,   3, 1, 1,   'b', 0};
  const auto cnames = CnamesOf(Only(bytes));
  EXPECT_EQ(cnames, (std::vector<std::pair<std::uint32_t, std::string>>{{1, "a"}, {3, "b"}}));
}

TEST(RtcpSdes, TruncatedChunksAreRefused) {
  const Bytes bytes = Written([](ByteWriter& out) { WriteCname(out, Ssrc(7), "cname"); });
  const RawPacket whole = Only(bytes);
  ExpectTruncationsFail<SourceDescription>(whole);
  RawPacket more = whole;
  more.count = 2;
  EXPECT_FALSE(SourceDescription::Parse(more).ok());
  more.count = 0;
  EXPECT_EQ(SourceDescription::Parse(more).value().chunk_count(), 0u);
}

TEST(RtcpBye, ListsItsSources) {
  const Ssrc ssrcs[] = {Ssrc(1), Ssrc(2)};
  const Bytes bytes = Written([&](ByteWriter& out) { WriteBye(out, ssrcs); });
  const Bye bye = Bye::Parse(Only(bytes)).value();
  ASSERT_EQ(bye.size(), 2u);
  EXPECT_EQ(bye[1], Ssrc(2));
  ExpectTruncationsFail<Bye>(Only(bytes));
}

TEST(RtcpXr, RrtrAndDlrrComeBackTogether) {
  const NtpTime now{5, 6};
  const DlrrItem items[] = {{Ssrc(1), 2, 3}, {Ssrc(4), 5, 6}};
  const Bytes rrtr = Written([&](ByteWriter& out) { WriteRrtr(out, Ssrc(8), now); });
  const ExtendedReport first = ExtendedReport::Parse(Only(rrtr)).value();
  EXPECT_EQ(first.sender_ssrc, Ssrc(8));
  EXPECT_EQ(first.rrtr, now);
  EXPECT_EQ(first.dlrr_count(), 0u);

  const Bytes dlrr = Written([&](ByteWriter& out) { WriteDlrr(out, Ssrc(8), items); });
  const ExtendedReport second = ExtendedReport::Parse(Only(dlrr)).value();
  EXPECT_EQ(second.rrtr, std::nullopt);
  ASSERT_EQ(second.dlrr_count(), 2u);
  EXPECT_EQ(second.dlrr_item(0), items[0]);
  EXPECT_EQ(second.dlrr_item(1), items[1]);
  ExpectTruncationsFail<ExtendedReport>(Only(rrtr), {4});
}

TEST(RtcpXr, OtherBlocksAreSteppedOverAndBadSizesRefused) {
  const Bytes unknown = {0x80, 207, 0, 6, 0, 0, 0, 8, 42, 0, 0, 1, 1, 2, 3, 4, 4, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2};
  EXPECT_EQ(ExtendedReport::Parse(Only(unknown)).value().rrtr, (NtpTime{1, 2}));
  const Bytes bad_rrtr = {0x80, 207, 0, 3, 0, 0, 0, 8, 4, 0, 0, 1, 1, 2, 3, 4};
  EXPECT_EQ(ExtendedReport::Parse(Only(bad_rrtr)).error(), ParseError::kBadCount);
  const Bytes bad_dlrr = {0x80, 207, 0, 3, 0, 0, 0, 8, 5, 0, 0, 1, 1, 2, 3, 4};
  EXPECT_EQ(ExtendedReport::Parse(Only(bad_dlrr)).error(), ParseError::kBadCount);
  const Bytes too_long = {0x80, 207, 0, 2, 0, 0, 0, 8, 9, 0, 0, 1};
  EXPECT_EQ(ExtendedReport::Parse(Only(too_long)).error(), ParseError::kTruncated);
}

TEST(RtcpReports, AnotherPacketTypeIsRefusedByEachParser) {
  const RawPacket app{PacketType::kApplication, 1, {}};
  EXPECT_EQ(SenderReport::Parse(app).error(), ParseError::kBadFormat);
  EXPECT_EQ(ReceiverReport::Parse(app).error(), ParseError::kBadFormat);
  EXPECT_EQ(SourceDescription::Parse(app).error(), ParseError::kBadFormat);
  EXPECT_EQ(Bye::Parse(app).error(), ParseError::kBadFormat);
  EXPECT_EQ(ExtendedReport::Parse(app).error(), ParseError::kBadFormat);
}

TEST(Ntp, WallTimeSurvivesWithinAMicrosecond) {
  for (const std::int64_t us :
       {std::int64_t{0}, std::int64_t{1'763'780'820'123'456}, std::int64_t{2'085'978'495'999'999},
        std::int64_t{2'085'978'496'000'001}, std::int64_t{4'000'000'000'000'000}}) {
    const WallTime wall{std::chrono::microseconds(us)};
    EXPECT_NEAR(static_cast<double>((NtpTime::FromWall(wall).ToWall() - wall).count()), 0.0, 1.0) << us;
  }
  EXPECT_EQ(NtpTime::FromWall(WallTime{}).seconds, 2'208'988'800u) << "RFC 868";
}

TEST(Ntp, CompactTimeHas16FractionBits) {
  EXPECT_EQ((NtpTime{0x12345678, 0x9ABCDEF0}).compact(), 0x56789ABCu);
  EXPECT_EQ(ToCompact(milliseconds(1500)), 0x18000u);
  EXPECT_EQ(ToCompact(milliseconds(-1)), 0u);
  EXPECT_EQ(ToCompact(std::chrono::hours(100)), 65535u << 16);
  EXPECT_EQ(FromCompact(0x18000), milliseconds(1500));
}

TEST(Ntp, TheRoundTripFollowsRfc3550AndIsNeverNegative) {
  // RFC 3550 figure 2: A = 46864.500 s, LSR = 46853.125 s, DLSR = 5.250 s, round trip 6.125 s.
  EXPECT_EQ(RoundTripTime(0xB7108000, 0xB7052000, 0x00054000), milliseconds(6125));
  EXPECT_EQ(RoundTripTime(100, 200, 0), Duration(0));
  EXPECT_EQ(RoundTripTime(0x00008000, 0xFFFF8000, 0), milliseconds(1000)) << "across the wrap";
}

}  // namespace
}  // namespace jb::rtcp
