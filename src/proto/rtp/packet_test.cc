// SPDX-License-Identifier: Apache-2.0
#include "proto/rtp/packet.h"

#include <gtest/gtest.h>

#include <map>

#include "proto/rtp/extensions.h"
#include "proto/rtp/header_layout.h"
#include "proto/rtp/rtx.h"

namespace jb::rtp {
namespace {

Bytes Fixed(std::uint8_t first, std::uint8_t second = 0x60) {
  return {first, second, 0x12, 0x34, 0x00, 0x00, 0x00, 0x2A, 0xDE, 0xAD, 0xBE, 0xEF};
}
Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
std::map<int, Bytes> ExtensionsOf(const PacketView& p) {
  std::map<int, Bytes> out;
  p.ForEachExtension([&](std::uint8_t id, ByteView value) { out[id] = Bytes(value.begin(), value.end()); });
  return out;
}

TEST(RtpPacket, ReadsTheFixedHeader) {
  const Bytes bytes = Fixed(0x80, 0xE0) + Bytes{1, 2, 3};
  const PacketView p = PacketView::Parse(bytes).value();
  EXPECT_TRUE(p.marker());
  EXPECT_EQ(p.payload_type(), PayloadType(0x60));
  EXPECT_EQ(p.sequence_number(), SeqNum(0x1234));
  EXPECT_EQ(p.timestamp(), Timestamp(42));
  EXPECT_EQ(p.ssrc(), Ssrc(0xDEADBEEF));
  EXPECT_EQ(p.csrc_count(), 0u);
  EXPECT_EQ(p.payload().size(), 3u);
  EXPECT_FALSE(p.has_extension_block());
}

TEST(RtpPacket, OtherVersionsAndShortPacketsAreRefused) {
  for (const int version : {0x00, 0x40, 0xC0}) {
    EXPECT_EQ(PacketView::Parse(Fixed(static_cast<std::uint8_t>(version))).error(), ParseError::kBadVersion);
  }
  const Bytes whole = Fixed(0x80);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(PacketView::Parse(ByteView(whole).first(size)).error(), ParseError::kTruncated);
  }
}

TEST(RtpPacket, PayloadTypesThatRtcpUsesAreRefused) {
  for (int pt = 0; pt < 128; ++pt) {
    const auto p = PacketView::Parse(Fixed(0x80, static_cast<std::uint8_t>(pt)));
    EXPECT_EQ(p.ok(), pt < 64 || pt > 95) << pt;
  }
}

TEST(RtpPacket, CsrcsAreReadAndMustBeThere) {
  const Bytes bytes = Fixed(0x82) + Bytes{0, 0, 0, 7, 0, 0, 0, 9, 0xFF};
  const PacketView p = PacketView::Parse(bytes).value();
  EXPECT_EQ(p.csrc(0), Ssrc(7));
  EXPECT_EQ(p.csrc(1), Ssrc(9));
  EXPECT_EQ(p.payload().size(), 1u);
  EXPECT_EQ(PacketView::Parse(ByteView(bytes).first(19)).error(), ParseError::kTruncated);
  EXPECT_EQ(PacketView::Parse(Fixed(0x8F)).error(), ParseError::kTruncated);
}

TEST(RtpPacket, ReadsOneByteExtensionsWithPaddingBetween) {
  const Bytes bytes = Fixed(0x90) + Bytes{0xBE, 0xDE, 0, 3,  //
                                          0x10, 'a',  0, 0,  // id 1, one byte, padding
                                          0x42, 1,    2, 3, 0x51, 9, 8, 0, 0x77};
  const PacketView p = PacketView::Parse(bytes).value();
  EXPECT_EQ(ExtensionsOf(p), (std::map<int, Bytes>{{1, {'a'}}, {4, {1, 2, 3}}, {5, {9, 8}}}));
  EXPECT_EQ(p.FindExtension(4)->size(), 3u);
  EXPECT_EQ(p.FindExtension(2), std::nullopt);
  EXPECT_EQ(p.payload().size(), 1u);
}

TEST(RtpPacket, ReadsTwoByteExtensionsIncludingEmptyOnes) {
  const Bytes bytes = Fixed(0x90) + Bytes{0x10, 0x05, 0, 3, 0x01, 0x00, 0xC8, 0x02, 7, 6, 0x00, 0x0F, 1, 5, 0, 0};
  const PacketView p = PacketView::Parse(bytes).value();
  EXPECT_EQ(ExtensionsOf(p), (std::map<int, Bytes>{{1, {}}, {200, {7, 6}}, {15, {5}}}));
  ASSERT_TRUE(p.FindExtension(1));
  EXPECT_TRUE(p.FindExtension(1)->empty());
}

TEST(RtpPacket, AnElementThatRunsOverTheBlockIsRefused) {
  EXPECT_EQ(PacketView::Parse(Fixed(0x90) + Bytes{0xBE, 0xDE, 0, 1, 0x13, 1, 2, 3, 4, 5}).error(),
            ParseError::kBadExtension);
  EXPECT_EQ(PacketView::Parse(Fixed(0x90) + Bytes{0x10, 0, 0, 1, 0x01, 3, 1, 2, 4, 5}).error(),
            ParseError::kBadExtension);
  EXPECT_EQ(PacketView::Parse(Fixed(0x90) + Bytes{0x10, 0, 0, 1, 0, 0, 0, 7}).error(), ParseError::kBadExtension)
      << "an id without a length byte";
}

TEST(RtpPacket, TheBlockItselfMustFit) {
  EXPECT_EQ(PacketView::Parse(Fixed(0x90)).error(), ParseError::kTruncated);
  EXPECT_EQ(PacketView::Parse(Fixed(0x90) + Bytes{0xBE, 0xDE, 0}).error(), ParseError::kTruncated);
  EXPECT_EQ(PacketView::Parse(Fixed(0x90) + Bytes{0xBE, 0xDE, 0, 2, 0, 0, 0, 0}).error(), ParseError::kTruncated);
  EXPECT_EQ(PacketView::Parse(Fixed(0x90) + Bytes{0xBE, 0xDE, 0xFF, 0xFF}).error(), ParseError::kTruncated);
  EXPECT_TRUE(PacketView::Parse(Fixed(0x90) + Bytes{0xBE, 0xDE, 0, 0}).ok()) << "an empty block is legal";
}

TEST(RtpPacket, Id15AndId0WithALengthEndTheElements) {
  for (const int stop : {0xF0, 0xF3, 0x01}) {
    const Bytes bytes =
        Fixed(0x90) + Bytes{0xBE, 0xDE, 0, 2, 0x10, 7, static_cast<std::uint8_t>(stop), 9, 0x20, 8, 0, 0};
    const PacketView p = PacketView::Parse(bytes).value();
    EXPECT_EQ(p.FindExtension(1)->front(), 7);
    EXPECT_EQ(p.FindExtension(2), std::nullopt);
  }
}

TEST(RtpPacket, AnUnknownProfileIsSteppedOver) {
  const Bytes bytes = Fixed(0x90) + Bytes{0xAB, 0xCD, 0, 1, 0x1F, 1, 2, 3, 0x55};
  const PacketView p = PacketView::Parse(bytes).value();
  EXPECT_TRUE(ExtensionsOf(p).empty());
  EXPECT_EQ(p.payload()[0], 0x55);
}

TEST(RtpPacket, PaddingIsCutAndCheckedAgainstThePayload) {
  EXPECT_EQ(PacketView::Parse(Fixed(0xA0) + Bytes{1, 2, 3, 0, 2}).value().payload().size(), 3u);
  EXPECT_EQ(PacketView::Parse(Fixed(0xA0) + Bytes{0, 0, 3}).value().payload().size(), 0u);
  EXPECT_EQ(PacketView::Parse(Fixed(0xA0) + Bytes{1, 2, 0}).error(), ParseError::kBadPadding);
  EXPECT_EQ(PacketView::Parse(Fixed(0xA0) + Bytes{1, 2, 4}).error(), ParseError::kBadPadding);
  EXPECT_EQ(PacketView::Parse(Fixed(0xA0)).error(), ParseError::kBadPadding);
  EXPECT_EQ(PacketView::Parse(Fixed(0xB0) + Bytes{0xBE, 0xDE, 0, 1, 0, 0, 0, 1}).error(), ParseError::kBadPadding)
      << "padding may not reach into the header";
}

TEST(RtpPacket, AMutableViewPatchesFieldsInPlace) {
  Bytes bytes = Fixed(0x90, 0xE0) + Bytes{0xBE, 0xDE, 0, 1, 0x51, 0, 0, 0, 1, 2, 3};
  MutablePacketView p = MutablePacketView::Parse(bytes).value();
  p.set_marker(false);
  p.set_payload_type(PayloadType(111));
  p.set_sequence_number(SeqNum(65535));
  p.set_timestamp(Timestamp(0xFFFFFFFF));
  p.set_ssrc(Ssrc(1));
  StoreU16(p.MutableExtension(5)->data(), 0xABCD);
  EXPECT_FALSE(p.MutableExtension(6));
  p.mutable_payload()[0] = 99;
  const PacketView again = PacketView::Parse(bytes).value();
  EXPECT_FALSE(again.marker());
  EXPECT_EQ(again.payload_type(), PayloadType(111));
  EXPECT_EQ(again.sequence_number(), SeqNum(65535));
  EXPECT_EQ(again.timestamp(), Timestamp(0xFFFFFFFF));
  EXPECT_EQ(again.ssrc(), Ssrc(1));
  EXPECT_EQ(ParseTransportSequence(*again.FindExtension(5)), 0xABCD);
  EXPECT_EQ(again.payload()[0], 99);
}

TEST(RtpTypes, SerialNumbersKnowTheirDistanceAcrossTheWrap) {
  for (const int start : {0, 1, 32767, 32768, 65534, 65535}) {
    const SeqNum a(static_cast<std::uint16_t>(start));
    EXPECT_EQ((a + 5) - a, 5);
    EXPECT_EQ((a + -5) - a, -5);
    EXPECT_TRUE((a + 32767).IsNewerThan(a));
    EXPECT_FALSE((a + -1).IsNewerThan(a));
    EXPECT_EQ(a.Next(), a + 1);
  }
}

HeaderLayout UsualLayout() {
  HeaderLayout layout;
  layout.Reserve(1, 8);  // mid
  layout.Reserve(4, 3);  // abs-send-time
  layout.Reserve(5, 2);  // transport-cc
  layout.Reserve(6, 1);  // audio level
  return layout;
}
const HeaderFields kFields{.marker = true,
                           .payload_type = PayloadType(100),
                           .sequence_number = SeqNum(7),
                           .timestamp = Timestamp(8),
                           .ssrc = Ssrc(9)};

TEST(HeaderLayout, WhatIsLaidOutAndPatchedParsesBack) {
  const HeaderLayout layout = UsualLayout();
  std::uint8_t buffer[100];
  const std::size_t size = layout.Write(buffer, kFields);
  EXPECT_EQ(size, layout.size());
  EXPECT_EQ(size % 4, 0u);
  EXPECT_TRUE(ExtensionsOf(PacketView::Parse(ByteView(buffer).first(size)).value()).empty())
      << "unfilled slots are padding";
  EXPECT_TRUE(layout.Set(buffer, 1, AsBytes("12")));
  EXPECT_TRUE(layout.SetU24(buffer, 4, 0x010203));
  EXPECT_TRUE(layout.SetU16(buffer, 5, 0xFFFE));
  EXPECT_TRUE(layout.SetU8(buffer, 6, 0x85));
  const PacketView p = PacketView::Parse(ByteView(buffer).first(size)).value();
  EXPECT_EQ(ExtensionsOf(p), (std::map<int, Bytes>{{1, {'1', '2'}}, {4, {1, 2, 3}}, {5, {0xFF, 0xFE}}, {6, {0x85}}}));
  EXPECT_TRUE(p.marker());
  EXPECT_EQ(p.payload_type(), PayloadType(100));
  EXPECT_EQ(p.ssrc(), Ssrc(9));
}

TEST(HeaderLayout, AShorterValueLeavesNothingOfTheLongerOne) {
  const HeaderLayout layout = UsualLayout();
  std::uint8_t buffer[100];
  const std::size_t size = layout.Write(buffer, kFields);
  layout.Set(buffer, 1, AsBytes("abcdefgh"));
  layout.SetU16(buffer, 5, 3);
  layout.Set(buffer, 1, AsBytes("x"));
  const PacketView p = PacketView::Parse(ByteView(buffer).first(size)).value();
  EXPECT_EQ(ExtensionsOf(p), (std::map<int, Bytes>{{1, {'x'}}, {5, {0, 3}}}));
  layout.Clear(buffer, 1);
  EXPECT_EQ(p.FindExtension(1), std::nullopt);
  EXPECT_NE(p.FindExtension(5), std::nullopt);
}

TEST(HeaderLayout, RefusesWhatDoesNotFit) {
  HeaderLayout layout = UsualLayout();
  std::uint8_t buffer[100];
  const std::size_t size = layout.Write(buffer, kFields);
  EXPECT_FALSE(layout.Set(buffer, 1, AsBytes("123456789")));
  EXPECT_FALSE(layout.SetU8(buffer, 7, 1));
  EXPECT_FALSE(layout.SetU8(ByteSpan(buffer).first(size - 1), 6, 1));
  EXPECT_EQ(layout.Write(ByteSpan(buffer).first(size - 1), kFields), 0u);
  EXPECT_FALSE(layout.Reserve(1, 1)) << "twice";
  EXPECT_FALSE(layout.Reserve(0, 1));
  for (std::uint8_t id = 20; layout.Reserve(id, 1); ++id) ASSERT_LT(id, 40);
}

TEST(HeaderLayout, LargeIdsOrValuesMakeTheBlockTwoByte) {
  for (const auto& [id, length] : {std::pair{15, 3}, std::pair{3, 17}, std::pair{3, 255}, std::pair{255, 1}}) {
    HeaderLayout layout;
    layout.Reserve(1, 2);
    layout.Reserve(static_cast<std::uint8_t>(id), static_cast<std::uint8_t>(length));
    std::uint8_t buffer[400];
    const std::size_t size = layout.Write(buffer, kFields);
    const Bytes value(static_cast<std::size_t>(length), 0xEE);
    EXPECT_TRUE(layout.Set(buffer, static_cast<std::uint8_t>(id), value));
    EXPECT_TRUE(layout.SetU16(buffer, 1, 5));
    const PacketView p = PacketView::Parse(ByteView(buffer).first(size)).value();
    EXPECT_EQ(ExtensionsOf(p), (std::map<int, Bytes>{{1, {0, 5}}, {id, value}}));
  }
}

TEST(HeaderLayout, WithoutExtensionsTheHeaderIsTwelveBytes) {
  std::uint8_t buffer[12];
  EXPECT_EQ(HeaderLayout().Write(buffer, kFields), 12u);
  EXPECT_FALSE(PacketView::Parse(buffer).value().has_extension_block());
}

TEST(Rtx, WhatIsEncapsulatedComesBackUnchanged) {
  const HeaderLayout layout = UsualLayout();
  std::uint8_t buffer[200];
  std::size_t size = layout.Write(buffer, kFields);
  const std::size_t header_size = size;
  for (std::uint8_t i = 0; i < 50; ++i) buffer[size++] = i;
  const Bytes original(buffer, buffer + size);

  const std::size_t rtx_size = EncapsulateRtx(buffer, size, header_size, {Ssrc(77), PayloadType(101), SeqNum(500)});
  ASSERT_EQ(rtx_size, size + 2);
  MutablePacketView rtx = MutablePacketView::Parse(ByteSpan(buffer).first(rtx_size)).value();
  EXPECT_EQ(rtx.ssrc(), Ssrc(77));
  EXPECT_EQ(rtx.payload_type(), PayloadType(101));
  EXPECT_EQ(rtx.sequence_number(), SeqNum(500));
  EXPECT_EQ(LoadU16(rtx.payload().data()), 7) << "the original sequence number comes first";
  EXPECT_TRUE(rtx.marker());

  const ByteSpan restored = DecapsulateRtx(rtx, Ssrc(9), PayloadType(100)).value();
  EXPECT_EQ(Bytes(restored.begin(), restored.end()), original);
}

TEST(Rtx, PaddingIsDroppedOnTheWayOut) {
  Bytes buffer = Fixed(0xA0) + Bytes{1, 2, 0, 0, 3, 0, 0};
  const std::size_t rtx_size = EncapsulateRtx(buffer, 17, 12, {Ssrc(1), PayloadType(2), SeqNum(3)});
  ASSERT_EQ(rtx_size, 16u);
  const PacketView p = PacketView::Parse(ByteView(buffer).first(rtx_size)).value();
  EXPECT_EQ(p.padding_size(), 0u);
  EXPECT_EQ(Bytes(p.payload().begin(), p.payload().end()), (Bytes{0x12, 0x34, 1, 2}));
}

TEST(Rtx, APayloadWithoutOsnIsRefused) {
  for (Bytes bytes :
       {Fixed(0x80), Fixed(0x80) + Bytes{1}, Fixed(0xA0) + Bytes{0, 0, 0, 0, 5}, Fixed(0xA0) + Bytes{9, 0, 0, 3}}) {
    const MutablePacketView p = MutablePacketView::Parse(bytes).value();
    EXPECT_FALSE(DecapsulateRtx(p, Ssrc(1), PayloadType(1)).ok());
  }
  Bytes two = Fixed(0x80) + Bytes{0xAA, 0xBB};
  EXPECT_EQ(DecapsulateRtx(MutablePacketView::Parse(two).value(), Ssrc(1), PayloadType(1)).value().size(), 12u);
}

TEST(Rtx, WithoutRoomNothingIsWritten) {
  Bytes buffer = Fixed(0x80) + Bytes{1, 2};
  EXPECT_EQ(EncapsulateRtx(buffer, 14, 12, {}), 0u);
  EXPECT_EQ(EncapsulateRtx(buffer, 11, 12, {}), 0u);
  EXPECT_EQ(EncapsulateRtx(buffer, 15, 12, {}), 0u);
}

TEST(Extensions, AudioLevelKeepsVoiceAndLoudnessApart) {
  const std::uint8_t loud[] = {0x80 | 12};
  EXPECT_TRUE(ParseAudioLevel(loud)->voice);
  EXPECT_EQ(ParseAudioLevel(loud)->dbov(), -12);
  EXPECT_EQ(WriteAudioLevel({true, 12}), loud[0]);
  EXPECT_EQ(WriteAudioLevel({false, 200}), 127);
  EXPECT_FALSE(ParseAudioLevel({}));
}

TEST(Extensions, AbsSendTimeIsSecondsModulo64InEighteenBits) {
  using std::chrono::milliseconds;
  EXPECT_EQ(ToAbsSendTime(Time(milliseconds(0))), 0u);
  EXPECT_EQ(ToAbsSendTime(Time(milliseconds(500))), 1u << 17);
  EXPECT_EQ(ToAbsSendTime(Time(milliseconds(63'500))), (63u << 18) + (1u << 17));
  EXPECT_EQ(ToAbsSendTime(Time(milliseconds(64'000))), 0u);
}

TEST(Extensions, StreamIdsAreShortPrintableText) {
  EXPECT_EQ(ParseStreamIdText(AsBytes("r0")), "r0");
  EXPECT_EQ(ParseStreamIdText(Bytes{'1', 0, 0}), "1");
  EXPECT_FALSE(ParseStreamIdText({}));
  EXPECT_FALSE(ParseStreamIdText(Bytes{0, 0}));
  EXPECT_FALSE(ParseStreamIdText(AsBytes("a b")));
  EXPECT_FALSE(ParseStreamIdText(AsBytes("12345678901234567")));
}

}  // namespace
}  // namespace jb::rtp
