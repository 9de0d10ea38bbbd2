// SPDX-License-Identifier: Apache-2.0
// What a link carries, found out and followed through the whole SFU: the rows of links.json, and receivers that tell
// of their links in other ways, or lie.
#include <gtest/gtest.h>

#include <algorithm>

#include "proto/rtcp/remb.h"
#include "proto/rtcp/twcc.h"
#include "scenario/linked_call.h"

namespace jb::scenario {
namespace {

const std::vector<LinkRow>& Rows() {
  static const std::vector<LinkRow> rows = ReadLinkTable();
  return rows;
}

// --- the table ---

class LinkedRows : public ::testing::TestWithParam<std::size_t> {};

TEST_P(LinkedRows, ACallDoesAsTheTableSaysWhateverTheSeed) {
  const LinkRow& row = Rows()[GetParam()];
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    LinkedCall linked(row, seed);
    linked.Run();
    ExpectAsTheRowSays(row, linked.Finish());
    const LayeredViewer& viewer = linked.viewer().viewer();
    EXPECT_GT(viewer.pictures, 0u);
    EXPECT_EQ(viewer.bad_switches, 0u);
    EXPECT_EQ(viewer.mixed, 0u);
    EXPECT_EQ(linked.viewer().strangers, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Bandwidth, LinkedRows, ::testing::Range<std::size_t>(0, Rows().size()),
                         [](const auto& info) { return Rows()[info.param].name; });

TEST(LinkedCallTest, TheSameSeedGivesTheSameCall) {
  LinkedCall first(FindLinkRow(Rows(), "bursts_30"), 7), second(FindLinkRow(Rows(), "bursts_30"), 7);
  first.RunFor(20s);
  second.RunFor(20s);
  const auto one = first.Finish().samples, other = second.Finish().samples;
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) ASSERT_EQ(one[i].estimate_kbps, other[i].estimate_kbps);
}

// After the fall and what it took along.
TEST(LinkedCallTest, AfterTheFallTheLinkIsSharedWithAudioUnharmed) {
  LinkedCall linked(FindLinkRow(Rows(), "cliff"), 2);
  linked.RunFor(22s);
  const LinkRecording before = linked.Finish();
  linked.RunFor(20s);
  const LinkRecording low = linked.Finish();
  const auto lost = (low.audio_sent - before.audio_sent) - (low.audio_received - before.audio_received);
  EXPECT_LT(static_cast<double>(lost), 0.01 * 20 * 50) << "of 20 s of audio";
  EXPECT_GT(linked.estimate_bps(), 300'000u);
  EXPECT_LT(linked.estimate_bps(), 700'000u);
  linked.RunFor(28s);
  EXPECT_GT(linked.estimate_bps(), 1'700'000u);
}

// What is lost between a publisher and us is no business of the receivers' links.
TEST(LinkedCallTest, LossOnTheUplinkDoesNotLeakIntoTheDownlink) {
  LinkedCall clean(FindLinkRow(Rows(), "steady_3000"), 1);
  LinkedCall lossy(FindLinkRow(Rows(), "uplink_loss"), 1);
  clean.RunFor(20s);
  lossy.RunFor(20s);
  EXPECT_NEAR(static_cast<double>(lossy.estimate_bps()), static_cast<double>(clean.estimate_bps()),
              0.15 * static_cast<double>(clean.estimate_bps()));
  EXPECT_GT(lossy.call.world.worker().stats().recovered, 100u) << "it did lose something";
}

// --- two at once ---

// The row's link, at that rate and without steps.
LinkRow SteadyLink(std::uint64_t rate_bps) {
  LinkRow row = FindLinkRow(Rows(), "steady_3000");
  row.down.front().profile.rate_bps = rate_bps;
  return row;
}

TEST(LinkedCallTest, TwoReceiversOfOneCameraEachGetWhatTheirLinkCarries) {
  LinkedCall linked({FindLinkRow(Rows(), "steady_300"), FindLinkRow(Rows(), "steady_3000")}, 3);
  linked.Run();
  ExpectAsTheRowSays(linked.viewer(0).row(), linked.Finish(0));
  ExpectAsTheRowSays(linked.viewer(1).row(), linked.Finish(1));
  EXPECT_EQ(linked.Finish(0).samples.back().spatial, 0);
  EXPECT_EQ(linked.Finish(1).samples.back().spatial, 2);
}

TEST(LinkedCallTest, WhoHasNoRoomForVideoHearsTheAudio) {
  LinkRow row = SteadyLink(110'000);
  LinkedCall linked(row, 4);
  linked.RunFor(60s);
  const LinkRecording recording = linked.Finish();
  EXPECT_LT(recording.audio_lost(), 0.02);
  // Video that does not fit may be tried again and again, but not for long.
  const auto nothing = std::ranges::count_if(recording.samples, [](const LinkSample& sample) { return sample.spatial < 0 || sample.temporal < 2; });
  EXPECT_GT(static_cast<double>(nothing), 0.8 * static_cast<double>(recording.samples.size()));
}

// --- probes ---

TEST(LinkedCallTest, ProbesFindTheLinkAndNeverReachTheStreams) {
  LinkedCall linked(SteadyLink(3'000'000), 5);
  linked.RunFor(20s);
  const sfu::WorkerStats stats = linked.call.world.worker().stats();
  EXPECT_GT(stats.probation_packets_out, 10u);
  EXPECT_EQ(linked.viewer().probation_packets, stats.probation_packets_out);
  EXPECT_EQ(linked.viewer().strangers, 0u);
  EXPECT_GT(linked.estimate_bps(), 1'700'000u) << "more than was ever sent before the probes";
  const LinkRecording recording = linked.Finish();
  EXPECT_EQ(recording.samples.back().spatial, 2);
  EXPECT_EQ(linked.viewer().viewer().gaps, 0u);
  EXPECT_EQ(linked.viewer().viewer().broken, 0u);
}

// --- REMB ---

void SayBitrate(LinkedViewer& viewer, std::uint64_t bps) {
  std::array<std::uint8_t, 64> buffer;
  ByteWriter out(buffer);
  const rtp::Ssrc about(viewer.video().ssrc);
  rtcp::WriteRemb(out, rtp::Ssrc(1), bps, std::span(&about, 1));
  viewer.peer().SendRtcp(out.written());
}

TEST(LinkedCallTest, AReceiverThatOnlyKnowsRembIsBelieved) {
  LinkedCall linked(SteadyLink(5'000'000), 6, BandwidthFeedback::kRemb);
  for (int i = 0; i < 40; ++i) {
    SayBitrate(linked.viewer(), 2'600'000);
    linked.RunFor(500ms);
  }
  EXPECT_EQ(linked.Finish().samples.back().spatial, 2);
  EXPECT_EQ(linked.estimate_bps(), 2'600'000u);
  for (int i = 0; i < 10; ++i) {
    SayBitrate(linked.viewer(), 150'000);
    linked.RunFor(500ms);
  }
  EXPECT_EQ(linked.Finish().samples.back().spatial, 0);
  EXPECT_EQ(linked.estimate_bps(), 150'000u);
}

// --- receivers that lie ---

// Feedback as this receiver would send it, about numbers that it makes up.
class Liar {
 public:
  explicit Liar(LinkedViewer& viewer) : viewer_(viewer) {}

  // `count` packets from `base` on, all said to have arrived at once.
  void Claim(std::uint16_t base, std::size_t count, Time at) {
    rtcp::TransportFeedbackBuilder builder(rtp::SeqNum(base), at);
    for (std::size_t i = 0; i < count; ++i) builder.Add(rtp::SeqNum(base) + static_cast<std::int64_t>(i), at);
    std::array<std::uint8_t, rtcp::TransportFeedbackBuilder::kMaxSize> buffer;
    ByteWriter out(buffer);
    builder.Write(out, rtp::Ssrc(1), rtp::Ssrc(viewer_.video().ssrc), feedback_count_++);
    viewer_.peer().SendRtcp(out.written());
  }
  void SendGarbage(Random& random) {
    Bytes bytes(4 * random.Between(3, 200));
    random.Fill(bytes);
    bytes[0] = 0x8F;  // version 2, format 15
    bytes[1] = 205;
    StoreU16(bytes.data() + 2, static_cast<std::uint16_t>(bytes.size() / 4 - 1));
    viewer_.peer().SendRtcp(bytes);
  }

 private:
  LinkedViewer& viewer_;
  std::uint8_t feedback_count_ = 0;
};

TEST(LinkedCallTest, FeedbackOnWhatWasNeverSentCountsForNothing) {
  LinkedCall linked(FindLinkRow(Rows(), "no_feedback"), 7);
  Liar liar(linked.viewer());
  linked.RunFor(2s);
  const std::size_t before = linked.call.world.bytes_to[linked.viewer().peer().local()];
  for (int i = 0; i < 100; ++i) {
    liar.Claim(static_cast<std::uint16_t>(20'000 + 500 * i), 200, linked.call.world.now());
    liar.SendGarbage(linked.call.world.random());
    linked.RunFor(100ms);
  }
  EXPECT_LE(linked.estimate_bps(), 1'000'000u);
  // The smallest pictures and the audio at most, as for a receiver that says nothing.
  const std::size_t bytes = linked.call.world.bytes_to[linked.viewer().peer().local()] - before;
  EXPECT_LT(bytes, 10u * 300'000 / 8);
}

TEST(LinkedCallTest, WhoClaimsThatEverythingArrivedIsSentNoMoreThanThereIs) {
  LinkedCall linked(FindLinkRow(Rows(), "no_feedback"), 8);
  Liar liar(linked.viewer());
  const Tuple& local = linked.viewer().peer().local();
  for (int i = 0; i < 200; ++i) {
    // All numbers there are, again and again.
    for (std::uint32_t base = 0; base < 65'536; base += 1000) liar.Claim(static_cast<std::uint16_t>(base), 1000, linked.call.world.now());
    linked.RunFor(50ms);
  }
  const double seconds = 10;
  const double whole_bps = 1'550'000 + 45'000;
  EXPECT_LT(static_cast<double>(linked.call.world.bytes_to[local]) * 8, 2 * whole_bps * seconds);
  // And it is still a call.
  linked.RunFor(2s);
  EXPECT_GT(linked.viewer().viewer().pictures, 0u);
}

}  // namespace
}  // namespace jb::scenario
