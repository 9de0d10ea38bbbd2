// SPDX-License-Identifier: Apache-2.0
#include "client/media_trace.h"

#include <gtest/gtest.h>

namespace jb::client {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kSmall =
    "jbcalling-trace 1\n"
    "# a comment\n"
    "duration 100\n"
    "a 1 70 50\n"
    "a 2 60 127\n"
    "k 0 0 k0y 900 900+2\n"
    "v 0 5 d0 500 400+3\n"
    "v 0 38 d2yn 100\n";

TEST(MediaTrace, ReadsWhatItsFormatSays) {
  const auto trace = ParseTrace(kSmall);
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace->duration, milliseconds(100));
  ASSERT_EQ(trace->audio.size(), 2u);
  EXPECT_EQ(trace->audio[0].at, milliseconds(0));
  EXPECT_EQ(trace->audio[1].at, milliseconds(40));  // two frames later: one was not sent
  EXPECT_EQ(trace->audio[1].size, 60);
  ASSERT_EQ(trace->encodings.size(), 1u);
  const auto& encoding = trace->encodings[0];
  EXPECT_TRUE(encoding.key_frame.key);
  EXPECT_EQ(encoding.key_frame.bytes(), 1800u);
  ASSERT_EQ(encoding.frames.size(), 2u);
  EXPECT_EQ(encoding.frames[0].packets[1].delay, milliseconds(3));
  EXPECT_EQ(encoding.frames[1].temporal_layer, 2);
  EXPECT_TRUE(encoding.frames[1].layer_sync && encoding.frames[1].non_reference);
}

TEST(MediaTrace, NamesTheLineThatIsWrong) {
  for (const std::string_view line : {"v 0 50", "v 3 50 d0 10", "v 0 4 d0 10", "v 0 50 x0 10", "v 0 50 d0 10+", "v 0 50 d0 0",
                                      "v 0 50 d0 1201", "v 0 50 d4 10", "v 0 50 d0q 10", "a 1 0 50", "a 1 60 128",
                                      "k 0 0 d0 10", "duration 0", "duration -1", "w"}) {
    const auto trace = ParseTrace(std::string(kSmall) + std::string(line) + "\n");
    ASSERT_FALSE(trace.ok()) << line;
    EXPECT_EQ(trace.error().code, "bad_trace");
    EXPECT_NE(trace.error().message.find("line 9 "), std::string::npos) << line;
  }
}

TEST(MediaTrace, EveryTruncationIsRefusedOrWhole) {
  for (std::size_t n = 0; n < kSmall.size(); ++n) {
    const auto trace = ParseTrace(kSmall.substr(0, n));
    if (!trace.ok()) continue;
    EXPECT_FALSE(trace->audio.empty());
    EXPECT_FALSE(trace->encodings.at(0).frames.empty()) << n;
  }
  EXPECT_FALSE(ParseTrace("").ok());
  EXPECT_FALSE(ParseTrace("jbcalling-trace 2\n").ok());
}

TEST(MediaTrace, TheRecordingHasThreeEncodingsAtTheirRates) {
  const MediaTrace& trace = ChromiumTrace();
  ASSERT_EQ(trace.encodings.size(), 3u);
  const double rates[] = {150e3, 500e3, 1500e3};  // what the browser was told
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(trace.VideoBitrate({&trace.encodings[i], 1}), rates[i], rates[i] / 10);
    EXPECT_NEAR(static_cast<double>(trace.encodings[i].frames.size()) / ToSeconds(trace.duration), 30, 1);
  }
  EXPECT_NEAR(static_cast<double>(trace.audio.size()) / ToSeconds(trace.duration), 50, 1);
}

TEST(MediaTrace, IsReshapedToABitrate) {
  MediaTrace trace = ChromiumTrace();
  ReshapeVideo(trace, {.bitrate = 600'000});
  ReshapeAudio(trace, {.bitrate = 64'000});
  EXPECT_NEAR(trace.VideoBitrate(trace.encodings), 600'000, 6'000);
  EXPECT_NEAR(trace.AudioBitrate(), 64'000, 1'000);
}

TEST(MediaTrace, IsReshapedToOneSizeOfPackets) {
  MediaTrace trace = ChromiumTrace();
  ReshapeVideo(trace, {.payload = 1200});
  ReshapeAudio(trace, {.payload = 160});
  for (const auto& frame : trace.encodings[2].frames) {
    for (const auto& packet : frame.packets) ASSERT_EQ(packet.size, 1194);  // and 6 bytes of descriptor
  }
  for (const auto& packet : trace.audio) ASSERT_EQ(packet.size, 160);
  EXPECT_NEAR(trace.VideoBitrate({&trace.encodings[2], 1}), 1.5e6, 0.15e6);
}

}  // namespace
}  // namespace jb::client
