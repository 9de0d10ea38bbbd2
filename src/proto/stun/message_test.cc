// SPDX-License-Identifier: Apache-2.0
#include "proto/stun/message.h"

#include <gtest/gtest.h>

#include <string>

#include "proto/stun/crc32.h"

namespace jb::stun {
namespace {

// RFC 5769 section 2: the user name, password and addresses of its samples.
constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";

Bytes Hex(std::string_view text) {
  Bytes out;
  int high = -1;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      out.push_back(static_cast<std::uint8_t>(high * 16 + digit));
      high = -1;
    }
  }
  return out;
}

// RFC 5769 section 2.1.
const Bytes kSampleRequest =
    Hex("00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae"
        "80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74"
        "00 24 00 04 6e 00 01 ff 80 29 00 08 93 2f f9 b1 51 26 3b 36"
        "00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20"
        "00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2"
        "80 28 00 04 e5 7a 3b cf");
// RFC 5769 section 2.2.
const Bytes kSampleIpv4Response =
    Hex("01 01 00 3c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae"
        "80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20"
        "00 20 00 08 00 01 a1 47 e1 12 a6 43"
        "00 08 00 14 2b 91 f5 99 fd 9e 90 c3 8c 74 89 f9 2a f9 ba 53 f0 6b e7 d7"
        "80 28 00 04 c0 7d 4c 96");
// RFC 5769 section 2.3.
const Bytes kSampleIpv6Response =
    Hex("01 01 00 48 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae"
        "80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20"
        "00 20 00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9"
        "00 08 00 14 a3 82 95 4e 4b e6 7b f1 17 84 c9 7c 82 92 c2 75 bf e3 ed 41"
        "80 28 00 04 c8 fb 0b 4c");

const TransactionId kId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

Result<Message, ParseError> ParseBuilt(MessageWriter& writer) {
  const std::optional<ByteView> message = writer.Finish();
  EXPECT_TRUE(message);
  return Message::Parse(*message);
}

// A request with one attribute of the given type and size, with a right FINGERPRINT.
Result<Message, ParseError> ParseWith(Attribute type, std::size_t size) {
  static std::uint8_t buffer[2048];
  MessageWriter writer(buffer, MessageClass::kRequest, kId);
  writer.AddRaw(static_cast<std::uint16_t>(type), Bytes(size, 'x'));
  return ParseBuilt(writer);
}

TEST(StunMessage, ReadsTheSampleRequest) {
  const Message m = Message::Parse(kSampleRequest).value();
  EXPECT_TRUE(m.IsBindingRequest());
  EXPECT_EQ(m.username(), "evtj:h6vY");
  EXPECT_EQ(m.username_local(), "evtj");
  EXPECT_EQ(m.username_remote(), "h6vY");
  EXPECT_EQ(m.priority(), 0x6e0001ffu);
  EXPECT_EQ(m.ice_controlled(), 0x932ff9b151263b36u);
  EXPECT_EQ(m.ice_controlling(), std::nullopt);
  EXPECT_EQ(m.software(), "STUN test client");
  EXPECT_TRUE(m.has_fingerprint());
  EXPECT_FALSE(m.use_candidate());
  EXPECT_TRUE(m.unknown_required().empty());
  EXPECT_EQ(m.transaction_id()[0], 0xb7);
  EXPECT_EQ(m.transaction_id()[11], 0xae);
}

TEST(StunMessage, VerifiesTheIntegrityOfTheSamples) {
  for (const Bytes& sample : {kSampleRequest, kSampleIpv4Response, kSampleIpv6Response}) {
    const Message m = Message::Parse(sample).value();
    EXPECT_TRUE(m.VerifyIntegrity(kPassword));
    EXPECT_FALSE(m.VerifyIntegrity("VOkJxbRl1RmTxUk/WvJxBT"));
    EXPECT_FALSE(m.VerifyIntegrity(""));
  }
}

TEST(StunMessage, ReadsTheMappedAddressesOfTheSampleResponses) {
  const Message v4 = Message::Parse(kSampleIpv4Response).value();
  EXPECT_EQ(v4.message_class(), MessageClass::kSuccess);
  EXPECT_EQ(v4.method(), kBindingMethod);
  EXPECT_EQ(v4.xor_mapped_address(), SocketAddress::Parse("192.0.2.1", 32853));
  const Message v6 = Message::Parse(kSampleIpv6Response).value();
  EXPECT_EQ(v6.xor_mapped_address(), SocketAddress::Parse("2001:db8:1234:5678:11:2233:4455:6677", 32853));
}

TEST(StunMessage, IntegrityCoversTheLengthItHasWhenItIsTheLastAttribute) {
  // The same message without FINGERPRINT has another length on the wire and the same HMAC.
  Bytes cut(kSampleRequest.begin(), kSampleRequest.end() - 8);
  StoreU16(cut.data() + 2, static_cast<std::uint16_t>(cut.size() - kHeaderSize));
  const Message m = Message::Parse(cut).value();
  EXPECT_FALSE(m.has_fingerprint());
  EXPECT_TRUE(m.VerifyIntegrity(kPassword));
}

TEST(StunMessage, AnyFlippedBitOfTheSampleIsNoticed) {
  for (std::size_t bit = 0; bit < kSampleRequest.size() * 8; ++bit) {
    Bytes damaged = kSampleRequest;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1u << (bit % 8)));
    const auto m = Message::Parse(damaged);
    EXPECT_FALSE(m.ok() && m->has_fingerprint() && m->VerifyIntegrity(kPassword)) << "bit " << bit;
  }
}

TEST(StunMessage, NoTruncationIsAccepted) {
  for (std::size_t size = 0; size < kSampleRequest.size(); ++size) {
    EXPECT_FALSE(Message::Parse(ByteView(kSampleRequest).first(size)).ok()) << size;
  }
}

TEST(StunMessage, TheLengthMustBeTheDatagrams) {
  Bytes longer = kSampleRequest;
  longer.push_back(0);
  EXPECT_EQ(Message::Parse(longer).error(), ParseError::kBadLength);
  Bytes odd = kSampleRequest;
  odd.resize(odd.size() + 2);
  StoreU16(odd.data() + 2, static_cast<std::uint16_t>(odd.size() - kHeaderSize));
  EXPECT_EQ(Message::Parse(odd).error(), ParseError::kBadLength);
}

TEST(StunMessage, WithoutTheCookieOrWithTheTopBitsItIsNotStun) {
  Bytes no_cookie = kSampleRequest;
  no_cookie[4] = 0;
  EXPECT_EQ(Message::Parse(no_cookie).error(), ParseError::kNotStun);
  Bytes top_bits = kSampleRequest;
  top_bits[0] |= 0x40;
  EXPECT_EQ(Message::Parse(top_bits).error(), ParseError::kNotStun);
}

TEST(StunMessage, AnAttributeMayNotRunOverTheEnd) {
  Bytes bytes(kSampleRequest.begin(), kSampleRequest.begin() + kHeaderSize);
  bytes.insert(bytes.end(), {0x80, 0x22, 0x00, 0x05, 'a', 'b', 'c', 'd'});
  StoreU16(bytes.data() + 2, 8);
  EXPECT_EQ(Message::Parse(bytes).error(), ParseError::kAttributeOverrun);
}

TEST(StunMessage, NothingMayFollowTheFingerprint) {
  std::uint8_t buffer[256];
  MessageWriter writer(buffer, MessageClass::kRequest, kId);
  const ByteView message = writer.Finish().value();
  Bytes bytes(message.begin(), message.end());
  bytes.insert(bytes.end(), {0x80, 0x22, 0x00, 0x00});
  // The CRC must cover the length on the wire, so it is made again for the longer message.
  StoreU16(bytes.data() + 2, static_cast<std::uint16_t>(bytes.size() - kHeaderSize));
  StoreU32(bytes.data() + 24, Crc32(ByteView(bytes).first(20)) ^ 0x5354554E);
  EXPECT_EQ(Message::Parse(bytes).error(), ParseError::kAttributeAfterFingerprint);
}

TEST(StunMessage, AWrongFingerprintIsRefused) {
  Bytes bytes = kSampleRequest;
  bytes.back() ^= 1;
  EXPECT_EQ(Message::Parse(bytes).error(), ParseError::kBadFingerprint);
}

TEST(StunMessage, AttributesOfTheWrongSizeAreRefused) {
  struct Case {
    Attribute type;
    std::size_t bad;
  };
  const Case cases[] = {
      {Attribute::kPriority, 3},         {Attribute::kPriority, 5},          {Attribute::kPriority, 0},
      {Attribute::kIceControlling, 4},   {Attribute::kIceControlling, 12},   {Attribute::kIceControlled, 7},
      {Attribute::kUseCandidate, 1},     {Attribute::kUseCandidate, 4},      {Attribute::kNomination, 2},
      {Attribute::kNomination, 8},       {Attribute::kMessageIntegrity, 16}, {Attribute::kMessageIntegrity, 24},
      {Attribute::kErrorCode, 3},        {Attribute::kErrorCode, 0},         {Attribute::kSoftware, 763},
      {Attribute::kUsername, 513},       {Attribute::kUsername, 0},          {Attribute::kXorMappedAddress, 8},
      {Attribute::kXorMappedAddress, 4}, {Attribute::kFingerprint, 8},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ParseWith(c.type, c.bad).error(), ParseError::kBadAttributeSize)
        << "type " << static_cast<int>(c.type) << " size " << c.bad;
  }
  EXPECT_TRUE(ParseWith(Attribute::kSoftware, 762).ok());
  EXPECT_TRUE(ParseWith(Attribute::kUsername, 512).ok());
}

TEST(StunMessage, AttributesAfterMessageIntegrityAreIgnored) {
  std::uint8_t buffer[256];
  MessageWriter writer(buffer, MessageClass::kRequest, kId);
  writer.AddUsername("a:b");
  writer.AddMessageIntegrity(kPassword);
  writer.AddUseCandidate();
  writer.AddPriority(7);
  writer.AddRaw(0x7abc, {});
  const Message m = ParseBuilt(writer).value();
  EXPECT_TRUE(m.VerifyIntegrity(kPassword));
  EXPECT_FALSE(m.use_candidate());
  EXPECT_EQ(m.priority(), std::nullopt);
  EXPECT_TRUE(m.unknown_required().empty());
  EXPECT_TRUE(m.has_fingerprint());
}

TEST(StunMessage, OfAnAttributeGivenTwiceTheFirstCounts) {
  std::uint8_t buffer[256];
  MessageWriter writer(buffer, MessageClass::kRequest, kId);
  writer.AddUsername("first:x");
  writer.AddUsername("second:x");
  writer.AddPriority(1);
  writer.AddPriority(2);
  const Message m = ParseBuilt(writer).value();
  EXPECT_EQ(m.username_local(), "first");
  EXPECT_EQ(m.priority(), 1u);
}

TEST(StunMessage, UnknownRequiredAttributesAreListedAndOptionalOnesIgnored) {
  std::uint8_t buffer[256];
  MessageWriter writer(buffer, MessageClass::kRequest, kId);
  writer.AddRaw(0xC057, Hex("00000001"));  // GOOG-NETWORK-INFO, as Chrome sends
  for (std::uint16_t i = 0; i < 12; ++i) writer.AddRaw(static_cast<std::uint16_t>(0x7000 + i), {});
  const Message m = ParseBuilt(writer).value();
  ASSERT_EQ(m.unknown_required().size(), 8u) << "the list is bounded";
  EXPECT_EQ(m.unknown_required()[0], 0x7000);
}

TEST(StunMessage, AUserNameWithoutColonHasNoParts) {
  std::uint8_t buffer[256];
  MessageWriter writer(buffer, MessageClass::kRequest, kId);
  writer.AddUsername("nocolon");
  const Message m = ParseBuilt(writer).value();
  EXPECT_EQ(m.username(), "nocolon");
  EXPECT_EQ(m.username_local(), std::nullopt);
  EXPECT_EQ(m.username_remote(), std::nullopt);
}

TEST(StunMessage, WithoutIntegrityNoPasswordVerifies) {
  std::uint8_t buffer[256];
  MessageWriter writer(buffer, MessageClass::kRequest, kId);
  writer.AddUsername("a:b");
  const Message m = ParseBuilt(writer).value();
  EXPECT_FALSE(m.has_message_integrity());
  EXPECT_FALSE(m.VerifyIntegrity(kPassword));
}

TEST(StunMessage, EveryClassAndMethodSurvivesTheTypeField) {
  for (const auto message_class :
       {MessageClass::kRequest, MessageClass::kIndication, MessageClass::kSuccess, MessageClass::kError}) {
    for (std::uint16_t method = 0; method < 0x1000; ++method) {
      std::uint8_t buffer[64];
      MessageWriter writer(buffer, message_class, kId, method);
      const Message m = ParseBuilt(writer).value();
      ASSERT_EQ(m.message_class(), message_class);
      ASSERT_EQ(m.method(), method);
    }
  }
}

TEST(StunWriter, ARequestComesBackAsItWasMeant) {
  std::uint8_t buffer[kMaxMessageSize];
  const ByteView bytes = WriteBindingRequest(buffer, {.id = kId,
                                                      .username = "them:us",
                                                      .password = "secret",
                                                      .priority = 0x7effffff,
                                                      .tie_breaker = 0x0123456789abcdef,
                                                      .controlling = true,
                                                      .use_candidate = true})
                             .value();
  const Message m = Message::Parse(bytes).value();
  EXPECT_TRUE(m.IsBindingRequest());
  EXPECT_EQ(m.transaction_id(), kId);
  EXPECT_EQ(m.username_local(), "them");
  EXPECT_EQ(m.priority(), 0x7effffffu);
  EXPECT_EQ(m.ice_controlling(), 0x0123456789abcdefu);
  EXPECT_TRUE(m.use_candidate());
  EXPECT_TRUE(m.has_fingerprint());
  EXPECT_TRUE(m.VerifyIntegrity("secret"));
}

TEST(StunWriter, ASuccessCarriesTheMappedAddressOfBothFamilies) {
  for (const char* ip : {"203.0.113.9", "2001:db8::9", "0.0.0.0", "ffff:ffff:ffff:ffff::1"}) {
    const SocketAddress mapped = SocketAddress::Parse(ip, 0x2112).value();
    std::uint8_t buffer[256];
    const Message m = Message::Parse(WriteBindingSuccess(buffer, kId, mapped, "pw").value()).value();
    EXPECT_EQ(m.message_class(), MessageClass::kSuccess);
    EXPECT_EQ(m.xor_mapped_address(), mapped) << ip;
    EXPECT_TRUE(m.VerifyIntegrity("pw"));
  }
}

TEST(StunWriter, AnErrorNamesItsCodeAndTheUnknownAttributes) {
  const std::uint16_t unknown[] = {0x7001, 0x7002};
  std::uint8_t buffer[256];
  const Message m = Message::Parse(WriteBindingError(buffer, kId, kUnknownAttribute, "pw", unknown).value()).value();
  EXPECT_EQ(m.message_class(), MessageClass::kError);
  EXPECT_EQ(m.error_code(), 420);
  EXPECT_TRUE(m.VerifyIntegrity("pw"));
  const Message bare = Message::Parse(WriteBindingError(buffer, kId, kBadRequest, "").value()).value();
  EXPECT_EQ(bare.error_code(), 400);
  EXPECT_FALSE(bare.has_message_integrity());
}

TEST(StunWriter, ABufferTooSmallGivesNothing) {
  std::uint8_t buffer[128];
  const SocketAddress mapped = SocketAddress::Parse("203.0.113.9", 1).value();
  const std::size_t needed = WriteBindingSuccess(buffer, kId, mapped, "pw").value().size();
  for (std::size_t size = 0; size < needed; ++size) {
    EXPECT_FALSE(WriteBindingSuccess(ByteSpan(buffer).first(size), kId, mapped, "pw")) << size;
  }
}

}  // namespace
}  // namespace jb::stun
