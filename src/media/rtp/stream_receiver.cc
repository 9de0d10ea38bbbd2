// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/stream_receiver.h"

#include <algorithm>
#include <cstdlib>

#include "proto/rtcp/ntp.h"

namespace jb::media {
namespace {

constexpr std::uint16_t kMaxDropout = 3000;  // RFC 3550 appendix A.1: a larger step forward is a jump
constexpr std::uint16_t kMaxMisorder = 100;  // RFC 3550 appendix A.1: a larger step back is a jump

}  // namespace

// RFC 3550 appendix A.1, without the probation: the packet has passed SRTP.
StreamReceiver::Arrival StreamReceiver::HandlePacket(rtp::SeqNum seq, rtp::Timestamp timestamp,
                                                     std::size_t payload_size, Time now) {
  Arrival arrival = Arrival::kInOrder;
  if (!started_) {
    Restart(seq);
  } else {
    const auto ahead = static_cast<std::uint16_t>(seq - highest_);
    if (ahead > 0 && ahead < kMaxDropout) {
      if (seq.value() < highest_.value()) cycles_ += 1u << 16;
      highest_ = seq;
    } else if (ahead >= kMaxDropout && ahead <= 0x10000 - kMaxMisorder) {
      if (after_jump_ != seq) {
        after_jump_ = seq.Next();
        return Arrival::kJump;
      }
      Restart(seq);
      arrival = Arrival::kRestart;
    } else {
      arrival = Arrival::kLate;
    }
  }
  ++received_;
  ++packets_;
  bytes_ += payload_size;
  last_packet_at_ = now;
  UpdateJitter(timestamp, now);
  return arrival;
}

void StreamReceiver::Restart(rtp::SeqNum seq) {
  started_ = true;
  base_ = highest_ = seq;
  cycles_ = 0;
  received_ = received_prior_ = expected_prior_ = 0;
  after_jump_.reset();
  last_transit_.reset();
}

// RFC 3550 appendix A.8, in sixteenths. All arithmetic wraps: a sender that chooses its timestamps
// can only spoil its own jitter.
void StreamReceiver::UpdateJitter(rtp::Timestamp timestamp, Time now) {
  const std::int64_t us = now.time_since_epoch().count();
  const auto arrival =
      static_cast<std::uint32_t>(us / 1'000'000 * clock_rate_ + us % 1'000'000 * clock_rate_ / 1'000'000);
  const std::uint32_t transit = arrival - timestamp.value();
  if (last_transit_) {
    const auto d = static_cast<std::int32_t>(transit - *last_transit_);
    const auto distance = static_cast<std::uint64_t>(std::abs(static_cast<std::int64_t>(d)));
    jitter_q4_ += distance;
    jitter_q4_ -= (jitter_q4_ - distance + 8) >> 4;
  }
  last_transit_ = transit;
}

void StreamReceiver::HandleSenderReport(const rtcp::SenderInfo& info, Time now) {
  last_sr_ = info;
  last_sr_at_ = now;
}

std::uint64_t StreamReceiver::Expected() const { return std::uint64_t{cycles_} + highest_.value() - base_.value() + 1; }

std::int64_t StreamReceiver::packets_lost() const {
  return started_ ? static_cast<std::int64_t>(Expected()) - static_cast<std::int64_t>(received_) : 0;
}

// RFC 3550 appendix A.3.
std::optional<rtcp::ReportBlock> StreamReceiver::MakeReportBlock(Time now) {
  if (!started_) return std::nullopt;
  const std::uint64_t expected = Expected() - expected_prior_;
  const std::uint64_t received = received_ - received_prior_;
  expected_prior_ = Expected();
  received_prior_ = received_;
  const bool lost = expected > received;
  fraction_lost_ =
      lost ? static_cast<std::uint8_t>(std::min<std::uint64_t>(((expected - received) << 8) / expected, 255)) : 0;

  rtcp::ReportBlock block;
  block.ssrc = ssrc_;
  block.fraction_lost = fraction_lost_;
  block.cumulative_lost = static_cast<std::int32_t>(std::clamp<std::int64_t>(packets_lost(), -0x800000, 0x7FFFFF));
  block.extended_highest_seq = cycles_ + highest_.value();
  block.jitter = jitter();
  if (last_sr_) {
    block.last_sr = last_sr_->ntp.compact();
    block.delay_since_last_sr = rtcp::ToCompact(now - *last_sr_at_);
  }
  return block;
}

}  // namespace jb::media
