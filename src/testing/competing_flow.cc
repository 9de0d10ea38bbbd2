// SPDX-License-Identifier: Apache-2.0
#include "testing/competing_flow.h"

#include <algorithm>

namespace jb::testing {
namespace {

constexpr std::size_t kPacketSize = 1200;
constexpr Duration kTimeout = std::chrono::seconds(1);  // RFC 6298 section 2.4
constexpr std::size_t kDuplicateAcks = 3;               // RFC 5681 section 3.2

}  // namespace

std::optional<Time> ConstantFlow::NextDeadline() const {
  if (next_ >= until_) return std::nullopt;
  return next_;
}

std::optional<std::size_t> ConstantFlow::Poll(Time now) {
  if (next_ >= until_ || next_ > now) return std::nullopt;
  next_ += Duration(static_cast<std::int64_t>(kPacketSize * 8 * 1'000'000 / rate_bps_));
  return kPacketSize;
}

std::optional<Time> AimdFlow::NextDeadline() const {
  Time next = timeout_;
  if (!acks_.empty()) next = std::min(next, acks_.front().at);
  if (next_number_ == 0) next = std::min(next, from_);
  if (next == kNever || next >= until_) return std::nullopt;
  return next;
}

std::optional<std::size_t> AimdFlow::Poll(Time now) {
  if (now < from_ || now >= until_) return std::nullopt;
  while (!acks_.empty() && acks_.front().at <= now) {
    const std::uint64_t number = acks_.front().number;
    acks_.pop_front();
    HandleAck(number);
    timeout_ = now + kTimeout;
  }
  if (timeout_ <= now) {
    threshold_ = std::max(2.0, window_ / 2);
    window_ = 1;
    flight_.clear();
    timeout_ = now + kTimeout;
  }
  if (static_cast<double>(flight_.size()) >= window_) return std::nullopt;
  if (flight_.empty()) timeout_ = now + kTimeout;
  flight_.push_back(next_number_++);
  return kPacketSize;
}

void AimdFlow::HandleArrived(std::uint64_t number, Time now) { acks_.push_back({now + return_delay_, number}); }

void AimdFlow::HandleAck(std::uint64_t number) {
  const auto found = std::lower_bound(flight_.begin(), flight_.end(), number);
  if (found == flight_.end() || *found != number) return;
  flight_.erase(found);
  ++acknowledged_;
  window_ += window_ < threshold_ ? 1 : 1 / window_;
  // So many later packets have arrived that this one will not.
  while (!flight_.empty() && flight_.front() + kDuplicateAcks <= number) {
    const std::uint64_t lost = flight_.front();
    flight_.pop_front();
    if (lost >= recover_) HandleLoss();
  }
}

void AimdFlow::HandleLoss() {
  threshold_ = window_ = std::max(2.0, window_ / 2);
  recover_ = next_number_;
}

}  // namespace jb::testing
