// SPDX-License-Identifier: Apache-2.0
// Remembers when packets of one transport arrived and reports it to the sender every 100 ms
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). Sans-IO, single-threaded; one per
// transport.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/sequence.h"
#include "base/time.h"
#include "proto/rtp/types.h"

namespace jb::media {

inline constexpr Duration kTwccInterval = std::chrono::milliseconds(100);
inline constexpr Duration kTwccWindow = std::chrono::milliseconds(500);  // how long arrivals are remembered

class TwccReceiver {
 public:
  // The transport-wide number of a packet that passed SRTP.
  void HandlePacket(std::uint16_t sequence, Time now);

  std::optional<Time> NextDeadline() const { return next_report_; }
  // Writes one feedback packet when it is due; returns its size, 0 when there is nothing (more) to
  // send now. Call until 0: a long or sparse range takes several packets. `out` holds at least
  // rtcp::TransportFeedbackBuilder::kMaxSize bytes.
  std::size_t PollFeedback(ByteSpan out, rtp::Ssrc sender_ssrc, rtp::Ssrc media_ssrc, Time now);

  std::uint64_t packets() const { return packets_; }

 private:
  struct Arrival {
    Time at;
    bool received = false;
  };
  static constexpr std::int64_t kMaxRange = 1 << 13;  // numbers remembered at once; bounds the memory
  Arrival& At(std::int64_t n) { return ring_[static_cast<std::size_t>(n) & (ring_.size() - 1)]; }
  void Restart(std::int64_t number);
  void MakeRoom(std::int64_t number);
  void Grow();
  void ForgetOld(Time now);

  Unwrapper<std::uint16_t> unwrapper_;
  std::vector<Arrival> ring_;  // power of two
  std::int64_t begin_ = 0;     // remembered numbers: [begin_, end_)
  std::int64_t end_ = 0;
  std::int64_t next_base_ = 0;  // first number of the next report
  bool started_ = false;
  std::optional<Time> next_report_;
  std::uint8_t feedback_count_ = 0;
  std::uint64_t packets_ = 0;
};

}  // namespace jb::media
