// SPDX-License-Identifier: Apache-2.0
// What a receiver reports about one incoming stream (RFC 3550 section 6.4 and appendix A): extended
// highest number, loss, jitter, LSR and DLSR. Sans-IO, single-threaded; one per received SSRC.
#pragma once

#include <optional>

#include "base/time.h"
#include "proto/rtcp/report_block.h"
#include "proto/rtcp/sender_report.h"
#include "proto/rtp/types.h"

namespace jb::media {

class StreamReceiver {
 public:
  enum class Arrival : std::uint8_t {
    kInOrder,  // the newest yet, perhaps after a gap
    kLate,     // reordered or a duplicate; counts as received, as RFC 3550 says
    kRestart,  // the second packet in a row after a large jump: the sender restarted; counts from
               // here
    kJump,     // a large jump: not counted until the next number follows it
  };

  StreamReceiver(rtp::Ssrc ssrc, std::uint32_t clock_rate) : ssrc_(ssrc), clock_rate_(clock_rate) {}

  Arrival HandlePacket(rtp::SeqNum seq, rtp::Timestamp timestamp, std::size_t payload_size, Time now);
  // A packet that was sent again: counted apart, not part of loss and jitter (RFC 4588 section 6.3
  // reports RTX as a stream of its own).
  void HandleRepaired(std::size_t payload_size) {
    ++packets_repaired_;
    bytes_ += payload_size;
  }
  void HandleSenderReport(const rtcp::SenderInfo& info, Time now);

  // The block for the next RR or SR; begins a new interval for fraction_lost. Nullopt before the
  // first packet.
  std::optional<rtcp::ReportBlock> MakeReportBlock(Time now);

  rtp::Ssrc ssrc() const { return ssrc_; }
  std::uint32_t clock_rate() const { return clock_rate_; }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t packets_repaired() const { return packets_repaired_; }
  std::uint64_t packets_expected() const { return started_ ? Expected() : 0; }
  std::int64_t packets_lost() const;
  std::uint8_t fraction_lost() const { return fraction_lost_; }                         // of the last report
  std::uint32_t jitter() const { return static_cast<std::uint32_t>(jitter_q4_ >> 4); }  // timestamp units
  const std::optional<rtcp::SenderInfo>& last_sender_report() const { return last_sr_; }
  std::optional<Time> last_sender_report_at() const { return last_sr_at_; }
  std::optional<Time> last_packet_at() const { return last_packet_at_; }

 private:
  void Restart(rtp::SeqNum seq);
  std::uint64_t Expected() const;
  void UpdateJitter(rtp::Timestamp timestamp, Time now);

  rtp::Ssrc ssrc_;
  std::uint32_t clock_rate_;
  bool started_ = false;
  std::uint32_t cycles_ = 0;  // of 2^16, in the upper half
  rtp::SeqNum highest_;
  rtp::SeqNum base_;
  std::optional<rtp::SeqNum> after_jump_;  // the number that would confirm a restart
  std::uint64_t received_ = 0;             // since base_
  std::uint64_t expected_prior_ = 0;
  std::uint64_t received_prior_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t packets_repaired_ = 0;
  std::uint8_t fraction_lost_ = 0;
  std::uint64_t jitter_q4_ = 0;  // jitter times 16, RFC 3550 appendix A.8
  std::optional<std::uint32_t> last_transit_;
  std::optional<rtcp::SenderInfo> last_sr_;
  std::optional<Time> last_sr_at_;
  std::optional<Time> last_packet_at_;
};

}  // namespace jb::media
