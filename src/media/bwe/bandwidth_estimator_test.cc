// SPDX-License-Identifier: Apache-2.0
// The parts together, on the simplest of paths. Whole calls over changing links: tests/scenario/bandwidth_test.cc.
#include "media/bwe/bandwidth_estimator.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>

#include "media/bwe/link_budget.h"
#include "media/rtp/twcc_receiver.h"

namespace jb::media {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A path of one rate and 20 ms each way, without loss; time goes on in steps of 1 ms.
class Path {
 public:
  explicit Path(std::uint64_t rate) : rate_bps(rate) {}

  // Sends `bps` of media in packets of 1000 bytes, and what the estimator asks for.
  void Run(Duration span, std::uint64_t bps) {
    for (const Time end = now + span; now < end; now += milliseconds(1)) {
      owed_ += static_cast<double>(bps) / 8000;
      for (; owed_ >= 1000; owed_ -= 1000) Send(1000);
      if (estimator.NextDeadline().value_or(kNever) <= now) estimator.HandleTimeout(now);
      while (const std::size_t size = estimator.PollPadding(now)) {
        padding += size;
        Send(size);
      }
      Deliver();
    }
  }

  std::uint64_t rate_bps;
  bool answers = true;
  Duration late{0};  // so much later the receiver's program reads
  std::size_t padding = 0;
  Time now{seconds(1000)};
  BandwidthEstimator estimator{FeedbackKind::kTransportWide, 65'000};

 private:
  struct Flight {
    Time at{};
    std::uint16_t number = 0;
  };
  void Send(std::size_t size) {
    free_at_ = std::max(free_at_, now) + Duration(static_cast<std::int64_t>(size * 8'000'000 / rate_bps));
    flights_.push_back({free_at_ + milliseconds(20) + late, estimator.HandleSent(size, now)});
  }
  void Deliver() {
    for (; !flights_.empty() && flights_.front().at <= now; flights_.pop_front()) {
      receiver_.HandlePacket(flights_.front().number, now);
    }
    std::array<std::uint8_t, rtcp::TransportFeedbackBuilder::kMaxSize> buffer;
    while (const std::size_t size = receiver_.PollFeedback(buffer, rtp::Ssrc(1), rtp::Ssrc(2), now)) {
      if (!answers) continue;
      rtcp::Compound::Parse(ByteView(buffer).first(size)).value().ForEach([&](const rtcp::RawPacket& packet) {
        estimator.HandleFeedback(rtcp::TransportFeedback::Parse(packet).value(), now + milliseconds(20));
      });
    }
  }

  double owed_ = 0;  // bytes of media
  Time free_at_{};
  std::deque<Flight> flights_;
  TwccReceiver receiver_;
};

TEST(BandwidthEstimator, BeginsAtItsStartAndCarefullyUntilItHasHeard) {
  Path path(10'000'000);
  EXPECT_EQ(path.estimator.estimate_bps(), kStartBitrateBps);
  EXPECT_EQ(path.estimator.target_bps(), kStartBitrateBps / 2);
  path.Run(milliseconds(300), 300'000);
  EXPECT_EQ(path.estimator.target_bps(), path.estimator.estimate_bps());
}

TEST(BandwidthEstimator, FindsWhatIsOfUseWithinASecond) {
  Path path(10'000'000);
  path.estimator.SetUsefulBitrate(4'000'000, path.now);
  path.Run(seconds(1), 300'000);
  EXPECT_GE(path.estimator.estimate_bps(), 3'700'000u);
  EXPECT_LT(path.estimator.estimate_bps(), 6'000'000u);
}

TEST(BandwidthEstimator, SendsNoPaddingWhenNothingMoreIsOfUse) {
  Path path(10'000'000);
  path.estimator.SetUsefulBitrate(500'000, path.now);
  path.Run(seconds(30), 400'000);
  EXPECT_EQ(path.padding, 0u);
}

TEST(BandwidthEstimator, ProbingCostsLittleOnAPathThatIsFull) {
  Path path(500'000);
  path.estimator.SetUsefulBitrate(4'000'000, path.now);
  path.Run(seconds(60), 350'000);
  EXPECT_LT(path.padding * 8 / 60, 25'000u) << "bits per second, of 500 kbit/s";
  EXPECT_LT(path.estimator.estimate_bps(), 1.05 * kStartBitrateBps) << "no probe can confirm more";
}

TEST(BandwidthEstimator, NoticesWithinHalfASecondThatThePathCarriesLess) {
  Path path(3'000'000);
  path.estimator.SetUsefulBitrate(2'000'000, path.now);
  path.Run(seconds(10), 1'500'000);
  ASSERT_GE(path.estimator.estimate_bps(), 1'500'000u);
  path.rate_bps = 500'000;
  path.Run(milliseconds(500), 1'500'000);
  EXPECT_LT(path.estimator.estimate_bps(), 520'000u);
  EXPECT_TRUE(path.estimator.delay_based().draining());
  EXPECT_LT(path.estimator.target_bps(), 200'000u) << "the queue is to go";
  path.Run(seconds(4), 100'000);
  EXPECT_FALSE(path.estimator.delay_based().draining());
  EXPECT_GT(path.estimator.target_bps(), 350'000u);
}

TEST(BandwidthEstimator, AReceiverThatReadsLateHasNoSlowerLink) {
  Path path(10'000'000);
  path.estimator.SetUsefulBitrate(3'000'000, path.now);
  path.Run(seconds(5), 1'000'000);
  const std::uint64_t before = path.estimator.estimate_bps();
  ASSERT_GT(before, 2'500'000u);
  for (int i = 0; i < 1000; ++i) {
    path.late = milliseconds(std::max(0, i % 100 - 40));  // more and more, up to 59 ms
    path.Run(milliseconds(8), 1'000'000);
  }
  EXPECT_GT(path.estimator.estimate_bps(), before * 9 / 10);
}

TEST(BandwidthEstimator, SilenceMeansLessAndLess) {
  Path path(3'000'000);
  path.Run(seconds(3), 500'000);
  path.answers = false;
  path.Run(milliseconds(900), 500'000);
  EXPECT_GE(path.estimator.estimate_bps(), 550'000u) << "feedback may be late";
  path.Run(seconds(10), 500'000);
  EXPECT_EQ(path.estimator.estimate_bps(), kMinBitrateBps);
}

TEST(BandwidthEstimator, OurOwnSilenceMeansNothing) {
  Path path(3'000'000);
  path.Run(seconds(3), 500'000);
  const std::uint64_t before = path.estimator.estimate_bps();
  path.Run(seconds(20), 0);
  EXPECT_EQ(path.estimator.estimate_bps(), before);
}

TEST(BandwidthEstimator, WhatWasMeasuredLongAgoIsAGuessAgain) {
  Path path(10'000'000);
  path.estimator.SetUsefulBitrate(4'000'000, path.now);
  path.Run(seconds(2), 300'000);
  ASSERT_GT(path.estimator.estimate_bps(), 3'000'000u);
  path.estimator.SetUsefulBitrate(100'000, path.now);
  path.Run(seconds(40), 100'000);
  EXPECT_LE(path.estimator.estimate_bps(), kStartBitrateBps);
}

TEST(BandwidthEstimator, RembIsTheEstimateOnlyWhereItWasNegotiated) {
  BandwidthEstimator with(FeedbackKind::kRemb, 0);
  const Time now{seconds(1)};
  with.HandleRemb(1'234'000, now);
  EXPECT_EQ(with.target_bps(), 1'234'000u);
  with.HandleRemb(0, now);
  EXPECT_EQ(with.target_bps(), kMinBitrateBps);
  BandwidthEstimator without(FeedbackKind::kTransportWide, 0);
  without.HandleRemb(10'000'000, now);
  EXPECT_EQ(without.estimate_bps(), kStartBitrateBps);
}

TEST(LinkBudget, ResendsHaveHalfOfWhatMayBeSentAndLittleAtOnce) {
  Path path(1'000'000);
  LinkBudget budget;
  EXPECT_GT(budget.RoomToResend(path.estimator, path.now), std::size_t{1} << 40) << "nothing is known of the link yet";
  path.Run(seconds(5), 400'000);
  const double bytes_per_second = static_cast<double>(path.estimator.target_bps()) / 8 * LinkBudget::kMaxResentRate;
  budget.RoomToResend(path.estimator, path.now);
  const std::size_t room = budget.RoomToResend(path.estimator, path.now + seconds(10));
  EXPECT_NEAR(static_cast<double>(room), 0.3 * bytes_per_second, 2);
  budget.HandleResent(room, path.now + seconds(10));
  EXPECT_EQ(budget.RoomToResend(path.estimator, path.now + seconds(10)), 0u);
  EXPECT_NEAR(static_cast<double>(budget.RoomToResend(path.estimator, path.now + seconds(10) + milliseconds(100))),
              0.1 * bytes_per_second, 2);
}

TEST(LinkBudget, OnAnyLinkTwoPacketsMayBeSentAgain) {
  const Time now{seconds(1000)};
  BandwidthEstimator estimator(FeedbackKind::kRemb, 0);
  estimator.HandleRemb(50'000, now);
  LinkBudget budget;
  std::size_t room = 0;
  for (int i = 0; i < 10; ++i) room = budget.RoomToResend(estimator, now + seconds(i));
  EXPECT_EQ(room, LinkBudget::kLeastRoom);
}

TEST(LinkBudget, AudioAndResendingComeFirst) {
  BandwidthEstimator estimator(FeedbackKind::kRemb, 0);
  LinkBudget budget;
  Time now{seconds(1)};
  estimator.HandleRemb(1'000'000, now);
  for (int i = 0; i < 100; ++i, now += milliseconds(10)) {
    budget.HandleAudioSent(125, now);    // 100 kbit/s
    budget.HandleVideoSent(1000, now);   // 800 kbit/s
    if (i % 10 != 0) continue;
    budget.HandleVideoSent(1000, now);  // a tenth of it again
    budget.HandleResent(1000, now);
  }
  EXPECT_NEAR(static_cast<double>(budget.CurrentForVideo(estimator, now)), 900'000 / 1.1, 20'000);
  EXPECT_NEAR(static_cast<double>(budget.Whole(1'000'000, now)), 1'200'000, 20'000);
  estimator.HandleRemb(50'000, now);
  EXPECT_EQ(budget.CurrentForVideo(estimator, now), 0u) << "audio takes all there is";
}

}  // namespace
}  // namespace jb::media
