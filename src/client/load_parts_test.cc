// SPDX-License-Identifier: Apache-2.0
// The small parts of the load generator: payloads, the wheel, the histogram, the check of order, the guard.
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "client/delay_histogram.h"
#include "client/load_payload.h"
#include "client/load_tally.h"
#include "client/load_target.h"
#include "client/seeded_choices.h"
#include "client/timer_wheel.h"
#include "media/audio/opus_decoder.h"
#include "media/payload/vp8.h"

namespace jb::client {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

const LoadStamp kStamp{.run = 0xCAFE, .stream = 7, .number = 12345, .sent_at = WallTime(seconds(1'700'000'000))};

TEST(LoadPayload, Vp8HasTheDescriptorThatAnSfuReads) {
  std::array<std::uint8_t, 1400> buffer;
  const Vp8Packet packet{.picture_id = 0x1234, .tl0_picture_index = 9, .temporal_layer = 2, .layer_sync = true,
                         .non_reference = true, .first_of_frame = true, .key_frame = false};
  ASSERT_EQ(WriteVp8Payload(buffer, 1200, packet, kStamp), 1200u);
  const auto descriptor = media::vp8::Parse(ByteView(buffer).first(1200));
  ASSERT_TRUE(descriptor.has_value());
  EXPECT_EQ(descriptor->size, kVp8DescriptorSize);
  EXPECT_EQ(descriptor->picture_id, 0x1234);
  EXPECT_TRUE(descriptor->long_picture_id);
  EXPECT_EQ(descriptor->tl0_picture_index, 9);
  EXPECT_EQ(descriptor->temporal_layer, 2);
  EXPECT_TRUE(descriptor->layer_sync && descriptor->non_reference && descriptor->start_of_frame());
  EXPECT_FALSE(descriptor->key_frame);
  Vp8Packet key = packet;
  key.key_frame = true;
  WriteVp8Payload(buffer, 1200, key, kStamp);
  EXPECT_TRUE(media::vp8::IsKeyFrame(ByteView(buffer).first(1200)));
  key.first_of_frame = false;
  WriteVp8Payload(buffer, 1200, key, kStamp);
  EXPECT_FALSE(media::vp8::IsKeyFrame(ByteView(buffer).first(1200)));
}

TEST(LoadPayload, OpusDecodesToSilenceAtEverySize) {
  media::OpusDecoder decoder(48000);
  std::vector<std::int16_t> pcm(decoder.max_samples());
  std::array<std::uint8_t, 1400> buffer;
  for (std::size_t size = kMinLoadPayload; size <= 1200; ++size) {
    ASSERT_EQ(WriteOpusPayload(buffer, size, kStamp), size);
    const auto samples = decoder.Decode(ByteView(buffer).first(size), pcm);
    ASSERT_TRUE(samples.ok()) << size;
    ASSERT_EQ(*samples, 960u);
    for (std::size_t i = 0; i < *samples; ++i) ASSERT_LT(std::abs(pcm[i]), 4) << size;
  }
}

TEST(LoadPayload, StampComesBackAndFillerIsChecked) {
  std::array<std::uint8_t, 1400> buffer;
  const std::size_t size = WriteVp8Payload(buffer, 700, {.first_of_frame = true, .key_frame = true}, kStamp);
  const ByteSpan payload = ByteSpan(buffer).first(size);
  const auto stamp = ReadStamp(payload, 0xCAFE);
  ASSERT_TRUE(stamp.has_value());
  EXPECT_EQ(stamp->stream, 7u);
  EXPECT_EQ(stamp->number, 12345u);
  EXPECT_EQ(stamp->sent_at, kStamp.sent_at);
  EXPECT_TRUE(IsIntact(payload, kVp8FillerAt, *stamp));
  for (const std::size_t at : {kVp8FillerAt, size / 2, size - kLoadStampSize - 1}) {
    payload[at] ^= 1;
    EXPECT_FALSE(IsIntact(payload, kVp8FillerAt, *stamp)) << at;
    payload[at] ^= 1;
  }
  EXPECT_FALSE(ReadStamp(payload, 0xCAFF).has_value());
  EXPECT_FALSE(ReadStamp(payload.first(kMinLoadPayload - 1), 0xCAFE).has_value());
}

TEST(LoadPayload, SmallerThanAStampIsMadeLarger) {
  std::array<std::uint8_t, 1400> buffer;
  EXPECT_EQ(WriteOpusPayload(buffer, 3, kStamp), kMinLoadPayload);
  EXPECT_EQ(WriteVp8Payload(buffer, 1, {.first_of_frame = true, .key_frame = true}, kStamp), kMinLoadPayload);
  EXPECT_TRUE(ReadStamp(ByteView(buffer).first(kMinLoadPayload), 0xCAFE).has_value());
}

TEST(TimerWheel, FiresEachAtItsTimeAndNeverBefore) {
  const Time start(seconds(5));
  TimerWheel wheel(start);
  SeededChoices random(1);
  std::map<TimerWheel::Id, Time> due;
  for (TimerWheel::Id id = 0; id < 500; ++id) {
    due[id] = start + microseconds(random.Between(1, 900'000));
    wheel.Schedule(id, due[id]);
  }
  for (Time now = start; !due.empty(); now += microseconds(137)) {
    ASSERT_LT(now, start + seconds(1));
    wheel.Advance(now, [&](TimerWheel::Id id) {
      EXPECT_GE(now, due.at(id));
      EXPECT_LE(now, due.at(id) + TimerWheel::kTick + microseconds(137));
      due.erase(id);
    });
  }
  EXPECT_FALSE(wheel.NextDeadline().has_value());
}

TEST(TimerWheel, KeepsTheLastOfSeveralSchedulesAndForgetsTheCancelled) {
  TimerWheel wheel(Time{});
  wheel.Schedule(3, Time(milliseconds(10)));
  wheel.Schedule(3, Time(milliseconds(20)));
  wheel.Schedule(4, Time(milliseconds(5)));
  wheel.Schedule(5, Time(milliseconds(5)));
  wheel.Cancel(4);
  wheel.Schedule(6, kNever);
  std::vector<TimerWheel::Id> fired;
  wheel.Advance(Time(milliseconds(15)), [&](TimerWheel::Id id) { fired.push_back(id); });
  EXPECT_EQ(fired, std::vector<TimerWheel::Id>{5});
  EXPECT_EQ(wheel.NextDeadline(), Time(milliseconds(20)));
  wheel.Advance(Time(milliseconds(25)), [&](TimerWheel::Id id) { fired.push_back(id); });
  EXPECT_EQ(fired, (std::vector<TimerWheel::Id>{5, 3}));
}

TEST(TimerWheel, ReschedulesFromWithinAndReachesPastItsEnd) {
  TimerWheel wheel(Time{});
  wheel.Schedule(0, Time(seconds(60)));  // fires early, once a turn of the wheel
  int fired = 0;
  for (Time now{}; now < Time(seconds(61)); now += milliseconds(1)) {
    wheel.Advance(now, [&](TimerWheel::Id) {
      ++fired;
      if (now < Time(seconds(60))) wheel.Schedule(0, Time(seconds(60)));
    });
  }
  EXPECT_GE(fired, 59);
  EXPECT_LE(fired, 62);
  EXPECT_FALSE(wheel.NextDeadline().has_value());
}

TEST(DelayHistogram, QuantilesAreAtMostTwoPercentTooLarge) {
  DelayHistogram histogram;
  for (int us = 1; us <= 100'000; ++us) histogram.Add(microseconds(us));
  for (const double q : {0.01, 0.5, 0.99, 0.999}) {
    const auto quantile = static_cast<double>(histogram.Quantile(q).count());
    EXPECT_GE(quantile, q * 100'000 - 1);
    EXPECT_LE(quantile, q * 100'000 * 1.02);
  }
  EXPECT_EQ(histogram.Quantile(1.0), microseconds(100'000));
}

TEST(DelayHistogram, SmallDelaysAreExactAndNothingOverflows) {
  DelayHistogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), microseconds(0));
  histogram.Add(microseconds(17));
  EXPECT_EQ(histogram.Quantile(0.5), microseconds(17));
  histogram.Add(microseconds(-5));
  histogram.Add(std::chrono::hours(100));
  EXPECT_EQ(histogram.Quantile(0.01), microseconds(0));
  EXPECT_EQ(histogram.max(), std::chrono::hours(1));
}

TEST(OrderCheck, SeesAStampThatGoesBack) {
  OrderCheck check;
  LoadStamp stamp = kStamp;
  const auto at = [&](std::uint16_t seq, std::uint32_t stream, std::uint32_t number) {
    stamp.stream = stream;
    stamp.number = number;
    return check.HandlePacket(rtp::SeqNum(seq), stamp);
  };
  EXPECT_TRUE(at(65534, 1, 10));
  EXPECT_TRUE(at(65535, 1, 12));  // 11 was left out on purpose
  EXPECT_TRUE(at(65533, 1, 9));   // late, as its number says
  EXPECT_FALSE(at(0, 1, 11));     // newer by its number, older by its stamp
  EXPECT_TRUE(at(1, 2, 3));       // another encoding
  EXPECT_FALSE(at(2, 2, 3));
}

TEST(LoadTarget, IsThisMachineOnly) {
  EXPECT_TRUE(CheckLoadTarget("http://127.0.0.1:3000").ok());
  EXPECT_TRUE(CheckLoadTarget("http://localhost:3000/").ok());
  EXPECT_TRUE(CheckLoadTarget("https://[::1]:3000").ok());
  for (const char* url : {"http://192.0.2.1:3000", "http://example.org", "https://[2001:db8::1]:3000"}) {
    const auto status = CheckLoadTarget(url);
    ASSERT_FALSE(status.ok()) << url;
    EXPECT_EQ(status.error().code, "not_local");
  }
  EXPECT_EQ(CheckLoadTarget("127.0.0.1").error().code, "bad_url");
}

}  // namespace
}  // namespace jb::client
