// SPDX-License-Identifier: Apache-2.0
// Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01):
// which packets arrived, and when. The parser checks everything and allocates nothing; the builder
// collects packets until one feedback packet is full.
#pragma once

#include <array>
#include <optional>

#include "base/time.h"
#include "proto/rtcp/compound.h"

namespace jb::rtcp {

inline constexpr Duration kTwccReferenceUnit = std::chrono::milliseconds(64);  // section 3.1
// Of a received packet: eight run chunks could claim 65535 statuses, which is work for nothing.
// 8192 numbers are 2.7 s of 3000 packets per second, and a report comes each 100 ms.
inline constexpr std::uint16_t kTwccMaxStatuses = 8192;
inline constexpr Duration kTwccDeltaUnit = std::chrono::microseconds(250);  // section 3.1.5

class TransportFeedback {
 public:
  static Result<TransportFeedback, ParseError> Parse(const RawPacket& packet);

  Ssrc sender_ssrc() const { return sender_ssrc_; }
  Ssrc media_ssrc() const { return media_ssrc_; }
  SeqNum base_sequence() const { return base_; }
  std::size_t status_count() const { return status_count_; }
  std::uint8_t feedback_count() const { return feedback_count_; }
  // 24 bits signed, in units of 64 ms: wraps every 12 days.
  std::int32_t reference_units() const { return reference_units_; }

  // fn(SeqNum, std::optional<Duration>) for each packet of the range: nullopt was not received,
  // else the arrival time relative to the time whose reference_units() is 0.
  template <class Fn>
  void ForEach(Fn&& fn) const {
    Cursor cursor{*this};
    for (std::size_t i = 0; i < status_count_; ++i) {
      const std::optional<Duration> arrival = cursor.Next();
      fn(base_ + static_cast<std::int64_t>(i), arrival);
    }
  }

 private:
  // Steps through chunks and deltas of a packet that Parse has checked.
  class Cursor {
   public:
    explicit Cursor(const TransportFeedback& feedback);
    std::optional<Duration> Next();

   private:
    const TransportFeedback& feedback_;
    std::size_t chunk_at_ = 0;
    std::size_t delta_at_ = 0;
    std::uint16_t chunk_ = 0;
    std::size_t left_in_chunk_ = 0;
    Duration arrival_;
  };
  Status<ParseError> CheckChunksAndDeltas();

  Ssrc sender_ssrc_;
  Ssrc media_ssrc_;
  SeqNum base_;
  std::uint16_t status_count_ = 0;
  std::int32_t reference_units_ = 0;
  std::uint8_t feedback_count_ = 0;
  ByteView chunks_;
  ByteView deltas_;
};

// Collects packets in ascending order and writes one feedback packet.
class TransportFeedbackBuilder {
 public:
  static constexpr std::size_t kMaxStatuses = 1024;  // of one packet; bounds what a jump in numbers costs
  static constexpr std::size_t kMaxSize = 1100;      // bytes of one packet, so that it fits any path with SRTCP

  // `base`: the first number of the range. `first_arrival` sets the reference time (rounded down to
  // 64 ms).
  TransportFeedbackBuilder(SeqNum base, Time first_arrival);

  // Adds `seq`, not older than `base` and newer than all before it, with the missing ones between
  // as not received. False, and nothing changes, when the packet is full or the delta does not fit
  // 16 bits: write this one, begin another.
  bool Add(SeqNum seq, Time arrival);
  std::size_t status_count() const { return status_count_; }

  // The whole RTCP packet.
  void Write(ByteWriter& out, Ssrc sender_ssrc, Ssrc media_ssrc, std::uint8_t feedback_count) const;

 private:
  enum Symbol : std::uint8_t { kNotReceived = 0, kSmallDelta = 1, kLargeDelta = 2 };
  // One chunk of the statuses from `from` on.
  struct Chunk {
    std::uint16_t bits = 0;
    std::size_t taken = 0;
  };
  Chunk NextChunk(std::size_t from) const;
  Chunk Vector(std::size_t from, std::size_t bits_per_symbol) const;
  static std::size_t SizeBound(std::size_t statuses, std::size_t delta_bytes);

  SeqNum base_;
  std::int64_t reference_ = 0;  // units of 64 ms
  Time last_arrival_;           // as the receiver will reconstruct it
  std::size_t status_count_ = 0;
  std::size_t delta_bytes_ = 0;
  std::array<std::uint8_t, kMaxStatuses> symbols_{};
  std::array<std::int16_t, kMaxStatuses> deltas_{};
};

}  // namespace jb::rtcp
