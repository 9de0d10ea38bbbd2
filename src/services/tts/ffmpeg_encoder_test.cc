// SPDX-License-Identifier: Apache-2.0
#include "services/tts/ffmpeg_encoder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace jb::services {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 120s;

class FfmpegEncoderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v ffmpeg > /dev/null") != 0) GTEST_SKIP() << "ffmpeg is not installed";
  }
  std::unique_ptr<FfmpegEncoder> Start(const EncodeLimits& limits) {
    auto started = FfmpegEncoder::Start(loop_, "mp3", 24000,
                                        {.on_bytes = [this](ByteView bytes) { bytes_ += bytes.size(); },
                                         .on_end = [this](const Status<>& status) { end_ = status.ok(); }},
                                        limits);
    EXPECT_TRUE(started.ok());
    return started.ok() ? *std::move(started) : nullptr;
  }
  bool Ends() {
    return loop_.RunUntil([&] { return end_.has_value(); }, kPatience);
  }
  static pid_t Child() {
    std::ifstream children("/proc/self/task/" + std::to_string(getpid()) + "/children");
    pid_t pid = 0;
    children >> pid;
    return pid;
  }

  io::Loop loop_;
  std::size_t bytes_ = 0;
  std::optional<bool> end_;
};

TEST_F(FfmpegEncoderTest, SoundBecomesMp3) {
  const auto encoder = Start({});
  ASSERT_TRUE(encoder);
  encoder->Write(Bytes(48000));
  encoder->Finish();
  ASSERT_TRUE(Ends());
  EXPECT_TRUE(*end_);
  EXPECT_GT(bytes_, 1000u);
}

TEST_F(FfmpegEncoderTest, AnEncoderThatHangsIsEndedAndIsAnError) {
  const auto encoder = Start({.silence = 50ms});
  ASSERT_TRUE(encoder);
  ASSERT_GT(Child(), 0);
  ::kill(Child(), SIGSTOP);
  encoder->Write(Bytes(48000));
  encoder->Finish();
  ASSERT_TRUE(Ends());
  EXPECT_FALSE(*end_);
}

TEST_F(FfmpegEncoderTest, OneThatWaitsForSoundDoesNotHang) {
  const auto encoder = Start({.silence = 50ms});
  ASSERT_TRUE(encoder);
  encoder->Write(Bytes(4800));
  EXPECT_FALSE(loop_.RunUntil([&] { return end_.has_value(); }, 1500ms));
  encoder->Finish();
  ASSERT_TRUE(Ends());
  EXPECT_TRUE(*end_);
}

TEST_F(FfmpegEncoderTest, OneThatTakesTooMuchProcessorTimeIsEnded) {
  const auto encoder = Start({.cpu_seconds = 0});
  ASSERT_TRUE(encoder);
  encoder->Write(Bytes(1 << 20));
  encoder->Finish();
  ASSERT_TRUE(Ends());
  EXPECT_FALSE(*end_);
}

}  // namespace
}  // namespace jb::services
