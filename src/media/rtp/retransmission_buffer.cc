// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/retransmission_buffer.h"

#include <algorithm>
#include <utility>

namespace jb::media {
namespace {

constexpr std::size_t kFirstCapacity = 32;
// Forgetting touches memory that has long left the caches: several at once wait for it together.
constexpr std::uint32_t kAddsPerForget = 16;

}  // namespace

void RetransmissionBuffer::Add(PacketRef packet, rtp::SeqNum seq, rtp::Timestamp timestamp, bool marker, Time now,
                               std::uint32_t tag) {
  if (++added_ % kAddsPerForget == 0) Forget(now);
  if (begin_ == end_) begin_ = end_ = Unwrapped(seq);
  const std::int64_t number = Unwrapped(seq);
  if (number < begin_) return;
  if (number >= end_) MakeRoom(number);
  if (At(number).packet) return;
  At(number) = Slot{std::move(packet), timestamp.value(), tag, UnitsOf(now), 0, 0, marker};
}

// Moves end_ behind `number`; numbers between are empty until their packets come.
void RetransmissionBuffer::MakeRoom(std::int64_t number) {
  const std::int64_t keep_from = number + 1 - static_cast<std::int64_t>(options_.max_items);
  while (begin_ < end_ && begin_ < keep_from) DropFront();
  if (begin_ == end_) begin_ = end_ = number;
  while (static_cast<std::size_t>(number - begin_) >= ring_.size()) Grow();
  while (end_ <= number) At(end_++) = Slot{};
}

const RetransmissionBuffer::Item* RetransmissionBuffer::Refuse(Refusal reason, std::uint64_t& counter) {
  last_refusal_ = reason;
  ++counter;
  return nullptr;
}

const RetransmissionBuffer::Item* RetransmissionBuffer::Answer(rtp::SeqNum seq, Time now, std::size_t budget) {
  const std::int64_t number = Unwrapped(seq);
  if (number < begin_ || number >= end_ || !At(number).packet) {
    return Refuse(Refusal::kUnknown, counters_.refused_unknown);
  }
  Slot& slot = At(number);
  const Duration age = Age(slot, now);
  const Duration rtt = rtt_ > Duration(0) ? rtt_ : options_.default_rtt;
  if (age > options_.max_age) {
    return Refuse(Refusal::kTooOld, counters_.refused_too_old);
  }
  // A request that arrives sooner than a round trip after an answer was sent before that answer
  // could arrive. The round trip of this moment may be a little shorter than the one we know.
  if (slot.answers > 0 && age - kTimeUnit * slot.answered_after < rtt * 3 / 4) {
    return Refuse(Refusal::kTooSoon, counters_.refused_too_soon);
  }
  if (slot.answers >= options_.max_answers) {
    return Refuse(Refusal::kTooOften, counters_.refused_too_often);
  }
  if (slot.packet->size() > budget) {
    return Refuse(Refusal::kOverBudget, counters_.refused_over_budget);
  }
  ++slot.answers;
  slot.answered_after = static_cast<std::uint16_t>(age / kTimeUnit);
  ++counters_.answered;
  answer_ = {slot.packet, seq, rtp::Timestamp(slot.timestamp), slot.marker, slot.tag};
  return &answer_;
}

void RetransmissionBuffer::Clear() {
  ring_ = {};
  answer_ = {};
  begin_ = end_ = 0;
}

void RetransmissionBuffer::ForgetAll() {
  answer_ = {};
  while (begin_ < end_) DropFront();
}

void RetransmissionBuffer::Forget(Time now) {
  answer_ = {};
  while (begin_ < end_ && (!At(begin_).packet || Age(At(begin_), now) > options_.max_age)) {
    DropFront();
  }
}

// The number near end_ that wraps to `seq`.
std::int64_t RetransmissionBuffer::Unwrapped(rtp::SeqNum seq) const {
  const rtp::SeqNum end(static_cast<std::uint16_t>(end_));
  return end_ + (seq - end);
}

// What else the slot holds is written anew before the slot is used again.
void RetransmissionBuffer::DropFront() { At(begin_++).packet.Release(); }

void RetransmissionBuffer::Grow() {
  std::vector<Slot> larger(std::max(kFirstCapacity, 2 * ring_.size()));
  for (std::int64_t n = begin_; n < end_; ++n) {
    larger[static_cast<std::size_t>(n) & (larger.size() - 1)] = std::move(At(n));
  }
  ring_ = std::move(larger);
}

}  // namespace jb::media
