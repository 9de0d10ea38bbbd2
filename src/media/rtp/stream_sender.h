// SPDX-License-Identifier: Apache-2.0
// What one outgoing stream tells its receiver: sender reports that map our NTP clock to the
// stream's RTP timeline, and the round trip measured from the answers. Sans-IO, single-threaded;
// one per sent SSRC.
#pragma once

#include <optional>

#include "base/random.h"
#include "base/time.h"
#include "proto/rtcp/ntp.h"
#include "proto/rtcp/report_block.h"
#include "proto/rtcp/sender_report.h"
#include "proto/rtp/types.h"

namespace jb::media {

inline constexpr Duration kFirstReportDelay = std::chrono::milliseconds(500);
inline constexpr Duration kReportInterval = std::chrono::milliseconds(1000);  // times 1.0 to 1.5
inline constexpr Duration kSenderIdle = std::chrono::milliseconds(2000);      // no SR after that much silence

// When a stream's next SR or RR is due: first after 500 ms, then every 1000 to 1500 ms, at random
// so that streams do not report in step (RFC 3550 section 6.3.5).
class ReportSchedule {
 public:
  ReportSchedule(Time now, Random& random) : random_(&random), next_(now + kFirstReportDelay) {}
  Time next() const { return next_; }
  // True when due; then the next one is drawn.
  bool Take(Time now);

 private:
  Random* random_;  // borrowed
  Time next_;
};

class StreamSender {
 public:
  StreamSender(rtp::Ssrc ssrc, std::uint32_t clock_rate) : ssrc_(ssrc), clock_rate_(clock_rate) {}

  // A packet just sent for the first time; `timestamp` as it went out.
  void HandleSent(rtp::Timestamp timestamp, std::size_t payload_size, Time now);
  // RTX and plain resends: counted apart; octets of RTX belong to the RTX stream's own report.
  void HandleResent(std::size_t payload_size) {
    ++packets_resent_;
    bytes_resent_ += payload_size;
  }

  // The SR for now: the RTP timestamp a frame captured now would have, extrapolated from the last
  // packet sent. Nullopt when nothing was sent for kSenderIdle.
  std::optional<rtcp::SenderInfo> MakeSenderReport(Time now, WallTime wall) const;

  // A block about this stream from an SR or RR. Updates rtt() when it answers one of our reports.
  void HandleReportBlock(const rtcp::ReportBlock& block, WallTime wall);

  rtp::Ssrc ssrc() const { return ssrc_; }
  std::optional<Duration> rtt() const { return rtt_; }
  std::uint8_t fraction_lost() const { return fraction_lost_; }
  std::int32_t packets_lost() const { return packets_lost_; }
  std::uint32_t jitter() const { return jitter_; }  // as the receiver reports it, timestamp units
  std::uint64_t packets() const { return packets_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t packets_resent() const { return packets_resent_; }
  std::uint64_t bytes_resent() const { return bytes_resent_; }

 private:
  rtp::Ssrc ssrc_;
  std::uint32_t clock_rate_;
  std::optional<Time> last_sent_at_;
  rtp::Timestamp last_timestamp_;  // the newest sent
  Time last_timestamp_at_;         // when it was first sent
  std::uint64_t packets_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t packets_resent_ = 0;
  std::uint64_t bytes_resent_ = 0;
  std::optional<Duration> rtt_;
  std::uint8_t fraction_lost_ = 0;
  std::int32_t packets_lost_ = 0;
  std::uint32_t jitter_ = 0;
};

}  // namespace jb::media
