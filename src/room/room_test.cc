// SPDX-License-Identifier: Apache-2.0
#include "room/room.h"

#include <gtest/gtest.h>

#include "room/registry.h"
#include "room/transcript.h"
#include "room/wire.h"
#include "testing/seeded_random.h"

namespace jb::room {
namespace {

class RoomTest : public ::testing::Test {
 protected:
  ParticipantId Join(const std::string& id, const std::string& speaks, const std::string& hears,
                     Voice voice = Voice::kTranslated) {
    const ParticipantId participant(id);
    EXPECT_TRUE(
        room_.Join(participant, {.name = id, .speaks = Language(speaks), .hears = Language(hears), .voice = voice})
            .ok());
    return participant;
  }
  void AddMic(const ParticipantId& who, const std::string& id) {
    EXPECT_TRUE(room_
                    .AddProducer(who, {.id = ProducerId(id),
                                       .kind = MediaKind::kAudio,
                                       .source = Source::kMic,
                                       .paused = false,
                                       .lang = {},
                                       .translated_from = {}})
                    .ok());
  }
  // "event>a,b" for each pending notice.
  std::vector<std::string> Notices() {
    std::vector<std::string> out;
    while (auto notice = room_.Poll()) {
      std::string line = notice->event + ">";
      for (const ParticipantId& to : notice->to) line += (line.back() == '>' ? "" : ",") + to.value();
      out.push_back(line);
      last_ = notice->data;
    }
    return out;
  }

  Room room_{RoomCode("abcde-fghjk-mnpqr"), "Team", WallTime{}, Time{}, {.max_participants = 4}};
  json::object last_;
};

using Lines = std::vector<std::string>;

TEST_F(RoomTest, ANewcomerIsToldToTheOthersOnly) {
  Join("ann", "en", "en");
  EXPECT_EQ(Notices(), Lines{});
  Join("bea", "es", "es");
  EXPECT_EQ(Notices(), Lines{"participantJoined>ann"});
  EXPECT_EQ(last_["speaks"], "es");
}

TEST_F(RoomTest, AFullRoomRefusesWithItsCode) {
  for (const char* id : {"a", "b", "c", "d"}) Join(id, "en", "en");
  EXPECT_EQ(room_.Join(ParticipantId("e"), {}).error().code, "room_full");
}

TEST_F(RoomTest, ATranslatedVoiceIsAnnouncedOnlyToThoseWhoHearThatLanguage) {
  const auto ann = Join("ann", "en", "en");
  Join("bea", "es", "es");
  Join("cat", "ca", "ca");
  Join("dan", "es", "es", Voice::kOriginal);
  AddMic(ann, "mic");
  Notices();
  ASSERT_TRUE(room_.AddTranslation(ann, ProducerId("mic-es"), Language("es"), ProducerId("mic")).ok());
  EXPECT_EQ(Notices(), Lines{"producerAdded>bea"});
  EXPECT_EQ(last_["producer"].as_object()["translatedFrom"], "mic");
  EXPECT_TRUE(room_.MayConsume(ParticipantId("bea"), ProducerId("mic-es")));
  EXPECT_FALSE(room_.MayConsume(ParticipantId("cat"), ProducerId("mic-es")));
  EXPECT_FALSE(room_.MayConsume(ParticipantId("dan"), ProducerId("mic-es")));
  EXPECT_FALSE(room_.MayConsume(ann, ProducerId("mic"))) << "nobody consumes what they send";
}

TEST_F(RoomTest, ATranslatedVoiceNamesTheMicrophoneItIsMadeFromAmongSeveral) {
  const auto ann = Join("ann", "en", "en");
  Join("bea", "es", "es");
  AddMic(ann, "old");
  AddMic(ann, "new");
  ASSERT_TRUE(room_.AddTranslation(ann, ProducerId("t"), Language("es"), ProducerId("old")).ok());
  Notices();
  EXPECT_EQ(last_["producer"].as_object()["translatedFrom"], "old");
}

TEST_F(RoomTest, ChangingTheLanguageHeardSwapsTranslatedVoices) {
  const auto ann = Join("ann", "en", "en");
  const auto bea = Join("bea", "es", "es");
  AddMic(ann, "mic");
  ASSERT_TRUE(room_.AddTranslation(ann, ProducerId("mic-es"), Language("es"), ProducerId("mic")).ok());
  ASSERT_TRUE(room_.AddTranslation(ann, ProducerId("mic-ca"), Language("ca"), ProducerId("mic")).ok());
  Notices();
  room_.SetLanguages(bea, {.speaks = {}, .hears = Language("ca"), .voice = {}});
  EXPECT_EQ(Notices(),
            (Lines{"producerRemoved>bea", "producerAdded>bea", "participantUpdated>ann", "participantUpdated>bea"}));
  room_.SetLanguages(bea, {.speaks = {}, .hears = {}, .voice = Voice::kOriginal});
  EXPECT_EQ(Notices().front(), "producerRemoved>bea");
}

TEST_F(RoomTest, LeavingTakesProducersAlongAndClearsTheActiveSpeaker) {
  const auto ann = Join("ann", "en", "en");
  Join("bea", "es", "es");
  AddMic(ann, "mic");
  room_.SetActiveSpeaker(ann);
  Notices();
  room_.Leave(ann, LeaveReason::kDisconnected);
  EXPECT_EQ(Notices(), (Lines{"producerRemoved>bea", "participantLeft>bea", "activeSpeaker>bea"}));
  EXPECT_TRUE(last_["participantId"].is_null());
}

TEST_F(RoomTest, NothingChangesAfterACaptionIsFinal) {
  Join("ann", "en", "en");
  Caption caption{.id = "c1",
                  .rev = 1,
                  .speaker = ParticipantId("ann"),
                  .speaker_name = "Ann",
                  .final = false,
                  .lang = Language("en"),
                  .text = "hel",
                  .translations = {},
                  .start_ms = 0,
                  .end_ms = 0,
                  .stage_ms = {}};
  room_.UpdateCaption(caption);
  EXPECT_EQ(Notices().size(), 1u);
  room_.UpdateCaption(caption);
  EXPECT_EQ(Notices().size(), 0u) << "the same revision again";
  caption.rev = 2, caption.final = true, caption.text = "Hello.";
  room_.UpdateCaption(caption);
  caption.rev = 3;
  room_.UpdateCaption(caption);
  EXPECT_EQ(Notices().size(), 1u);
  ASSERT_EQ(room_.final_captions().size(), 1u);
}

TEST_F(RoomTest, TheSnapshotHasOnlyWhatTheNewcomerMaySee) {
  const auto ann = Join("ann", "en", "en");
  Join("bea", "es", "es");
  AddMic(ann, "mic");
  ASSERT_TRUE(room_.AddTranslation(ann, ProducerId("mic-es"), Language("es"), ProducerId("mic")).ok());
  const auto cat = Join("cat", "ca", "ca");
  const json::object snapshot = room_.Snapshot(cat);
  const json::array& people = snapshot.at("participants").as_array();
  ASSERT_EQ(people.size(), 2u);
  EXPECT_EQ(people[0].at("producers").as_array().size(), 1u);
}

TEST_F(RoomTest, OneCannotSendMoreTracksThanAllowed) {
  const auto ann = Join("ann", "en", "en");
  for (int i = 0; i < 8; ++i) AddMic(ann, std::to_string(i));
  EXPECT_EQ(room_.AddProducer(ann, {}).error().code, "limit_reached");
}

TEST(RoomCode, CarriesSeventyFiveBitsInReadableGroups) {
  testing::SeededRandom random(1);
  const std::string code = MakeRoomCode(random);
  EXPECT_EQ(code.size(), 17u);
  EXPECT_EQ(code[5], '-');
  EXPECT_NE(MakeRoomCode(random), code);
}

TEST(RoomCode, WhatAPersonTypesIsUnderstood) {
  EXPECT_EQ(NormalizeRoomCode("ABCDE fghjk-mnpqr"), "abcde-fghjk-mnpqr");
  EXPECT_EQ(NormalizeRoomCode("abcdefghjkmnpqO"), "abcde-fghjk-mnpq0");
  EXPECT_EQ(NormalizeRoomCode("abcde"), "");
  EXPECT_EQ(NormalizeRoomCode("../../etc/passwd"), "");
  EXPECT_EQ(NormalizeRoomCode(std::string(1000, 'a')), "");
}

TEST(Registry, AnEmptyRoomIsForgottenAfterADayAndNotBefore) {
  testing::SeededRandom random(1);
  Registry registry({}, random);
  RoomEntry* entry = registry.Create({}, WallTime{}, Time{}).value();
  const std::string code = entry->room->code().value();
  registry.Expire(Time{} + std::chrono::hours(23));
  EXPECT_NE(registry.Find(code), nullptr);
  registry.Expire(Time{} + std::chrono::hours(24));
  EXPECT_EQ(registry.Find(code), nullptr);
}

TEST(Registry, ThereIsAnEndToTheNumberOfRooms) {
  testing::SeededRandom random(1);
  Registry registry({.max_rooms = 1, .empty_room_kept = std::chrono::hours(1), .room = {}}, random);
  EXPECT_TRUE(registry.Create({}, WallTime{}, Time{}).ok());
  EXPECT_EQ(registry.Create({}, WallTime{}, Time{}).error().code, "too_many_rooms");
}

TEST(Wire, OnlyWellFormedLanguageTagsAreAccepted) {
  EXPECT_EQ(ParseLanguage("vi"), Language("vi"));
  EXPECT_EQ(ParseLanguage("pt-BR"), Language("pt-br"));
  for (const char* bad : {"", "v", "viet", "vi-", "-vi", "vi_VN", "v1", "en\n", "vi-toolongsubtag"}) {
    EXPECT_FALSE(ParseLanguage(bad)) << bad;
  }
}

TEST(Wire, AClientCannotNameATranslationAsItsSource) {
  EXPECT_EQ(ParseSource("screenAudio"), Source::kScreenAudio);
  EXPECT_FALSE(ParseSource("translation"));
}

TEST(Transcript, EachFormatHasTheOriginalAndTheTranslation) {
  const std::deque<Caption> captions{{.id = "c",
                                      .rev = 3,
                                      .speaker = ParticipantId("a"),
                                      .speaker_name = "Ann <3",
                                      .final = true,
                                      .lang = Language("en"),
                                      .text = "Fish & chips.",
                                      .translations = {{Language("es"), "Pescado."}},
                                      .start_ms = 61'005,
                                      .end_ms = 3'662'000,
                                      .stage_ms = {}}};
  const Language es("es");
  EXPECT_EQ(WriteTranscript(captions, TranscriptFormat::kSrt, es),
            "1\n00:01:01,005 --> 01:01:02,000\nAnn <3: Fish & chips.\nPescado.\n\n");
  EXPECT_EQ(WriteTranscript(captions, TranscriptFormat::kVtt, es),
            "WEBVTT\n\n1\n00:01:01.005 --> 01:01:02.000\n<v Ann &lt;3>Fish &amp; chips.\nPescado.\n\n");
  EXPECT_EQ(WriteTranscript(captions, TranscriptFormat::kTxt, std::nullopt), "[00:01:01] Ann <3: Fish & chips.\n");
  const auto parsed = ParseJson(WriteTranscript(captions, TranscriptFormat::kJson, es));
  EXPECT_EQ(parsed.value().at("captions").at(0).at("translations").at("es"), "Pescado.");
}

}  // namespace
}  // namespace jb::room
