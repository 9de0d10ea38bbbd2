// SPDX-License-Identifier: Apache-2.0
#include "services/stt/upload_decoder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "media/audio/wav.h"

namespace jb::services {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 120s;
constexpr const char* kTypes[] = {"mp3", "m4a", "webm", "ogg", "flac"};

std::string Read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A second of a tone in each type, made by ffmpeg itself.
class UploadDecoderTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::filesystem::temp_directory_path() / ("upload_decoder_test-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    for (const char* type : kTypes) {
      const std::string command = "ffmpeg -nostdin -loglevel quiet -y -f lavfi -i sine=d=1:r=48000 " +
                                  (folder_ / ("tone." + std::string(type))).string();
      if (std::system(command.c_str()) != 0) std::filesystem::remove(folder_ / ("tone." + std::string(type)));
    }
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(folder_); }
  void SetUp() override {
    if (!std::filesystem::exists(folder_ / "tone.mp3")) GTEST_SKIP() << "ffmpeg is not installed";
  }
  // Nothing of ours may be left over.
  void TearDown() override {
    loop_.RunUntil([] { return !HasChildren(); }, kPatience);
    EXPECT_FALSE(HasChildren());
    for (const auto& entry : std::filesystem::directory_iterator("/tmp")) {
      const std::string mine = "jbcalling-upload-" + std::to_string(getpid()) + "-";
      EXPECT_FALSE(entry.path().filename().string().starts_with(mine)) << entry.path();
    }
  }
  static bool HasChildren() { return !Read("/proc/self/task/" + std::to_string(getpid()) + "/children").empty(); }
  static std::string Tone(const std::string& type) { return Read(folder_ / ("tone." + type)); }
  // "ok", or the error's code.
  std::string Decode(std::string bytes, const DecodeLimits& limits = {}) {
    std::optional<std::string> outcome;
    seconds_ = 0;
    const auto decoder = UploadDecoder::Start(
        loop_, std::move(bytes),
        [&](Result<std::vector<std::int16_t>> pcm) {
          if (pcm.ok()) seconds_ = static_cast<double>(pcm->size()) / 16000;
          outcome = pcm.ok() ? "ok" : pcm.error().code;
        },
        limits);
    EXPECT_TRUE(loop_.RunUntil([&] { return outcome.has_value(); }, kPatience));
    return outcome.value_or("nothing");
  }

  static inline std::filesystem::path folder_;
  io::Loop loop_;
  double seconds_ = 0;
};

TEST_F(UploadDecoderTest, EveryTypeThatIsPromisedIsDecoded) {
  for (const char* type : kTypes) {
    EXPECT_EQ(Decode(Tone(type)), "ok") << type;
    EXPECT_NEAR(seconds_, 1, 0.15) << type;
  }
}

TEST_F(UploadDecoderTest, AWavOfAKindWeDoNotReadIsGivenToTheDecoder) {
  for (const char* codec : {"pcm_s24le", "pcm_u8", "pcm_alaw"}) {
    const auto path = folder_ / "odd.wav";
    const std::string command = "ffmpeg -nostdin -loglevel quiet -y -f lavfi -i sine=d=1:r=48000 -c:a " +
                                std::string(codec) + " " + path.string();
    ASSERT_EQ(std::system(command.c_str()), 0);
    EXPECT_EQ(Decode(Read(path)), "ok") << codec;
    EXPECT_NEAR(seconds_, 1, 0.01) << codec;
  }
}

TEST_F(UploadDecoderTest, HeadersWithoutSoundAndNoiseBehindThemAreBroken) {
  for (const char* type : kTypes) {
    const std::string tone = Tone(type);
    EXPECT_EQ(Decode(tone.substr(0, 40)), "broken_media") << type;
    std::string noise = tone.substr(0, 40);
    for (std::size_t i = 0; i < 20'000; ++i) noise += static_cast<char>(i * i * 31 >> 3);
    EXPECT_EQ(Decode(noise), "broken_media") << type;
  }
}

TEST_F(UploadDecoderTest, AWavCutShortIsBrokenAndAnUnknownTypeIsSaid) {
  const auto wav = std::string(AsText(media::WriteWav(std::vector<std::int16_t>(16000), 16000, 1)));
  EXPECT_EQ(Decode(wav), "ok");
  EXPECT_EQ(Decode(wav.substr(0, wav.size() / 2)), "broken_media");
  EXPECT_EQ(Decode(wav.substr(0, 20)), "broken_media");
  EXPECT_EQ(Decode("hello"), "unsupported_media");
  EXPECT_EQ(Decode(""), "unsupported_media");
  // A playlist names other files: never opened.
  EXPECT_EQ(Decode("#EXTM3U\n/etc/passwd\n"), "unsupported_media");
}

TEST_F(UploadDecoderTest, ARecordingOverTenMinutesIsTooLongInEveryType) {
  const auto path = folder_ / "long.mp3";
  ASSERT_EQ(
      std::system(
          ("ffmpeg -nostdin -loglevel quiet -y -f lavfi -i anullsrc=r=8000 -t 602 -b:a 8k " + path.string()).c_str()),
      0);
  EXPECT_EQ(Decode(Read(path)), "too_long");
  EXPECT_EQ(Decode(std::string(AsText(media::WriteWav(std::vector<std::int16_t>(4000 * 601), 4000, 1)))), "too_long");
}

TEST_F(UploadDecoderTest, ADecoderThatTakesTooLongIsStoppedAndItsPartIsNotTakenForTheWhole) {
  EXPECT_EQ(Decode(Tone("mp3"), {.wall_time = Duration::zero()}), "decode_limit");
  EXPECT_EQ(Decode(Tone("webm"), {.cpu_seconds = 0}), "decode_limit");
}

TEST_F(UploadDecoderTest, ADecoderWithoutMemoryIsAnErrorOfTheFile) {
  EXPECT_NE(Decode(Tone("m4a"), {.address_space = 1 << 20}), "ok");
}

TEST_F(UploadDecoderTest, DestroyingItStopsTheWork) {
  bool called = false;
  auto decoder = UploadDecoder::Start(loop_, Tone("m4a"), [&](Result<std::vector<std::int16_t>>) { called = true; });
  decoder.reset();
  loop_.RunUntil([] { return false; }, 50ms);
  EXPECT_FALSE(called);
}

TEST_F(UploadDecoderTest, WhatAProcessThatWasKilledLeftIsRemovedByTheNext) {
  // No process has this number: it is above the kernel's largest, 2^22.
  const std::filesystem::path left = "/tmp/jbcalling-upload-99999999-aaaaaa";
  // A container that starts again gives its processes the numbers they had.
  const std::filesystem::path same = "/tmp/jbcalling-upload-" + std::to_string(getpid()) + "-aaaaaa";
  // Dead, though nobody has asked for its exit status.
  const pid_t dead = fork();
  if (dead == 0) _exit(0);
  siginfo_t info;
  waitid(P_PID, static_cast<id_t>(dead), &info, WEXITED | WNOWAIT);
  const std::filesystem::path zombie = "/tmp/jbcalling-upload-" + std::to_string(dead) + "-aaaaaa";
  const std::filesystem::path live = "/tmp/jbcalling-upload-" + std::to_string(getppid()) + "-aaaaaa";
  for (const auto& folder : {left, same, zombie, live}) {
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "upload") << "a voice";
  }
  RemoveAbandonedUploads();
  waitpid(dead, nullptr, 0);
  for (const auto& folder : {left, same, zombie}) EXPECT_FALSE(std::filesystem::exists(folder)) << folder;
  EXPECT_TRUE(std::filesystem::exists(live));
  std::filesystem::remove_all(live);
}

}  // namespace
}  // namespace jb::services
