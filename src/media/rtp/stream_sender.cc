// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/stream_sender.h"

namespace jb::media {
bool ReportSchedule::Take(Time now) {
  if (now < next_) return false;
  next_ = now + kReportInterval * random_->Between(1000, 1500) / 1000;
  return true;
}

void StreamSender::HandleSent(rtp::Timestamp timestamp, std::size_t payload_size, Time now) {
  if (!last_sent_at_ || timestamp.IsNewerThan(last_timestamp_)) {
    last_timestamp_ = timestamp;
    last_timestamp_at_ = now;
  }
  last_sent_at_ = now;
  ++packets_;
  bytes_ += payload_size;
}

std::optional<rtcp::SenderInfo> StreamSender::MakeSenderReport(Time now, WallTime wall) const {
  if (!last_sent_at_ || now - *last_sent_at_ > kSenderIdle) return std::nullopt;
  const std::int64_t elapsed = (now - last_timestamp_at_).count();
  rtcp::SenderInfo info;
  info.ssrc = ssrc_;
  info.ntp = rtcp::NtpTime::FromWall(wall);
  info.rtp_timestamp = last_timestamp_ + elapsed * clock_rate_ / 1'000'000;
  info.packet_count = static_cast<std::uint32_t>(packets_);
  info.octet_count = static_cast<std::uint32_t>(bytes_);
  return info;
}

void StreamSender::HandleReportBlock(const rtcp::ReportBlock& block, WallTime wall) {
  fraction_lost_ = block.fraction_lost;
  packets_lost_ = block.cumulative_lost;
  jitter_ = block.jitter;
  if (block.last_sr == 0) return;
  const std::uint32_t now_compact = rtcp::NtpTime::FromWall(wall).compact();
  const Duration rtt = rtcp::RoundTripTime(now_compact, block.last_sr, block.delay_since_last_sr);
  if (rtt <= rtcp::kMaxPlausibleRtt) rtt_ = rtt;
}

}  // namespace jb::media
