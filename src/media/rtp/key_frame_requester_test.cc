// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/key_frame_requester.h"

#include <gtest/gtest.h>

namespace jb::media {
namespace {

using std::chrono::milliseconds;

constexpr Time kT0{std::chrono::seconds(100)};

TEST(KeyFrameRequester, RequestsAreMergedWhileOneIsUnderWay) {
  KeyFrameRequester requester;
  EXPECT_TRUE(requester.Request(kT0));
  for (int i = 1; i < 100; ++i) EXPECT_FALSE(requester.Request(kT0 + i * milliseconds(5)));
  EXPECT_EQ(requester.sent(), 1u);
}

TEST(KeyFrameRequester, RetriesOnceThenGivesUp) {
  KeyFrameRequester requester;
  requester.Request(kT0);
  EXPECT_EQ(requester.NextDeadline(), kT0 + milliseconds(1000));
  EXPECT_FALSE(requester.HandleTimeout(kT0 + milliseconds(999)));
  EXPECT_TRUE(requester.HandleTimeout(kT0 + milliseconds(1000)));
  EXPECT_FALSE(requester.HandleTimeout(kT0 + milliseconds(2000)));
  EXPECT_EQ(requester.NextDeadline(), std::nullopt);
  EXPECT_TRUE(requester.Request(kT0 + milliseconds(2001)));
  EXPECT_EQ(requester.sent(), 3u);
}

TEST(KeyFrameRequester, AKeyFrameEndsTheWaiting) {
  KeyFrameRequester requester;
  requester.Request(kT0);
  requester.HandleKeyFrame();
  EXPECT_EQ(requester.NextDeadline(), std::nullopt);
  EXPECT_FALSE(requester.HandleTimeout(kT0 + milliseconds(1000)));
}

TEST(KeyFrameRequester, OneRequestPerSecondReachesTheSender) {
  KeyFrameRequester requester;
  requester.Request(kT0);
  requester.HandleKeyFrame();
  EXPECT_FALSE(requester.Request(kT0 + milliseconds(300)));
  EXPECT_EQ(requester.NextDeadline(), kT0 + milliseconds(1000));
  EXPECT_TRUE(requester.HandleTimeout(kT0 + milliseconds(1000)));
  requester.HandleKeyFrame();
  EXPECT_FALSE(requester.Request(kT0 + milliseconds(1500)));
  requester.HandleKeyFrame();
  EXPECT_FALSE(requester.HandleTimeout(kT0 + milliseconds(2000))) << "a key frame came by itself meanwhile";
}

TEST(KeyFrameRequester, AFloodOfRequestsWithAnEagerSenderStaysAtOnePerSecond) {
  KeyFrameRequester requester;
  for (int ms = 0; ms < 10'000; ++ms) {
    const Time now = kT0 + milliseconds(ms);
    bool sent = requester.Request(now);
    sent = requester.HandleTimeout(now) || sent;
    if (sent) requester.HandleKeyFrame();
  }
  EXPECT_EQ(requester.sent(), 10u);
}

}  // namespace
}  // namespace jb::media
