// SPDX-License-Identifier: Apache-2.0
#include "proto/engineio/packet.h"

#include <gtest/gtest.h>

namespace jb::engineio {
namespace {

using namespace std::string_literals;

TEST(EngineIoPacket, ParsesEveryType) {
  const PacketType types[] = {PacketType::kOpen,    PacketType::kClose,   PacketType::kPing, PacketType::kPong,
                              PacketType::kMessage, PacketType::kUpgrade, PacketType::kNoop};
  for (const PacketType type : types) {
    const std::string text = std::to_string(static_cast<int>(type)) + "x";
    const auto packet = ParsePacket(text);
    ASSERT_TRUE(packet.ok()) << text;
    EXPECT_EQ(*packet, (Packet{type, false, "x"}));
  }
}

TEST(EngineIoPacket, RefusesWhatHasNoType) {
  EXPECT_EQ(ParsePacket("").error(), PacketError::kEmpty);
  for (const char* text : {"a", "7", "/", ":", " 4", "\x1e", "B"}) {
    EXPECT_EQ(ParsePacket(text).error(), PacketError::kUnknownType) << text;
  }
}

TEST(EngineIoPacket, ReadsBinaryAsBase64) {
  EXPECT_EQ(*ParsePacket("bAQIDBA=="), (Packet{PacketType::kMessage, true, "\x01\x02\x03\x04"}));
  EXPECT_EQ(*ParsePacket("b"), (Packet{PacketType::kMessage, true, ""}));
  EXPECT_EQ(ParsePacket("bAQIDBA=").error(), PacketError::kBadBase64);
  EXPECT_EQ(ParsePacket("b***").error(), PacketError::kBadBase64);
}

TEST(EngineIoPayload, SplitsAtTheRecordSeparator) {
  const auto packets = ParsePayload(
      "4test1\x1e"
      "bAQIDBA==\x1e"
      "3",
      10);
  ASSERT_TRUE(packets.ok());
  EXPECT_EQ(*packets, (std::vector<Packet>{{PacketType::kMessage, false, "test1"},
                                           {PacketType::kMessage, true, "\x01\x02\x03\x04"},
                                           {PacketType::kPong, false, ""}}));
}

TEST(EngineIoPayload, RefusesEmptyAndBrokenPackets) {
  EXPECT_EQ(ParsePayload("", 10).error(), PacketError::kEmpty);
  EXPECT_EQ(ParsePayload("4a\x1e", 10).error(), PacketError::kEmpty);
  EXPECT_EQ(ParsePayload("\x1e"
                         "4a",
                         10)
                .error(),
            PacketError::kEmpty);
  EXPECT_EQ(ParsePayload("4a\x1e"
                         "x",
                         10)
                .error(),
            PacketError::kUnknownType);
  EXPECT_EQ(ParsePayload("4\xff", 10).error(), PacketError::kBadUtf8);
}

TEST(EngineIoPayload, BoundsTheNumberOfPackets) {
  EXPECT_TRUE(ParsePayload("4\x1e"
                           "4\x1e"
                           "4",
                           3)
                  .ok());
  EXPECT_EQ(ParsePayload("4\x1e"
                         "4\x1e"
                         "4\x1e"
                         "4",
                         3)
                .error(),
            PacketError::kTooMany);
}

TEST(EngineIoPayload, ReadsBackWhatItWrote) {
  const std::vector<Packet> packets = {{PacketType::kMessage, false, "h\xc3\xa9llo"},
                                       {PacketType::kMessage, true, "\0\x1e\xff"s},
                                       {PacketType::kPing, false, ""},
                                       {PacketType::kMessage, true, ""}};
  std::string payload;
  std::size_t expected = packets.size() - 1;  // separators
  for (const Packet& packet : packets) {
    AppendToPayload(payload, packet);
    expected += EncodedSize(packet);
  }
  EXPECT_EQ(payload.size(), expected);
  EXPECT_EQ(*ParsePayload(payload, 10), packets);
}

}  // namespace
}  // namespace jb::engineio
