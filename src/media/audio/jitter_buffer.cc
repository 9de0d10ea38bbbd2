// SPDX-License-Identifier: Apache-2.0
#include "media/audio/jitter_buffer.h"

#include <algorithm>
#include <utility>

#include "base/result.h"
#include "media/audio/opus_decoder.h"

namespace jb::media {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxPayloadBytes = 1500;
// Concealment has faded to silence by then (libopus fades over about 100 ms).
constexpr Duration kMostConcealed = 100ms;
// A timestamp further ahead than this is a new clock, not a pause.
constexpr Duration kMostSilence = 60s;
// The wait grows by what was missing and shrinks by this after so many packets without a late one.
constexpr Duration kWaitStep = 10ms;
constexpr std::uint32_t kCalmPackets = 500;  // 10 s

Duration FromTicks(std::int64_t ticks) { return Duration(ticks * 1'000'000 / kOpusClockRate); }
std::uint32_t ToTicks(Duration d) { return static_cast<std::uint32_t>(d.count() * kOpusClockRate / 1'000'000); }

}  // namespace

JitterBuffer::JitterBuffer(JitterBufferOptions options) : options_(options), wait_(options.least_wait) {}

bool JitterBuffer::Discard() {
  ++stats_.discarded;
  return false;
}

bool JitterBuffer::Insert(std::uint16_t seq, std::uint32_t timestamp, ByteView payload, Time now) {
  if (payload.size() > kMaxPayloadBytes) return Discard();
  const std::optional<Duration> duration = OpusDecoder::PacketDuration(payload);
  if (!duration) return Discard();
  const std::int64_t unwrapped = unwrapper_.Peek(seq);
  if (!next_) {
    Restart(unwrapped, timestamp);
  } else if (Rejected(seq, unwrapped, timestamp, now)) {
    return false;
  }
  Slot& slot = SlotOf(unwrapped);
  if (slot.used) {
    ++stats_.duplicates;
    return false;
  }
  unwrapper_.Unwrap(seq);
  slot.used = true;
  slot.seq = unwrapped;
  slot.timestamp = timestamp;
  slot.arrival = now;
  slot.duration = *duration;
  slot.payload.assign(payload.begin(), payload.end());
  ++held_;
  ++stats_.packets;
  if (++since_late_ >= kCalmPackets) {
    since_late_ = 0;
    wait_ = std::max(options_.least_wait, wait_ - kWaitStep);
  }
  return true;
}

// RFC 3550 appendix A.1: one far-off number is not believed, two in a row are.
bool JitterBuffer::Rejected(std::uint16_t seq, std::int64_t unwrapped, std::uint32_t timestamp, Time now) {
  constexpr auto kWindow = static_cast<std::int64_t>(kMaxPackets);
  const std::int64_t ahead = unwrapped - *next_;
  if (ahead >= -kWindow && ahead < kWindow) {
    stray_.reset();
    if (ahead >= 0) return false;
    NoteMissed(unwrapped, now);
    return true;
  }
  if (stray_ != seq) {
    stray_ = static_cast<std::uint16_t>(seq + 1);
    ++stats_.discarded;
    return true;
  }
  ++stats_.restarts;
  Restart(unwrapped, timestamp);
  restarted_ = true;
  return false;
}

// Something behind the reading point: either it came twice, or too late.
void JitterBuffer::NoteMissed(std::int64_t seq, Time now) {
  const auto back = static_cast<std::uint64_t>(*next_ - 1 - seq);
  if (back >= 64 || ((lost_recently_ >> back) & 1) == 0) {
    ++stats_.duplicates;
    return;
  }
  lost_recently_ &= ~(std::uint64_t{1} << back);
  ++stats_.late;
  since_late_ = 0;
  wait_ = std::min(options_.most_wait, wait_ + std::max(kWaitStep, now - last_lost_at_));
}

void JitterBuffer::Restart(std::int64_t seq, std::uint32_t timestamp) {
  for (Slot& slot : slots_) {
    if (slot.used) ++stats_.discarded;
    slot.used = false;
  }
  held_ = 0;
  stray_.reset();
  lost_recently_ = 0;
  next_ = seq;
  next_timestamp_ = timestamp;
}

void JitterBuffer::Reset() {
  for (Slot& slot : slots_) slot.used = false;
  held_ = 0;
  stray_.reset();
  lost_recently_ = 0;
  next_.reset();
  restarted_ = false;
}

void JitterBuffer::Advance(std::int64_t count, bool lost) {
  *next_ += count;
  for (std::int64_t i = 0; i < count; ++i) lost_recently_ = (lost_recently_ << 1) | (lost ? 1u : 0u);
}

const JitterBuffer::Slot& JitterBuffer::FirstHeld() const {
  for (std::int64_t seq = *next_;; ++seq) {
    JB_CHECK(seq < *next_ + static_cast<std::int64_t>(kMaxPackets));
    const Slot& slot = slots_[static_cast<std::size_t>(seq) % kMaxPackets];
    if (slot.used) return slot;
  }
}

Time JitterBuffer::EarliestArrival() const {
  Time earliest = kNever;
  for (const Slot& slot : slots_) {
    if (slot.used) earliest = std::min(earliest, slot.arrival);
  }
  return earliest;
}

std::optional<JitterBuffer::Frame> JitterBuffer::Pop(Time now) {
  if (!next_ || held_ == 0) return std::nullopt;
  Slot& slot = SlotOf(*next_);
  if (slot.used) {
    const Duration gap = FromTicks(static_cast<std::int32_t>(slot.timestamp - next_timestamp_));
    if (gap > 0us && gap <= kMostSilence) return ReleaseSilence(slot, gap);
    return Release(slot);
  }
  const bool crowded = held_ >= kMaxPackets / 2;
  if (!crowded && now < EarliestArrival() + wait_) return std::nullopt;
  return DeclareLost(now);
}

std::optional<Time> JitterBuffer::NextDeadline() const {
  if (!next_ || held_ == 0) return std::nullopt;
  return EarliestArrival() + wait_;
}

bool JitterBuffer::TakeRestarted() { return std::exchange(restarted_, false); }

JitterBuffer::Frame JitterBuffer::ReleaseSilence(const Slot& slot, Duration gap) {
  const std::uint32_t from = next_timestamp_;
  next_timestamp_ = slot.timestamp;
  return {.kind = Kind::kSilence, .payload = {}, .timestamp = from, .duration = gap, .restarted = TakeRestarted()};
}

JitterBuffer::Frame JitterBuffer::Release(Slot& slot) {
  slot.used = false;
  --held_;
  Advance(1, /*lost=*/false);
  last_duration_ = slot.duration;
  next_timestamp_ = slot.timestamp + ToTicks(slot.duration);
  return {.kind = Kind::kPacket,
          .payload = slot.payload,
          .timestamp = slot.timestamp,
          .duration = slot.duration,
          .restarted = TakeRestarted(),
          .sequence = static_cast<std::uint16_t>(slot.seq)};
}

JitterBuffer::Frame JitterBuffer::DeclareLost(Time now) {
  const Slot& next = FirstHeld();
  const std::int64_t missing = next.seq - *next_;
  // The sender's pauses are not losses: a lost packet held no more than the one before it, and what the
  // timestamps skip beyond that comes out as silence.
  Duration hole = last_duration_ * missing;
  const Duration skipped = FromTicks(static_cast<std::int32_t>(next.timestamp - next_timestamp_));
  const bool adjacent = skipped > 0us && skipped <= std::min(hole, kMostConcealed);
  if (skipped > 0us) hole = std::min(hole, skipped);
  hole = std::min(hole, kMostConcealed);
  const std::uint32_t from = next_timestamp_;
  next_timestamp_ += ToTicks(hole);
  stats_.lost += static_cast<std::uint64_t>(missing);
  Advance(missing, /*lost=*/true);
  last_lost_at_ = now;
  return {.kind = Kind::kLost,
          .payload = adjacent ? ByteView(next.payload) : ByteView{},
          .timestamp = from,
          .duration = hole,
          .restarted = TakeRestarted()};
}

}  // namespace jb::media
