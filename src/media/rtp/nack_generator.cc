// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/nack_generator.h"

#include <algorithm>

namespace jb::media {
namespace {

// Parameter sets and the first slice of an H.264 key frame come in packets of their own and each is
// marked as key frame: what is missing this closely before a marked packet may belong to the same
// key frame.
constexpr std::int64_t kKeyFrameSlack = 4;
// A jump this far back is a sender that restarted, not reordering.
constexpr std::int64_t kRestartJump = 8192;

}  // namespace

bool NackGenerator::HandlePacket(rtp::SeqNum seq, bool key_frame, bool recovered, Time now) {
  if (highest_ && unwrapper_.Peek(seq.value()) < *highest_ - kRestartJump) Reset();
  const std::int64_t number = unwrapper_.Peek(seq.value());
  if (highest_ && number <= *highest_) {
    const bool was_missing = Remove(number);
    if (was_missing && recovered) ++counters_.recovered;
    if (key_frame) ForgetBefore(number - kKeyFrameSlack);
    return was_missing;
  }
  unwrapper_.Unwrap(seq.value());
  const std::int64_t first_new = highest_ ? *highest_ + 1 : number;
  highest_ = number;
  ForgetBefore(number - (key_frame ? kKeyFrameSlack : options_.max_age));
  AddMissing(first_new, number, now);
  return false;
}

// [from, to) did not come.
void NackGenerator::AddMissing(std::int64_t from, std::int64_t to, Time now) {
  if (from == to) return;
  const auto count = static_cast<std::size_t>(to - from);
  if (count > options_.max_list || missing_.size() + count > options_.max_list) {
    counters_.abandoned += missing_.size() + count;
    missing_.clear();
    next_deadline_.reset();
    key_frame_wanted_ = true;
    return;
  }
  const Time first_try = now + options_.first_delay;
  for (std::int64_t n = from; n < to; ++n) missing_.push_back({n, first_try});
  next_deadline_ = next_deadline_ ? std::min(*next_deadline_, first_try) : first_try;
}

// end(): it is not missing.
std::vector<NackGenerator::Missing>::const_iterator NackGenerator::Find(std::int64_t number) const {
  const auto at = std::lower_bound(missing_.begin(), missing_.end(), number,
                                   [](const Missing& m, std::int64_t n) { return m.number < n; });
  return at != missing_.end() && at->number == number ? at : missing_.end();
}

bool NackGenerator::WasAskedFor(rtp::SeqNum seq) const {
  if (missing_.empty()) return false;
  const auto at = Find(unwrapper_.Peek(seq.value()));
  return at != missing_.end() && at->tries > 0;
}

bool NackGenerator::Remove(std::int64_t number) {
  const auto at = Find(number);
  if (at == missing_.end()) return false;
  missing_.erase(at);
  if (missing_.empty()) next_deadline_.reset();
  return true;
}

void NackGenerator::ForgetBefore(std::int64_t number) {
  const auto keep = std::lower_bound(missing_.begin(), missing_.end(), number,
                                     [](const Missing& m, std::int64_t n) { return m.number < n; });
  counters_.abandoned += static_cast<std::uint64_t>(keep - missing_.begin());
  missing_.erase(missing_.begin(), keep);
  if (missing_.empty()) next_deadline_.reset();
}

std::optional<Time> NackGenerator::NextDeadline() const { return next_deadline_; }

std::size_t NackGenerator::PollNacks(Time now, std::span<rtp::SeqNum> out) {
  if (!next_deadline_ || now < *next_deadline_) return 0;
  const Duration interval = std::max(rtt_ > Duration(0) ? rtt_ : options_.default_rtt, options_.min_interval);
  std::size_t count = 0;
  Time next = kNever;
  std::erase_if(missing_, [&](Missing& m) {
    if (m.next_try <= now) {
      if (m.tries == options_.max_tries) {
        ++counters_.abandoned;
        return true;
      }
      if (count < out.size()) {
        out[count++] = rtp::SeqNum(static_cast<std::uint16_t>(m.number));
        ++m.tries;
        m.next_try = now + interval;
      }
    }
    next = std::min(next, m.next_try);
    return false;
  });
  counters_.asked += count;
  next_deadline_ = next == kNever ? std::nullopt : std::optional(next);
  return count;
}

bool NackGenerator::TakeKeyFrameWanted() {
  const bool wanted = key_frame_wanted_;
  key_frame_wanted_ = false;
  return wanted;
}

void NackGenerator::Reset() {
  missing_.clear();
  next_deadline_.reset();
  highest_.reset();
  unwrapper_ = {};
  key_frame_wanted_ = false;
}

}  // namespace jb::media
