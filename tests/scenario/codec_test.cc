// SPDX-License-Identifier: Apache-2.0
// What depends on how a codec marks its key frames, with each video codec of the router.
#include <gtest/gtest.h>

#include <algorithm>

#include "scenario/call.h"

namespace jb::scenario {
namespace {

class CodecTest : public ::testing::TestWithParam<CodecShape> {
 protected:
  MediaSender& Camera() {
    SenderOptions options;
    options.codec = GetParam();
    return call_.Camera(options);
  }
  static bool BeginsKeyFrame(const Bytes& payload) {
    const Bytes& start = GetParam().key_start;
    return std::equal(start.begin(), start.end(), payload.begin());
  }
  std::string NegotiatedCodec() {
    const json::value& parameters = *GetMember(call_.last_consumed, "rtpParameters");
    return std::string(*GetString(GetArray(parameters, "codecs")->front(), "mimeType"));
  }
  Call call_;
};

TEST_P(CodecTest, VideoStartsAtAKeyFrameThatWasAskedFor) {
  MediaSender& camera = Camera();
  MediaReceiver& eye = call_.Watch("camera");
  EXPECT_EQ(NegotiatedCodec(), "video/" + GetParam().name);
  call_.Connect();
  call_.SendVideo(camera, 30, /*answer_pli=*/true);
  EXPECT_EQ(camera.plis, 1u);  // none wasted before both ends were up
  ASSERT_GT(eye.packets, 60u);
  EXPECT_TRUE(eye.IsContiguous());
  EXPECT_EQ(eye.wrong_mid, 0u);
  EXPECT_TRUE(BeginsKeyFrame(eye.payloads.begin()->second));
  EXPECT_TRUE(call_.bob.received.back().view().FindExtension(5));
  EXPECT_EQ(call_.bob.received.back().view().payload_type().value(), eye.payload_type);
}

TEST_P(CodecTest, WithoutAKeyFrameNothingIsShown) {
  MediaSender& camera = Camera();
  MediaReceiver& eye = call_.Watch("camera");
  call_.Connect();
  call_.SendVideo(camera, 30, /*answer_pli=*/false);
  EXPECT_EQ(eye.packets, 0u);
}

TEST_P(CodecTest, APictureLossOfTheReceiverReachesTheSender) {
  MediaSender& camera = Camera();
  MediaReceiver& eye = call_.Watch("camera");
  call_.Connect();
  call_.SendVideo(camera, 60, true);
  const std::size_t before = camera.plis;
  eye.SendPli();
  call_.SendVideo(camera, 60, true);
  EXPECT_EQ(camera.plis, before + 1);
  EXPECT_TRUE(eye.IsContiguous());
}

TEST_P(CodecTest, LossOnTheWayInIsRepairedByNackAndRtx) {
  MediaSender& camera = Camera();
  MediaReceiver& eye = call_.Watch("camera");
  call_.Connect();
  call_.SendVideo(camera, 5, true);
  testing::SeededRandom dice(7);
  call_.world.lose_up = [&](const Tuple&, ByteView d) { return d.size() > 500 && dice.Between(0, 9) == 0; };
  call_.SendVideo(camera, 300, true);
  call_.world.lose_up = [](const Tuple&, ByteView) { return false; };
  call_.SendVideo(camera, 5, true);
  call_.world.Run(2s);
  EXPECT_GT(camera.rtx_sent, 50u);
  EXPECT_TRUE(eye.IsContiguous());
  EXPECT_GT(call_.world.worker().stats().recovered, 50u);
}

TEST_P(CodecTest, TheFirstPacketOfAKeyFrameMayComeLast) {
  MediaSender& camera = Camera();
  MediaReceiver& eye = call_.Watch("camera");
  call_.Connect();
  call_.SendVideo(camera, 3, /*answer_pli=*/false);
  ASSERT_EQ(eye.packets, 0u);
  call_.world.lose_up = [lost = false](const Tuple&, ByteView datagram) mutable {
    return datagram.size() > 500 && !std::exchange(lost, true);
  };
  camera.SendFrame(/*key_frame=*/true, 5);
  call_.Settle(200ms);
  call_.SendVideo(camera, 3, false);
  call_.Settle(500ms);
  EXPECT_EQ(eye.payloads.size(), 5u + 9u) << "what overtook the first packet follows it";
  EXPECT_TRUE(eye.IsContiguous());
  EXPECT_EQ(call_.world.worker().stats().recovered, 1u);
  EXPECT_EQ(eye.duplicates, 0u);
}

INSTANTIATE_TEST_SUITE_P(All, CodecTest, ::testing::Values(Vp8Shape(), Vp9Shape(), H264Shape(), Av1Shape()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace jb::scenario
