// SPDX-License-Identifier: Apache-2.0
#include "sfu/ortc.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "sfu/ortc_h264.h"
#include "testing/seeded_random.h"

namespace jb::sfu {
namespace {

json::value LoadGolden(const std::string& name) {
  std::ifstream file(std::string(JB_GOLDEN_DIR) + "/ortc/" + name);
  std::stringstream text;
  text << file.rdbuf();
  auto value = ParseJson(text.str());
  EXPECT_TRUE(value.ok()) << name;
  return value.ok() ? *value : json::value();
}

RtpCodec Codec(MediaKind kind, std::string mime, CodecParameters parameters = {}) {
  RtpCodec codec;
  codec.kind = kind;
  codec.mime_type = std::move(mime);
  codec.clock_rate = kind == MediaKind::kAudio ? 48000 : 90000;
  codec.channels = kind == MediaKind::kAudio ? 2 : 1;
  codec.parameters = std::move(parameters);
  return codec;
}

// The codec list the captures were made with.
RtpCapabilities GoldenRouter() {
  auto caps = MakeRouterCapabilities({
      Codec(MediaKind::kAudio, "audio/opus"),
      Codec(MediaKind::kVideo, "video/VP8"),
      Codec(MediaKind::kVideo, "video/VP9", {{"profile-id", std::int64_t{2}}}),
      Codec(MediaKind::kVideo, "video/H264",
            {{"packetization-mode", std::int64_t{1}},
             {"profile-level-id", std::string("42e01f")},
             {"level-asymmetry-allowed", std::int64_t{1}}}),
      Codec(MediaKind::kVideo, "video/AV1"),
  });
  EXPECT_TRUE(caps.ok());
  return *caps;
}

// Random ids are replaced by their distance from the first of their kind, after a look that they are
// in mediasoup's range.
void MaskSsrcs(json::value& value, std::uint64_t base, std::string_view key) {
  if (json::object* object = value.if_object()) {
    for (auto& [name, member] : *object) {
      if (name == key && member.is_number()) {
        const auto ssrc = member.to_number<std::uint64_t>();
        EXPECT_GE(ssrc, base);
        member = ssrc - base;
      } else {
        MaskSsrcs(member, base, key);
      }
    }
  } else if (json::array* array = value.if_array()) {
    for (auto& item : *array) MaskSsrcs(item, base, key);
  }
}

std::uint64_t FirstSsrc(const json::value& value, std::string_view key) {
  const auto ssrc = GetInt(*GetMember(value, "encodings")->get_array().begin(), key);
  EXPECT_TRUE(ssrc && *ssrc >= 100'000'000 && *ssrc < 1'000'000'000);
  return static_cast<std::uint64_t>(ssrc.value_or(0));
}

json::value Masked(json::value value, std::string_view key) {
  MaskSsrcs(value, FirstSsrc(value, key), key);
  return value;
}

std::vector<json::value> GoldenProduceEvents() {
  std::vector<json::value> out;
  const json::value client = LoadGolden("client.json");
  for (const json::value& event : *GetArray(client, "ev")) {
    if (event.at(0) == "produce") out.push_back(event.at(1));
  }
  return out;
}

json::value Parse(std::string_view text) { return *ParseJson(text); }

TEST(OrtcTest, RouterCapabilitiesEqualMediasoups) {
  EXPECT_EQ(json::value(ToJson(GoldenRouter())), LoadGolden("router-caps.json"));
}

TEST(OrtcTest, EveryCapturedProduceEventGivesMediasoupsMappingConsumableAndConsumer) {
  const RtpCapabilities router = GoldenRouter();
  const json::value client = LoadGolden("client.json");
  const json::value server = LoadGolden("server.json");
  const json::array& expected = *GetArray(server, "res");
  const auto remote = ParseRtpCapabilities(*GetMember(client, "recvCaps"));
  ASSERT_TRUE(remote.ok());
  testing::SeededRandom random(1);
  const auto events = GoldenProduceEvents();
  ASSERT_EQ(events.size(), expected.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    SCOPED_TRACE(i);
    const json::value& want = expected[i];
    const MediaKind kind = *ParseMediaKind(*GetString(want, "kind"));
    const auto producer = ParseRtpParameters(*GetMember(events[i], "rtpParameters"));
    ASSERT_TRUE(producer.ok()) << producer.error().message;
    EXPECT_EQ(json::value(ToJson(*producer)), *GetMember(want, "producerRtpParameters"));
    const auto mapping = MapProducer(*producer, router, random);
    ASSERT_TRUE(mapping.ok()) << mapping.error().message;
    EXPECT_EQ(Masked(ToJson(*mapping), "mappedSsrc"), Masked(*GetMember(want, "map"), "mappedSsrc"));
    const RtpParameters consumable = MakeConsumable(kind, *producer, router, *mapping);
    EXPECT_EQ(Masked(ToJson(consumable), "ssrc"), Masked(*GetMember(want, "consumable"), "ssrc"));
    EXPECT_EQ(CanConsume(consumable, *remote), GetBool(want, "canConsume"));
    const auto consumer = MakeConsumerParameters(consumable, *remote, kind == MediaKind::kVideo, random);
    ASSERT_TRUE(consumer.ok());
    EXPECT_EQ(Masked(ToJson(*consumer), "ssrc"), Masked(*GetMember(want, "consumer"), "ssrc"));
  }
}

TEST(OrtcTest, AudioKeepsItsMidThoughClientsListItAsVideo) {
  const json::value client = LoadGolden("client.json");
  const auto remote = ParseRtpCapabilities(*GetMember(client, "recvCaps"));
  testing::SeededRandom random(1);
  const auto producer = ParseRtpParameters(*GetMember(GoldenProduceEvents()[0], "rtpParameters"));
  const auto mapping = MapProducer(*producer, GoldenRouter(), random);
  const auto consumable = MakeConsumable(MediaKind::kAudio, *producer, GoldenRouter(), *mapping);
  const auto consumer = MakeConsumerParameters(consumable, *remote, false, random);
  EXPECT_EQ(consumer->header_extensions[0].uri, "urn:ietf:params:rtp-hdrext:sdes:mid");
}

TEST(OrtcTest, OurCodecsGetPayloadTypesInMediasoupsOrder) {
  const auto caps = MakeRouterCapabilities(DefaultMediaCodecs());
  ASSERT_TRUE(caps.ok());
  ASSERT_EQ(caps->codecs.size(), 11u);
  for (std::size_t i = 0; i < caps->codecs.size(); ++i) EXPECT_EQ(caps->codecs[i].payload_type, 100 + i);
  EXPECT_EQ(caps->codecs[1].mime_type, "video/VP8");
  EXPECT_EQ(caps->codecs[2].IntParameter("apt"), 101);
}

TEST(OrtcTest, APreferredPayloadTypeIsHonouredAndLeavesThePool) {
  RtpCodec opus = Codec(MediaKind::kAudio, "audio/opus");
  RtpCodec vp8 = Codec(MediaKind::kVideo, "video/VP8");
  vp8.payload_type = 100;
  const auto caps = MakeRouterCapabilities({opus, vp8});
  ASSERT_TRUE(caps.ok());
  EXPECT_EQ(caps->codecs[0].payload_type, 101);
  EXPECT_EQ(caps->codecs[1].payload_type, 100);
  EXPECT_EQ(caps->codecs[2].payload_type, 102);
}

TEST(OrtcTest, PayloadTypesRunOutWithAnError) {
  std::vector<RtpCodec> many(17, Codec(MediaKind::kVideo, "video/VP8"));
  const auto caps = MakeRouterCapabilities(many);
  ASSERT_FALSE(caps.ok());
  EXPECT_EQ(caps.error().code, "limit_reached");
}

TEST(OrtcTest, AProducerWithAnUnknownCodecIsUnsupported) {
  testing::SeededRandom random(1);
  const auto producer =
      ParseRtpParameters(Parse(R"({"codecs":[{"mimeType":"video/H265","payloadType":96,"clockRate":90000}]})"));
  ASSERT_TRUE(producer.ok());
  const auto mapping = MapProducer(*producer, GoldenRouter(), random);
  ASSERT_FALSE(mapping.ok());
  EXPECT_EQ(mapping.error().code, "unsupported_codec");
}

TEST(OrtcTest, RedIsTakenFromASenderAndNeitherOfferedNorPassedOn) {
  const json::value parameters = *ParseJson(R"({"mid":"0","codecs":[
      {"mimeType":"audio/red","payloadType":63,"clockRate":48000,"channels":2,"parameters":{"111/111":""}},
      {"mimeType":"audio/opus","payloadType":111,"clockRate":48000,"channels":2}]})");
  const auto producer = ParseRtpParameters(parameters);
  ASSERT_TRUE(producer.ok());
  EXPECT_TRUE(producer->codecs[0].is_red());
  const auto router = MakeRouterCapabilities(DefaultMediaCodecs());
  testing::SeededRandom random(1);
  const auto mapping = MapProducer(*producer, *router, random);
  ASSERT_TRUE(mapping.ok());
  ASSERT_EQ(mapping->codecs.size(), 1u);
  EXPECT_EQ(mapping->codecs[0].payload_type, 111);
  const RtpParameters consumable = MakeConsumable(MediaKind::kAudio, *producer, *router, *mapping);
  ASSERT_EQ(consumable.codecs.size(), 1u);
  EXPECT_EQ(consumable.codecs[0].mime_type, "audio/opus");
  for (const RtpCodec& codec : router->codecs) EXPECT_FALSE(codec.is_red());
}

TEST(OrtcTest, RedWithoutWhatItHoldsIsRefused) {
  const auto alone = ParseRtpParameters(*ParseJson(
      R"({"codecs":[{"mimeType":"audio/red","payloadType":63,"clockRate":48000,"channels":2}]})"));
  EXPECT_FALSE(alone.ok());
  const auto other_clock = ParseRtpParameters(*ParseJson(R"({"codecs":[
      {"mimeType":"audio/red","payloadType":63,"clockRate":8000},
      {"mimeType":"audio/opus","payloadType":111,"clockRate":48000,"channels":2}]})"));
  EXPECT_FALSE(other_clock.ok());
}

TEST(OrtcTest, MissingEncodingsBecomeOneEmptyEncoding) {
  const auto producer = ParseRtpParameters(
      Parse(R"({"codecs":[{"mimeType":"AUDIO/OPUS","payloadType":111,"clockRate":48000,"channels":2}],"rtcp":{}})"));
  ASSERT_TRUE(producer.ok());
  ASSERT_EQ(producer->encodings.size(), 1u);
  EXPECT_EQ(producer->encodings[0].dtx, false);
  EXPECT_EQ(producer->cname, "");
}

TEST(OrtcTest, MalformedRtpParametersAreRefused) {
  const char* bad[] = {
      R"(null)",
      R"([])",
      R"({})",
      R"({"codecs":{}})",
      R"({"codecs":[]})",
      R"({"codecs":[1]})",
      R"({"codecs":[{"mimeType":"text/x","payloadType":1,"clockRate":1}]})",
      R"({"codecs":[{"mimeType":"audio/","payloadType":1,"clockRate":1}]})",
      R"({"codecs":[{"mimeType":"audio/opus","payloadType":128,"clockRate":48000}]})",
      R"({"codecs":[{"mimeType":"audio/opus","payloadType":72,"clockRate":48000}]})",
      R"({"codecs":[{"mimeType":"audio/opus","payloadType":-1,"clockRate":48000}]})",
      R"({"codecs":[{"mimeType":"audio/opus","payloadType":100}]})",
      R"({"codecs":[{"mimeType":"audio/opus","payloadType":100,"clockRate":48000,"parameters":{"a":true}}]})",
      R"({"codecs":[{"mimeType":"audio/opus","payloadType":100,"clockRate":48000,"parameters":[]}]})",
      R"({"codecs":[{"mimeType":"audio/opus","payloadType":100,"clockRate":48000,"rtcpFeedback":[{}]}]})",
      R"({"codecs":[{"mimeType":"video/rtx","payloadType":100,"clockRate":90000,"parameters":{"apt":1}}]})",
      R"({"codecs":[{"mimeType":"video/VP8","payloadType":1,"clockRate":90000},
                    {"mimeType":"video/VP8","payloadType":1,"clockRate":90000}]})",
      R"({"codecs":[{"mimeType":"video/VP8","payloadType":1,"clockRate":90000},
                    {"mimeType":"video/rtx","payloadType":2,"clockRate":90000,"parameters":{"apt":"x"}}]})",
  };
  for (const char* text : bad) {
    const auto parsed = ParseRtpParameters(Parse(text));
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, "invalid_parameters");
  }
}

TEST(OrtcTest, MalformedPartsAreRefused) {
  const std::string head = R"({"codecs":[{"mimeType":"video/VP8","payloadType":96,"clockRate":90000}],)";
  const char* bad[] = {
      R"("mid":5})",
      R"("mid":""})",
      R"("mid":"a b"})",
      R"("mid":"0123456789012345678901234567890123"})",
      R"("headerExtensions":[{"uri":"x"}]})",
      R"("headerExtensions":[{"uri":"x","id":0}]})",
      R"("headerExtensions":[{"uri":"x","id":15}]})",
      R"("headerExtensions":[{"uri":"x","id":256}]})",
      R"("headerExtensions":[{"uri":"x","id":1,"encrypt":true}]})",
      R"("headerExtensions":[{"uri":"x","id":1},{"uri":"y","id":1}]})",
      R"("encodings":{}})",
      R"("encodings":[1]})",
      R"("encodings":[{"ssrc":-1}]})",
      R"("encodings":[{"ssrc":0}]})",
      R"("encodings":[{"ssrc":4294967296}]})",
      R"("encodings":[{"ssrc":1,"rtx":{}}]})",
      R"("encodings":[{"ssrc":1,"rtx":5}]})",
      R"("encodings":[{"ssrc":1,"rtx":{"ssrc":1}}]})",
      R"("encodings":[{"rid":"a"},{"rid":"a"}]})",
      R"("encodings":[{},{}]})",
      R"("encodings":[{"rid":"a/b"}]})",
      R"("encodings":[{"ssrc":1},{"ssrc":2},{"ssrc":3},{"ssrc":4},{"ssrc":5},{"ssrc":6},{"ssrc":7},{"ssrc":8},{"ssrc":9}]})",
      R"("msid":5})",
      "\"msid\":\"a\\r\\na=evil\"}",
      "\"rtcp\":{\"cname\":\"a\\nb\"}}",
  };
  for (const char* tail : bad) EXPECT_FALSE(ParseRtpParameters(Parse(head + tail)).ok()) << tail;
}

TEST(OrtcTest, RidsAndSsrcsBothMakeSimulcast) {
  const std::string head = R"({"codecs":[{"mimeType":"video/VP8","payloadType":96,"clockRate":90000}],"encodings":)";
  EXPECT_EQ(TypeOf(*ParseRtpParameters(Parse(head + R"([{"rid":"r0"},{"rid":"r1"}]})"))), ProducerType::kSimulcast);
  EXPECT_EQ(TypeOf(*ParseRtpParameters(Parse(head + R"([{"ssrc":1,"rtx":{"ssrc":3}},{"ssrc":2}]})"))),
            ProducerType::kSimulcast);
  EXPECT_EQ(TypeOf(*ParseRtpParameters(Parse(head + R"([{"ssrc":1,"scalabilityMode":"L1T3"}]})"))), ProducerType::kSvc);
  EXPECT_EQ(TypeOf(*ParseRtpParameters(Parse(head + R"([{"ssrc":1}]})"))), ProducerType::kSimple);
}

TEST(OrtcTest, AConsumerWithoutRtxHasNeitherRtxNorPlainNack) {
  const json::value client = LoadGolden("client.json");
  const auto remote = ParseRtpCapabilities(*GetMember(client, "recvCaps"));
  testing::SeededRandom random(1);
  const auto producer = ParseRtpParameters(*GetMember(GoldenProduceEvents()[1], "rtpParameters"));
  const auto mapping = MapProducer(*producer, GoldenRouter(), random);
  const auto consumable = MakeConsumable(MediaKind::kVideo, *producer, GoldenRouter(), *mapping);
  const auto consumer = MakeConsumerParameters(consumable, *remote, false, random);
  ASSERT_TRUE(consumer.ok());
  ASSERT_EQ(consumer->codecs.size(), 1u);
  EXPECT_FALSE(consumer->encodings[0].rtx_ssrc);
  for (const RtcpFeedback& fb : consumer->codecs[0].rtcp_feedback) EXPECT_NE(fb, (RtcpFeedback{"nack", ""}));
}

TEST(OrtcTest, AClientWithoutTheCodecCannotConsume) {
  testing::SeededRandom random(1);
  const auto producer = ParseRtpParameters(*GetMember(GoldenProduceEvents()[1], "rtpParameters"));
  const auto mapping = MapProducer(*producer, GoldenRouter(), random);
  const auto consumable = MakeConsumable(MediaKind::kVideo, *producer, GoldenRouter(), *mapping);
  const auto opus_only = ParseRtpCapabilities(
      Parse(R"({"codecs":[{"mimeType":"audio/opus","preferredPayloadType":100,"clockRate":48000,"channels":2}]})"));
  EXPECT_FALSE(CanConsume(consumable, *opus_only));
  EXPECT_FALSE(MakeConsumerParameters(consumable, *opus_only, true, random).ok());
  const auto rtx_only = ParseRtpCapabilities(Parse(
      R"({"codecs":[{"mimeType":"video/rtx","preferredPayloadType":102,"clockRate":90000,"parameters":{"apt":101}}]})"));
  EXPECT_FALSE(CanConsume(consumable, *rtx_only));
  EXPECT_FALSE(MakeConsumerParameters(consumable, *rtx_only, true, random).ok());
  const auto nothing = ParseRtpCapabilities(Parse("{}"));
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(CanConsume(consumable, *nothing));
}

TEST(OrtcTest, H264MatchesByPackagingAndProfileAndTakesTheLowerLevel) {
  const auto h264 = [](std::string profile, std::int64_t mode, std::int64_t asymmetry) {
    return Codec(MediaKind::kVideo, "video/H264",
                 {{"packetization-mode", mode},
                  {"profile-level-id", std::move(profile)},
                  {"level-asymmetry-allowed", asymmetry}});
  };
  EXPECT_TRUE(IsSameCodec(h264("42e01f", 1, 1), h264("42e034", 1, 1)));
  EXPECT_TRUE(IsSameCodec(h264("42e01f", 1, 1), h264("4d801f", 1, 1)));  // both constrained baseline
  EXPECT_FALSE(IsSameCodec(h264("42e01f", 1, 1), h264("42e01f", 0, 1)));
  EXPECT_FALSE(IsSameCodec(h264("42e01f", 1, 1), h264("42001f", 1, 1)));
  EXPECT_FALSE(IsSameCodec(h264("42e01f", 1, 1), h264("64001f", 1, 1)));
  EXPECT_FALSE(IsSameCodec(h264("42e01f", 1, 1), h264("nonsen", 1, 1)));
  testing::SeededRandom random(1);
  RtpParameters producer;
  producer.codecs = {h264("42e034", 1, 0)};
  producer.codecs[0].payload_type = 108;
  producer.encodings.emplace_back();
  const auto mapping = MapProducer(producer, GoldenRouter(), random);
  const auto consumable = MakeConsumable(MediaKind::kVideo, producer, GoldenRouter(), *mapping);
  EXPECT_EQ(consumable.codecs[0].TextParameter("profile-level-id"), "42e01f");
}

TEST(OrtcTest, H264ProfileLevelIdsReadAndWriteBack) {
  for (const char* text : {"42e01f", "42000a", "4d0028", "640034", "640c1f", "f4001f", "42f00b", "42100b", "4d100b"}) {
    const auto parsed = ParseH264ProfileLevel(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(H264ProfileLevelText(*parsed), text);
  }
  for (const char* text : {"", "42e0", "42e01f0", "zzzzzz", "000000", "42e0ff", "ffe01f", "-2e01f"}) {
    EXPECT_FALSE(ParseH264ProfileLevel(text)) << text;
  }
  EXPECT_EQ(LowerH264Level(kH264Level1b, 11), kH264Level1b);
  EXPECT_EQ(LowerH264Level(kH264Level1b, 10), 10);
}

TEST(OrtcTest, ScalabilityModesAreRead) {
  EXPECT_EQ(ParseScalabilityMode("L3T3_KEY").spatial_layers, 3);
  EXPECT_EQ(ParseScalabilityMode("L3T3_KEY").dependency, media::SpatialDependency::kKeyPictures);
  EXPECT_EQ(ParseScalabilityMode("L3T3").dependency, media::SpatialDependency::kFull);
  EXPECT_EQ(ParseScalabilityMode("S2T1").dependency, media::SpatialDependency::kNone);
  EXPECT_EQ(ParseScalabilityMode("S2T1").temporal_layers, 1);
  EXPECT_EQ(ParseScalabilityMode("L1T3").temporal_layers, 3);
  for (const char* text : {"", "L", "L0T1", "LxT1", "X1T1", "L1X1"}) {
    EXPECT_EQ(ParseScalabilityMode(text).spatial_layers, 1) << text;
  }
}

TEST(OrtcTest, CapabilitiesToleratesWhatOlderClientsOmit) {
  const auto caps = ParseRtpCapabilities(Parse(
      R"({"codecs":[{"kind":"audio","mimeType":"audio/opus","clockRate":48000,"channels":2}],
          "headerExtensions":[{"uri":"u","preferredId":1}],"fecMechanisms":[]})"));
  ASSERT_TRUE(caps.ok());
  EXPECT_FALSE(caps->header_extensions[0].kind);
}

TEST(OrtcTest, MalformedCapabilitiesAreRefused) {
  for (const char* text : {"null", "5", R"({"codecs":5})", R"({"codecs":[5]})", R"({"headerExtensions":[{}]})",
                           R"({"headerExtensions":[{"uri":"u","preferredId":0}]})"}) {
    EXPECT_FALSE(ParseRtpCapabilities(Parse(text)).ok()) << text;
  }
}

}  // namespace
}  // namespace jb::sfu
