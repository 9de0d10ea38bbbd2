// SPDX-License-Identifier: Apache-2.0
#include "proto/socketio/packet.h"

#include <gtest/gtest.h>

namespace jb::socketio {
namespace {

Result<std::optional<Packet>, PacketError> Decode(std::string_view text) { return Decoder().HandleText(text); }

Packet DecodeOne(std::string_view text) {
  auto packet = Decode(text);
  EXPECT_TRUE(packet.ok()) << text;
  if (!packet.ok() || !*packet) return {};
  return std::move(**packet);
}

TEST(SocketIoPacket, DecodesEachType) {
  EXPECT_EQ(DecodeOne("0").type, PacketType::kConnect);
  EXPECT_EQ(json::serialize(DecodeOne(R"(0{"token":"123"})").data), R"({"token":"123"})");
  EXPECT_EQ(DecodeOne("1").type, PacketType::kDisconnect);
  const Packet event = DecodeOne(R"(2["hello",1,{"a":[true]}])");
  EXPECT_EQ(event.type, PacketType::kEvent);
  EXPECT_EQ(event.nsp, "/");
  EXPECT_FALSE(event.id);
  EXPECT_EQ(json::serialize(event.data), R"(["hello",1,{"a":[true]}])");
  const Packet ack = DecodeOne("3456[]");
  EXPECT_EQ(ack.type, PacketType::kAck);
  EXPECT_EQ(ack.id, 456u);
  EXPECT_EQ(DecodeOne(R"(4/random,{"message":"no"})").type, PacketType::kConnectError);
}

TEST(SocketIoPacket, DecodesNamespacesAndIds) {
  EXPECT_EQ(DecodeOne("0/custom,").nsp, "/custom");
  EXPECT_EQ(DecodeOne("0/custom").nsp, "/custom");
  EXPECT_EQ(DecodeOne("1/custom").nsp, "/custom");
  const Packet packet = DecodeOne(R"(2/admin,12["x"])");
  EXPECT_EQ(packet.nsp, "/admin");
  EXPECT_EQ(packet.id, 12u);
  EXPECT_EQ(DecodeOne(R"(20["x"])").id, 0u);
}

TEST(SocketIoPacket, CollectsAttachments) {
  Decoder decoder;
  auto first = decoder.HandleText(R"(52-/a,7["m",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}])");
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(*first);
  EXPECT_TRUE(decoder.waiting());
  EXPECT_FALSE(*decoder.HandleBinary("\x01\x02"));
  auto last = decoder.HandleBinary("");
  ASSERT_TRUE(last.ok() && *last);
  EXPECT_EQ((*last)->type, PacketType::kBinaryEvent);
  EXPECT_EQ((*last)->id, 7u);
  EXPECT_EQ((*last)->attachments, (std::vector<std::string>{"\x01\x02", ""}));
  EXPECT_FALSE(decoder.waiting());
  EXPECT_TRUE((*decoder.HandleText(R"(2["next"])")).has_value());
}

TEST(SocketIoPacket, ABinaryPacketMayHaveNoAttachments) {
  EXPECT_EQ(DecodeOne(R"(50-["m"])").type, PacketType::kBinaryEvent);
}

struct BadPacket {
  const char* text;
  PacketError error;
};
class SocketIoBadPacket : public ::testing::TestWithParam<BadPacket> {};

TEST_P(SocketIoBadPacket, IsRefused) {
  const auto packet = Decode(GetParam().text);
  ASSERT_FALSE(packet.ok()) << GetParam().text;
  EXPECT_EQ(packet.error(), GetParam().error) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    All, SocketIoBadPacket,
    ::testing::Values(BadPacket{"", PacketError::kEmpty}, BadPacket{"abc", PacketError::kUnknownType},
                      BadPacket{"7", PacketError::kUnknownType}, BadPacket{"999", PacketError::kUnknownType},
                      BadPacket{"2", PacketError::kBadPayload}, BadPacket{"2{}", PacketError::kBadPayload},
                      BadPacket{"2[]", PacketError::kBadPayload}, BadPacket{"2[{}]", PacketError::kBadPayload},
                      BadPacket{"2[1]", PacketError::kBadPayload}, BadPacket{"2[null]", PacketError::kBadPayload},
                      BadPacket{"2null", PacketError::kBadPayload}, BadPacket{R"(2abc["x"])", PacketError::kBadJson},
                      BadPacket{R"(2["x"])"
                                "]",
                                PacketError::kBadJson},
                      BadPacket{R"(2["x")", PacketError::kBadJson}, BadPacket{R"(2["x",NaN])", PacketError::kBadJson},
                      BadPacket{R"(2["connect"])", PacketError::kReservedEvent},
                      BadPacket{R"(2["disconnect"])", PacketError::kReservedEvent},
                      BadPacket{R"(2["disconnecting"])", PacketError::kReservedEvent},
                      BadPacket{R"(2["connect_error"])", PacketError::kReservedEvent},
                      BadPacket{R"(2["newListener"])", PacketError::kReservedEvent},
                      BadPacket{R"(2["removeListener"])", PacketError::kReservedEvent},
                      BadPacket{R"(21234567890123456789["x"])", PacketError::kBadId},
                      BadPacket{"3[]", PacketError::kBadPayload}, BadPacket{"31{}", PacketError::kBadPayload},
                      BadPacket{"31", PacketError::kBadPayload}, BadPacket{"0[]", PacketError::kBadPayload},
                      BadPacket{"0null", PacketError::kBadPayload}, BadPacket{"0\"a\"", PacketError::kBadPayload},
                      BadPacket{"1{}", PacketError::kBadPayload}, BadPacket{"4", PacketError::kBadPayload},
                      BadPacket{"5", PacketError::kBadAttachmentCount},
                      BadPacket{R"(5["x"])", PacketError::kBadAttachmentCount},
                      BadPacket{R"(51["x"])", PacketError::kBadAttachmentCount},
                      BadPacket{R"(5-["x"])", PacketError::kBadAttachmentCount},
                      BadPacket{R"(511-["x"])", PacketError::kTooManyAttachments},
                      BadPacket{R"(599999999999999999999-["x"])", PacketError::kTooManyAttachments},
                      BadPacket{R"(51-["x",{"_placeholder":true,"num":1}])", PacketError::kBadPlaceholder},
                      BadPacket{R"(51-["x",{"_placeholder":true,"num":-1}])", PacketError::kBadPlaceholder},
                      BadPacket{R"(51-["x",{"_placeholder":true,"num":0.5}])", PacketError::kBadPlaceholder},
                      BadPacket{R"(51-["x",{"_placeholder":true,"num":"0"}])", PacketError::kBadPlaceholder},
                      BadPacket{R"(51-["x",{"_placeholder":true,"num":1e300}])", PacketError::kBadPlaceholder},
                      BadPacket{R"(51-["x",{"a":[{"_placeholder":true}]}])", PacketError::kBadPlaceholder}));

TEST(SocketIoPacket, TenAttachmentsAreTheMost) {
  EXPECT_TRUE(Decode(R"(510-["x"])").ok());
  EXPECT_FALSE(Decode(R"(511-["x"])").ok());
}

TEST(SocketIoPacket, BoundsDepthNamespaceAndAttachmentBytes) {
  const auto nested = [](std::size_t depth) {
    return "2[\"x\"," + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "]";
  };
  EXPECT_TRUE(Decode(nested(64)).ok());
  EXPECT_EQ(Decode(nested(65)).error(), PacketError::kTooDeep);
  EXPECT_EQ(Decode(nested(100000)).error(), PacketError::kTooDeep);
  EXPECT_TRUE(Decode("0/" + std::string(63, 'n')).ok());
  EXPECT_EQ(Decode("0/" + std::string(64, 'n')).error(), PacketError::kBadNamespace);

  Decoder decoder({.max_attachments = 10, .max_attachment_bytes = 4});
  ASSERT_TRUE(decoder.HandleText(R"(52-["x"])").ok());
  ASSERT_TRUE(decoder.HandleBinary("123").ok());
  EXPECT_EQ(decoder.HandleBinary("45").error(), PacketError::kTooLarge);
}

TEST(SocketIoPacket, WantsTextAndBinaryInTheirPlaces) {
  EXPECT_EQ(Decoder().HandleBinary("x").error(), PacketError::kUnexpectedBinary);
  Decoder decoder;
  ASSERT_TRUE(decoder.HandleText(R"(51-["x"])").ok());
  EXPECT_EQ(decoder.HandleText(R"(2["x"])").error(), PacketError::kTextInsteadOfBinary);
}

TEST(SocketIoPacket, APlaceholderInAPlainEventIsJustJson) {
  EXPECT_EQ(DecodeOne(R"(2["x",{"_placeholder":true,"num":5}])").type, PacketType::kEvent);
}

TEST(SocketIoPacket, EncodesWhatItDecodes) {
  for (const char* text : {"0", R"(0/custom,{"token":"abc"})", "1", "1/custom,", R"(2["x",1,"2"])", R"(2/a,12["x"])",
                           "3456[1]", R"(4/random,{"message":"Invalid namespace"})"}) {
    EXPECT_EQ(Encode(DecodeOne(text)), text);
  }
  Packet packet{.type = PacketType::kEvent,
                .nsp = "/",
                .id = 789,
                .data = json::array{"m", Placeholder(0), Placeholder(1)},
                .attachments = {"a", "b"}};
  EXPECT_EQ(Encode(packet), R"(52-789["m",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}])");
  packet.type = PacketType::kAck;
  packet.data = json::array{Placeholder(0), Placeholder(1)};
  EXPECT_EQ(Encode(packet), R"(62-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}])");
}

TEST(SocketIoPacket, EscapesTheRecordSeparator) {
  // Or one event could become two packets of a polling payload.
  const Packet packet{.type = PacketType::kEvent, .nsp = "/", .data = json::array{"a\x1e"}};
  EXPECT_EQ(Encode(packet), R"(2["a\u001e"])");
}

}  // namespace
}  // namespace jb::socketio
