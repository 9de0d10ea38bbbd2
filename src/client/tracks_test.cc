// SPDX-License-Identifier: Apache-2.0
// What a track sends is what a remote track hears.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "client/audio_track.h"
#include "client/remote_track.h"
#include "client/test_card.h"
#include "client/video_track.h"
#include "media/payload/vp8.h"
#include "proto/rtcp/compound.h"
#include "proto/rtcp/nack.h"
#include "proto/rtp/extensions.h"
#include "testing/seeded_random.h"

namespace jb::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kStart{seconds(7)};

std::shared_ptr<const std::vector<std::int16_t>> Tone(double seconds_long) {
  std::vector<std::int16_t> pcm(static_cast<std::size_t>(48000 * seconds_long));
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    pcm[i] = static_cast<std::int16_t>(8000 * std::sin(static_cast<double>(i) * 440 * 2 * M_PI / 48000));
  }
  return std::make_shared<const std::vector<std::int16_t>>(std::move(pcm));
}

double Rms(std::span<const std::int16_t> pcm) {
  double sum = 0;
  for (std::int16_t s : pcm) sum += static_cast<double>(s) * s;
  return pcm.empty() ? 0 : std::sqrt(sum / static_cast<double>(pcm.size()));
}

TEST(AudioTrack, SendsConsecutivePacketsWithMidAndLevel) {
  testing::SeededRandom random(1);
  AudioTrack track(Tone(0.1), false, "cname", random);
  std::optional<std::uint16_t> seq;
  std::optional<std::uint32_t> timestamp;
  for (int i = 0; i < 10; ++i) {
    Bytes buffer(kPacketBuffer);
    const auto packet = track.Next(buffer);
    const auto view = rtp::PacketView::Parse(ByteView(buffer).first(packet.size));
    ASSERT_TRUE(view.ok());
    EXPECT_EQ(view->ssrc(), track.ssrc());
    EXPECT_EQ(view->payload().size(), packet.payload_size);
    EXPECT_EQ(AsText(*view->FindExtension(4)), "0");
    const auto level = rtp::ParseAudioLevel(*view->FindExtension(1));
    EXPECT_EQ(level->voice, i < 5);
    EXPECT_EQ(level->level == 127, i >= 5) << "after the recording comes silence";
    EXPECT_EQ(view->marker(), i == 0);
    if (seq) {
      EXPECT_EQ(view->sequence_number().value(), static_cast<std::uint16_t>(*seq + 1));
      EXPECT_EQ(view->timestamp().value(), *timestamp + 960);
    }
    seq = view->sequence_number().value();
    timestamp = view->timestamp().value();
  }
  EXPECT_TRUE(track.finished());
}

TEST(AudioTrack, LoopsWhenAsked) {
  testing::SeededRandom random(1);
  AudioTrack track(Tone(0.1), true, "cname", random);
  Bytes buffer(kPacketBuffer);
  for (int i = 0; i < 20; ++i) EXPECT_LT(track.Next(buffer).level, 30);
  EXPECT_FALSE(track.finished());
}

TEST(AudioTrack, AnEmptyRecordingIsSilence) {
  testing::SeededRandom random(1);
  AudioTrack track(Tone(0), true, "cname", random);
  Bytes buffer(kPacketBuffer);
  EXPECT_EQ(track.Next(buffer).level, 127);
}

class RemoteAudio : public ::testing::Test {
 protected:
  ConsumerInfo Info() const {
    ConsumerInfo info;
    info.audio = true;
    info.ssrc = track_.ssrc();
    info.payload_type = 111;
    return info;
  }
  void Send(RemoteTrack& remote, Time now, bool lost = false) {
    Bytes buffer(kPacketBuffer);
    const auto packet = track_.Next(buffer);
    if (lost) return;
    remote.HandlePacket(*rtp::PacketView::Parse(ByteView(buffer).first(packet.size)), now);
  }

  testing::SeededRandom random_{1};
  AudioTrack track_{Tone(1.0), false, "cname", random_};
  Recorder recorder_{48000 * 10};
};

TEST_F(RemoteAudio, IsRecordedWhereItWasHeard) {
  RemoteTrack remote(Info(), kStart, &recorder_);
  for (int i = 0; i < 50; ++i) Send(remote, kStart + seconds(1) + i * kAudioFrame);
  ASSERT_EQ(recorder_.samples().size(), 2u * 48000);
  const std::span<const std::int16_t> heard(recorder_.samples());
  EXPECT_EQ(Rms(heard.first(48000)), 0);
  EXPECT_NEAR(Rms(heard.subspan(48000 + 4800, 38400)), 8000 / std::sqrt(2.0), 600);
}

TEST_F(RemoteAudio, LossIsConcealedAndCounted) {
  RemoteTrack remote(Info(), kStart, &recorder_);
  Time now = kStart;
  for (int i = 0; i < 50; ++i, now += kAudioFrame) Send(remote, now, i % 10 == 5);
  remote.HandleTimeout(now + seconds(1));
  EXPECT_EQ(remote.receiver().packets_lost(), 5);
  EXPECT_NEAR(Rms(std::span(recorder_.samples()).subspan(4800, 38400)), 8000 / std::sqrt(2.0), 1200);
}

TEST_F(RemoteAudio, TellsWhenSpeechBeganAndEnded) {
  RemoteTrack remote(Info(), kStart, nullptr);
  Time now = kStart;
  for (int i = 0; i < 150; ++i, now += kAudioFrame) {
    Send(remote, now);
    remote.HandleTimeout(now);
  }
  const auto events = remote.TakeSpeechEvents();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind, SpeechEvent::Kind::kOnset);
  EXPECT_NEAR(ToSeconds(events[0].at - kStart), 0.0, 0.05);
  EXPECT_NEAR(ToSeconds(events[1].at - kStart), 1.0, 0.05);
  EXPECT_TRUE(remote.TakeSpeechEvents().empty());
}

TEST_F(RemoteAudio, OtherPayloadTypesAndGarbageAreNotDecoded) {
  ConsumerInfo info = Info();
  info.payload_type = 100;
  RemoteTrack remote(info, kStart, &recorder_);
  Send(remote, kStart);
  EXPECT_TRUE(recorder_.samples().empty());
  EXPECT_EQ(remote.receiver().packets(), 1u);
}

TEST(ParseConsumer, ReadsWhatTheServerAnswers) {
  const json::value data = {
      {"id", "c1"},
      {"producerId", "p1"},
      {"kind", "audio"},
      {"type", "simple"},
      {"producerPaused", false},
      {"rtpParameters",
       {{"codecs",
         json::array{{{"mimeType", "audio/opus"}, {"payloadType", 100}, {"clockRate", 48000}, {"channels", 2}}}},
        {"encodings", json::array{json::object{{"ssrc", 4000000001u}}}}}}};
  const auto info = ParseConsumer(data);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->id, "c1");
  EXPECT_EQ(info->producer_id, "p1");
  EXPECT_TRUE(info->audio);
  EXPECT_EQ(info->ssrc.value(), 4000000001u);
  EXPECT_EQ(info->payload_type, 100);
  for (const char* key : {"id", "producerId", "kind", "rtpParameters"}) {
    json::object cut = data.as_object();
    cut.erase(key);
    EXPECT_FALSE(ParseConsumer(cut).ok()) << key;
  }
}

TEST(Ivf, TheTestCardIsTenFramesOfVp8) {
  const auto clip = ParseIvf(TestCardIvf());
  ASSERT_TRUE(clip.ok());
  EXPECT_EQ(clip->frames.size(), 10u);
  EXPECT_EQ(clip->frame_interval, milliseconds(200));
}

TEST(Ivf, RefusesEveryTruncationAndForeignFiles) {
  const ByteView whole = TestCardIvf();
  std::size_t accepted = 0;
  for (std::size_t n = 0; n < whole.size(); ++n) accepted += ParseIvf(whole.first(n)).ok() ? 1 : 0;
  EXPECT_EQ(accepted, 9u) << "only cuts between frames";
  Bytes other(whole.begin(), whole.end());
  other[8] = 'A';
  EXPECT_FALSE(ParseIvf(other).ok());
  Bytes no_rate(whole.begin(), whole.end());
  no_rate[16] = no_rate[17] = no_rate[18] = no_rate[19] = 0;
  EXPECT_FALSE(ParseIvf(no_rate).ok());
}

TEST(VideoTrack, CutsFramesIntoPacketsThatTheSfuUnderstands) {
  testing::SeededRandom random(1);
  IvfClip clip;
  clip.frame_interval = milliseconds(100);
  clip.frames = {Bytes(3000, 0), Bytes(10, 1)};  // a key frame of three packets, a small one
  VideoTrack track(clip, "cname", random);
  struct Packet {
    bool start, key, marker;
    std::uint32_t timestamp;
  };
  std::vector<Packet> packets;
  const auto send = [&](ByteSpan buffer, std::size_t size, std::size_t payload_size) {
    const auto view = rtp::PacketView::Parse(buffer.first(size));
    ASSERT_TRUE(view.ok());
    EXPECT_EQ(view->payload().size(), payload_size);
    EXPECT_EQ(AsText(*view->FindExtension(4)), "1");
    EXPECT_LE(size + 16, 1200u);
    packets.push_back({media::vp8::IsStartOfFrame(view->payload()), media::vp8::IsKeyFrame(view->payload()),
                       view->marker(), view->timestamp().value()});
  };
  track.Next(kStart, send);
  EXPECT_EQ(track.NextFrameAt(), kStart + milliseconds(100));
  track.Next(kStart + milliseconds(100), send);
  track.RequestKeyFrame();
  track.Next(kStart + milliseconds(200), send);
  ASSERT_EQ(packets.size(), 7u);
  EXPECT_TRUE(packets[0].key && packets[0].start && !packets[0].marker);
  EXPECT_TRUE(!packets[2].start && packets[2].marker);
  EXPECT_TRUE(!packets[3].key && packets[3].start && packets[3].marker);
  EXPECT_TRUE(packets[4].key);
  EXPECT_EQ(packets[3].timestamp - packets[0].timestamp, 9000u);
  EXPECT_EQ(packets[4].timestamp - packets[3].timestamp, 9000u);
}

TEST(VideoTrack, SendsAgainByRtxWhatIsAskedForAndNothingElse) {
  testing::SeededRandom random(1);
  IvfClip clip;
  clip.frame_interval = milliseconds(100);
  clip.frames = {Bytes(3000, 0)};
  VideoTrack track(clip, "cname", random);
  std::vector<Bytes> packets, again;
  const auto into = [](std::vector<Bytes>& out) {
    return [&out](ByteSpan buffer, std::size_t size, std::size_t) {
      out.emplace_back(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
      std::fill(buffer.begin(), buffer.end(), std::uint8_t{0xEE});  // as encryption does
    };
  };
  track.Next(kStart, into(packets));
  ASSERT_EQ(packets.size(), 3u);
  const auto lost = *rtp::PacketView::Parse(packets[1]);
  const auto ask = [&](rtp::Ssrc about, Time now) {
    const std::array<rtp::SeqNum, 2> numbers{lost.sequence_number(), rtp::SeqNum(static_cast<std::uint16_t>(
                                                                          lost.sequence_number().value() + 500))};
    Bytes bytes(64);
    ByteWriter out(bytes);
    rtcp::WriteNack(out, rtp::Ssrc(1), about, numbers);
    const auto compound = rtcp::Compound::Parse(ByteView(bytes).first(out.size()));
    compound->ForEach([&](const rtcp::RawPacket& raw) { track.HandleNack(*rtcp::Nack::Parse(raw), now, into(again)); });
  };
  ask(rtp::Ssrc(track.ssrc().value() + 1), kStart + milliseconds(40));
  EXPECT_TRUE(again.empty());
  ask(track.ssrc(), kStart + milliseconds(50));
  ASSERT_EQ(again.size(), 1u);
  const auto rtx = *rtp::PacketView::Parse(again[0]);
  EXPECT_NE(rtx.ssrc(), track.ssrc());
  EXPECT_EQ(rtx.payload_type().value(), 97);
  EXPECT_EQ(rtx.timestamp(), lost.timestamp());
  EXPECT_EQ(rtx.marker(), lost.marker());
  EXPECT_EQ(LoadU16(rtx.payload().data()), lost.sequence_number().value());
  EXPECT_TRUE(std::equal(lost.payload().begin(), lost.payload().end(), rtx.payload().begin() + 2, rtx.payload().end()));
  ask(track.ssrc(), kStart + seconds(3));  // nobody waits so long
  EXPECT_EQ(again.size(), 1u);
}

}  // namespace
}  // namespace jb::client
