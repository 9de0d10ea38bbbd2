// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/twcc_receiver.h"

#include <algorithm>

#include "proto/rtcp/twcc.h"

namespace jb::media {
namespace {

constexpr std::size_t kFirstCapacity = 128;

}  // namespace

void TwccReceiver::HandlePacket(std::uint16_t sequence, Time now) {
  ++packets_;
  const std::int64_t number = unwrapper_.Unwrap(sequence);
  // The first packet; or one so far from the others that the sender must have begun anew.
  if (!started_ || number >= end_ + kMaxRange || number + kMaxRange < end_) Restart(number);
  ForgetOld(now);
  if (number < begin_) return;  // later than kTwccWindow: it stays lost
  if (number >= end_) MakeRoom(number);
  Arrival& arrival = At(number);
  if (arrival.received) return;
  arrival = {now, true};
  next_base_ = std::min(next_base_, number);
  if (!next_report_) next_report_ = now + kTwccInterval;
}

void TwccReceiver::Restart(std::int64_t number) {
  started_ = true;
  begin_ = end_ = next_base_ = number;
}

void TwccReceiver::MakeRoom(std::int64_t number) {
  // A sender that outruns the window loses the oldest arrivals; they are then reported as nothing
  // at all.
  begin_ = std::max(begin_, number + 1 - kMaxRange);
  end_ = std::max(begin_, end_);
  next_base_ = std::max(next_base_, begin_);
  while (static_cast<std::size_t>(number - begin_) >= ring_.size()) Grow();
  while (end_ <= number) At(end_++) = {};
}

void TwccReceiver::Grow() {
  std::vector<Arrival> larger(std::max(kFirstCapacity, 2 * ring_.size()));
  for (std::int64_t n = begin_; n < end_; ++n) larger[static_cast<std::size_t>(n) & (larger.size() - 1)] = At(n);
  ring_ = std::move(larger);
}

// Reported numbers are kept for kTwccWindow, so that one which comes late can still be reported.
void TwccReceiver::ForgetOld(Time now) {
  while (begin_ < next_base_ && begin_ < end_ && (!At(begin_).received || now - At(begin_).at > kTwccWindow)) {
    ++begin_;
  }
}

std::size_t TwccReceiver::PollFeedback(ByteSpan out, rtp::Ssrc sender_ssrc, rtp::Ssrc media_ssrc, Time now) {
  if (!next_report_ || now < *next_report_) return 0;
  std::int64_t first = next_base_;
  while (first < end_ && !At(first).received) ++first;
  if (first == end_) {
    next_report_.reset();  // the next packet arms it
    return 0;
  }
  // What is missing before the first arrival is reported too, unless that alone would fill the
  // packet.
  const auto limit = static_cast<std::int64_t>(rtcp::TransportFeedbackBuilder::kMaxStatuses) / 2;
  const std::int64_t base = std::max(next_base_, first - limit);
  rtcp::TransportFeedbackBuilder builder(rtp::SeqNum(static_cast<std::uint16_t>(base)), At(first).at);
  for (std::int64_t n = first; n < end_; ++n) {
    if (!At(n).received) continue;
    if (!builder.Add(rtp::SeqNum(static_cast<std::uint16_t>(n)), At(n).at)) break;
    next_base_ = n + 1;
  }
  ByteWriter writer(out);
  builder.Write(writer, sender_ssrc, media_ssrc, feedback_count_++);
  return writer.ok() ? writer.size() : 0;
}

}  // namespace jb::media
