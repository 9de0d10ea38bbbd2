// SPDX-License-Identifier: Apache-2.0
// A replayed track and a receiving session, facing each other without a server in virtual time.
#include "client/trace_track.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "client/receive_session.h"
#include "media/payload/vp8.h"
#include "proto/rtcp/fir.h"
#include "proto/rtcp/nack.h"
#include "proto/rtcp/pli.h"
#include "proto/rtcp/receiver_report.h"
#include "proto/rtcp/sender_report.h"
#include "proto/rtcp/twcc.h"
#include "proto/rtp/extensions.h"
#include "testing/seeded_random.h"

namespace jb::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint32_t kRun = 99;
constexpr std::uint8_t kTransportCcId = 3;
constexpr std::uint8_t kMidId = 4;
constexpr std::uint8_t kRidId = 10;
constexpr std::uint8_t kRepairedRidId = 11;

class TraceTrackTest : public ::testing::Test {
 protected:
  void Make(LoadKind kind) {
    TraceTrackConfig config{.kind = kind,
                            .trace = std::make_shared<const MediaTrace>(ChromiumTrace()),
                            .mid = "0",
                            .cname = "cname",
                            .run = kRun,
                            .first_stream = 40};
    track_ = std::make_unique<TraceTrack>(std::move(config), pool_, transport_sequence_, random_);
    track_->Start(now_);
  }

  // What leaves until `now_ + span`; each packet is handed to `on_packet` too.
  std::vector<Bytes> Run(Duration span) {
    std::vector<Bytes> out;
    const Time end = now_ + span;
    while (track_->NextDeadline() <= end) {
      now_ = std::max(now_, track_->NextDeadline());
      track_->HandleTimeout(now_, Wall(), Collect(out));
    }
    now_ = end;
    return out;
  }
  TraceTrack::Send Collect(std::vector<Bytes>& out) {
    return [&out](ByteSpan buffer, std::size_t size) { out.emplace_back(buffer.begin(), buffer.begin() + size); };
  }
  WallTime Wall() const { return WallTime(now_.time_since_epoch() + std::chrono::hours(24 * 365 * 50)); }

  template <class Write>
  std::vector<Bytes> Tell(Write&& write) {
    std::array<std::uint8_t, 500> buffer;
    ByteWriter writer(buffer);
    write(writer);
    std::vector<Bytes> answers;
    const auto compound = rtcp::Compound::Parse(writer.written());
    compound->ForEach([&](const rtcp::RawPacket& raw) { track_->HandleRtcp(raw, now_, Wall(), Collect(answers)); });
    return answers;
  }
  void Report(rtp::Ssrc ssrc) {
    rtcp::ReportBlock block;
    block.ssrc = ssrc;
    Tell([&](ByteWriter& w) { rtcp::WriteReceiverReport(w, rtp::Ssrc(1), {&block, 1}); });
  }

  static rtp::PacketView View(const Bytes& packet) { return rtp::PacketView::Parse(packet).value(); }
  // The views stay good: the fixture keeps the packets.
  std::map<std::uint32_t, std::vector<rtp::PacketView>> BySsrc(std::vector<Bytes> packets) {
    std::map<std::uint32_t, std::vector<rtp::PacketView>> out;
    kept_.push_back(std::move(packets));
    for (const Bytes& packet : kept_.back()) out[View(packet).ssrc().value()].push_back(View(packet));
    return out;
  }

  testing::SeededRandom random_{7};
  media::PacketPool pool_{4096};
  std::uint16_t transport_sequence_ = 65'000;
  Time now_{seconds(100)};
  std::unique_ptr<TraceTrack> track_;
  std::deque<std::vector<Bytes>> kept_;
};

TEST_F(TraceTrackTest, SoundIsFiftyPacketsASecondWithoutAGap) {
  Make(LoadKind::kAudio);
  const auto packets = Run(seconds(40));  // longer than the recording: it goes round
  ASSERT_NEAR(static_cast<double>(packets.size()), 2000, 2);
  for (std::size_t i = 1; i < packets.size(); ++i) {
    ASSERT_EQ(View(packets[i]).sequence_number(), View(packets[i - 1]).sequence_number().Next());
    ASSERT_EQ(View(packets[i]).timestamp() - View(packets[i - 1]).timestamp(), 960) << i;
    ASSERT_EQ(View(packets[i]).FindExtension(kTransportCcId).has_value(), true);
  }
}

TEST_F(TraceTrackTest, AVideoBeginsWithAKeyFrameAndFramesAreWhole) {
  Make(LoadKind::kVideo);
  const auto packets = Run(seconds(20));
  bool begins = true;
  std::uint16_t picture = 0;
  std::size_t keys = 0;
  for (const Bytes& packet : packets) {
    const auto view = View(packet);
    const auto descriptor = media::vp8::Parse(view.payload());
    ASSERT_TRUE(descriptor.has_value());
    ASSERT_EQ(descriptor->start_of_frame(), begins);
    if (&packet == &packets.front()) ASSERT_TRUE(descriptor->key_frame);
    if (begins && &packet != &packets.front()) ASSERT_EQ(*descriptor->picture_id, (picture + 1) & 0x7FFF);
    picture = *descriptor->picture_id;
    if (descriptor->key_frame) ++keys;
    begins = view.marker();
  }
  EXPECT_EQ(keys, 1u);
  EXPECT_EQ(track_->counters().key_frames, 1u);
  EXPECT_NEAR(static_cast<double>(packets.size()), 20.0 * 2827 / 16, 60);
}

TEST_F(TraceTrackTest, SimulcastHasThreeEncodingsWithRidsUntilTheyAreReported) {
  Make(LoadKind::kSimulcast);
  const auto streams = BySsrc(Run(milliseconds(500)));
  ASSERT_EQ(streams.size(), 3u);
  std::set<std::string> rids;
  for (const auto& [ssrc, packets] : streams) {
    for (const auto& packet : packets) {
      ASSERT_TRUE(packet.FindExtension(kMidId).has_value());
      rids.insert(std::string(*rtp::ParseStreamIdText(*packet.FindExtension(kRidId))));
    }
    EXPECT_TRUE(media::vp8::IsKeyFrame(packets.front().payload()));
    Report(rtp::Ssrc(ssrc));
  }
  EXPECT_EQ(rids, (std::set<std::string>{"r0", "r1", "r2"}));
  for (const auto& [ssrc, packets] : BySsrc(Run(milliseconds(500)))) {
    for (const auto& packet : packets) {
      EXPECT_FALSE(packet.FindExtension(kMidId).has_value());
      EXPECT_FALSE(packet.FindExtension(kRidId).has_value());
    }
  }
  const json::object parameters = track_->RtpParameters();
  const auto& encodings = parameters.at("encodings").as_array();
  ASSERT_EQ(encodings.size(), 3u);
  EXPECT_EQ(encodings[2].at("rid").as_string(), "r2");
  EXPECT_FALSE(encodings[2].as_object().contains("ssrc"));
}

TEST_F(TraceTrackTest, AKeyFrameThatIsAskedForComesWithTheNextFrameOfThatEncodingOnly) {
  Make(LoadKind::kSimulcast);
  const auto before = BySsrc(Run(seconds(1)));
  const rtp::Ssrc wanted(before.begin()->first);
  const auto keys_in = [](const std::vector<rtp::PacketView>& packets) {
    return std::count_if(packets.begin(), packets.end(),
                         [](const auto& p) { return media::vp8::IsKeyFrame(p.payload()); });
  };
  Tell([&](ByteWriter& w) { rtcp::WritePli(w, {rtp::Ssrc(1), wanted}); });
  const auto packets = Run(milliseconds(70));
  for (const auto& [ssrc, of] : BySsrc(packets)) EXPECT_EQ(keys_in(of), ssrc == wanted.value() ? 1 : 0);
  // A second one so soon waits until 300 ms after the first.
  const rtcp::FirEntry fir{wanted, 1};
  Tell([&](ByteWriter& w) { rtcp::WriteFir(w, rtp::Ssrc(1), {&fir, 1}); });
  EXPECT_EQ(keys_in(BySsrc(Run(milliseconds(200)))[wanted.value()]), 0);
  EXPECT_EQ(keys_in(BySsrc(Run(milliseconds(200)))[wanted.value()]), 1);
  EXPECT_EQ(track_->counters().key_frames_asked, 2u);
}

TEST_F(TraceTrackTest, ANackIsAnsweredByRtxWithTheOriginalPayload) {
  Make(LoadKind::kSimulcast);
  const auto packets = Run(milliseconds(300));
  const auto lost = View(packets[packets.size() / 2]);
  const rtp::SeqNum number = lost.sequence_number();
  auto answers = Tell([&](ByteWriter& w) { rtcp::WriteNack(w, rtp::Ssrc(1), lost.ssrc(), {&number, 1}); });
  ASSERT_EQ(answers.size(), 1u);
  const auto rtx = View(answers[0]);
  EXPECT_NE(rtx.ssrc(), lost.ssrc());
  EXPECT_EQ(LoadU16(rtx.payload().data()), number.value());
  EXPECT_TRUE(std::equal(lost.payload().begin(), lost.payload().end(), rtx.payload().begin() + 2, rtx.payload().end()));
  EXPECT_EQ(rtx.timestamp(), lost.timestamp());
  EXPECT_TRUE(rtx.FindExtension(kRepairedRidId).has_value());
  EXPECT_FALSE(rtx.FindExtension(kRidId).has_value());
  // Not again at once, and nothing that was never sent.
  EXPECT_TRUE(Tell([&](ByteWriter& w) { rtcp::WriteNack(w, rtp::Ssrc(1), lost.ssrc(), {&number, 1}); }).empty());
  const rtp::SeqNum never = number + 5000;
  EXPECT_TRUE(Tell([&](ByteWriter& w) { rtcp::WriteNack(w, rtp::Ssrc(1), lost.ssrc(), {&never, 1}); }).empty());
}

TEST_F(TraceTrackTest, NothingLeavesWhileMutedAndAKeyFrameComesAfterwards) {
  Make(LoadKind::kVideo);
  const auto before = Run(seconds(1));
  track_->SetMuted(true, now_);
  EXPECT_TRUE(Run(seconds(3)).empty());
  track_->SetMuted(false, now_);
  const auto after = Run(seconds(1));
  ASSERT_FALSE(after.empty());
  EXPECT_TRUE(media::vp8::IsKeyFrame(View(after[0]).payload()));
  EXPECT_EQ(View(after[0]).sequence_number(), View(before.back()).sequence_number().Next());
  EXPECT_GT(View(after[0]).timestamp() - View(before.back()).timestamp(), 3 * 90'000);
}

TEST_F(TraceTrackTest, AnOwnerThatComesLateCausesNoBurst) {
  Make(LoadKind::kVideo);
  Run(seconds(1));
  now_ += seconds(5);
  std::vector<Bytes> out;
  track_->HandleTimeout(now_, Wall(), Collect(out));
  EXPECT_LE(out.size(), 12u);
  EXPECT_EQ(track_->counters().stalls, 1u);
}

TEST_F(TraceTrackTest, TheWindowCountsWhatWasSentInIt) {
  Make(LoadKind::kAudio);
  Run(seconds(1));
  track_->SetWindow(Wall(), WallTime::max());
  const auto inside = Run(seconds(2));
  track_->SetWindow(WallTime{}, Wall());
  Run(seconds(1));
  EXPECT_EQ(track_->packets_in_window(), inside.size());
}

// The session that hears the track directly.
class ReceiveSessionTest : public TraceTrackTest {
 protected:
  void MakeBoth(LoadKind kind) {
    Make(kind);
    session_.emplace("me", random_, now_);
    const json::object parameters = track_->RtpParameters();
    const json::value& encoding = parameters.at("encodings").as_array().at(0);
    info_.id = "c1";
    info_.audio = kind == LoadKind::kAudio;
    info_.codec = info_.audio ? media::Codec::kOpus : media::Codec::kVp8;
    info_.ssrc = rtp::Ssrc(static_cast<std::uint32_t>(*GetInt(encoding, "ssrc")));
    info_.payload_type = info_.audio ? 111 : 96;
    info_.clock_rate = info_.audio ? 48000 : 90000;
    info_.transport_cc_id = kTransportCcId;
    if (!info_.audio) {
      info_.nack = info_.pli = true;
      info_.rtx_ssrc = rtp::Ssrc(static_cast<std::uint32_t>(*GetInt(*GetMember(encoding, "rtx"), "ssrc")));
      info_.rtx_payload_type = 97;
    }
    session_->Add(info_);
  }

  // Everything that is due now, from the session to the track; answers are heard at once.
  void Feedback() {
    std::array<std::uint8_t, ReceiveSession::kRtcpSize> buffer;
    while (const std::size_t size = session_->PollRtcp(buffer, now_)) {
      const auto compound = rtcp::Compound::Parse(ByteView(buffer).first(size));
      ASSERT_TRUE(compound.ok());
      std::vector<Bytes> answers;
      compound->ForEach([&](const rtcp::RawPacket& raw) {
        if (raw.IsFeedback(rtcp::PacketType::kTransportFeedback, rtcp::kFormatTransportWide)) ++transport_reports_;
        track_->HandleRtcp(raw, now_, Wall(), Collect(answers));
      });
      for (Bytes& answer : answers) Hear(answer);
    }
  }
  void Hear(Bytes packet) {
    const auto media = session_->HandleRtp(packet, now_);
    if (!media) return;
    const auto stamp = ReadStamp(media->packet.payload(), kRun);
    ASSERT_TRUE(stamp.has_value());
    EXPECT_TRUE(IsIntact(media->packet.payload(), kVp8FillerAt, *stamp));
    heard_.insert(stamp->number);
  }
  // `lose(i)` says which packets do not arrive.
  void Play(Duration span, const std::function<bool(std::size_t)>& lose) {
    const Time end = now_ + span;
    while (true) {
      const Time next = std::min(track_->NextDeadline(), session_->NextDeadline().value_or(kNever));
      if (next > end) break;
      now_ = std::max(now_, next);
      std::vector<Bytes> out;
      track_->HandleTimeout(now_, Wall(), Collect(out));
      for (Bytes& packet : out) {
        if (!lose(sent_++)) Hear(packet);
      }
      Feedback();
    }
    now_ = end;
  }

  std::optional<ReceiveSession> session_;
  ConsumerInfo info_;
  std::size_t sent_ = 0;
  std::size_t transport_reports_ = 0;
  std::set<std::uint32_t> heard_;
};

TEST_F(ReceiveSessionTest, WhatWasLostIsAskedForAndComesBack) {
  MakeBoth(LoadKind::kVideo);
  Play(seconds(10), [](std::size_t i) { return i % 10 == 9; });
  const auto& counters = session_->counters();
  EXPECT_GT(counters.nacked, sent_ / 12);
  EXPECT_EQ(counters.repaired, track_->counters().resent);
  EXPECT_GE(heard_.size(), sent_ - 2);  // the last may still be under way
  EXPECT_EQ(counters.received, heard_.size());
  EXPECT_EQ(counters.duplicates, 0u);
  EXPECT_GT(session_->packets_lost(), 0);  // as receiver reports count
}

TEST_F(ReceiveSessionTest, SoundWithoutRtxIsNotAskedFor) {
  MakeBoth(LoadKind::kAudio);
  Play(seconds(5), [](std::size_t i) { return i % 10 == 9; });
  EXPECT_EQ(session_->counters().nacked, 0u);
  EXPECT_NEAR(static_cast<double>(session_->packets_lost()), 25, 1);
}

TEST_F(ReceiveSessionTest, TransportFeedbackLeavesUpToTenTimesASecond) {
  MakeBoth(LoadKind::kVideo);
  Play(seconds(10), [](std::size_t) { return false; });
  // 100 ms after the first packet that the one before did not tell of.
  EXPECT_GT(transport_reports_, 70u);
  EXPECT_LE(transport_reports_, 100u);
  EXPECT_EQ(session_->counters().feedback, transport_reports_);
}

TEST_F(ReceiveSessionTest, ALongGapAsksForAKeyFrameInsteadOfEachPacket) {
  MakeBoth(LoadKind::kVideo);
  Play(seconds(1), [](std::size_t) { return false; });
  Play(seconds(8), [](std::size_t) { return true; });
  const auto asked = track_->counters().key_frames_asked;
  Play(seconds(1), [](std::size_t) { return false; });
  EXPECT_GT(track_->counters().key_frames_asked, asked);
  EXPECT_GT(session_->counters().key_frames_asked, 0u);
}

TEST_F(ReceiveSessionTest, TheSamePacketTwiceCountsOnce) {
  MakeBoth(LoadKind::kVideo);
  auto packets = Run(milliseconds(500));
  for (const Bytes& packet : packets) {
    Hear(packet);
    Hear(packet);
  }
  EXPECT_EQ(session_->counters().received, packets.size());
  EXPECT_EQ(session_->counters().duplicates, packets.size());
}

TEST_F(ReceiveSessionTest, ProbesGarbageAndStrangersAreNoMedia) {
  MakeBoth(LoadKind::kVideo);
  Bytes empty;
  EXPECT_FALSE(session_->HandleRtp(empty, now_).has_value());
  Bytes stranger = Run(milliseconds(200)).front();
  StoreU32(stranger.data() + 8, 1234);
  EXPECT_FALSE(session_->HandleRtp(stranger, now_).has_value());
  EXPECT_EQ(session_->counters().unknown, 1u);
  Bytes rtx_without_number{0x80, 97, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  StoreU32(rtx_without_number.data() + 8, info_.rtx_ssrc->value());
  EXPECT_FALSE(session_->HandleRtp(rtx_without_number, now_).has_value());
  EXPECT_EQ(session_->counters().received, 0u);
}

}  // namespace
}  // namespace jb::client
