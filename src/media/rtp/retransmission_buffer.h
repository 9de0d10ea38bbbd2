// SPDX-License-Identifier: Apache-2.0
// What one outgoing stream sent lately, to answer NACKs from. Keeps references to shared packets
// plus the few header fields that differ per consumer. Limits what a receiver can make us send
// again (no packet twice within three quarters of a round trip, none more than three times). No I/O;
// single-threaded.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "media/rtp/packet_pool.h"
#include "proto/rtp/types.h"

namespace jb::media {

struct RetransmissionOptions {
  std::size_t max_items = 2500;
  Duration max_age = std::chrono::milliseconds(2000);     // video; audio: kAudioMaxAge
  int max_answers = 3;                                    // per packet
  Duration default_rtt = std::chrono::milliseconds(100);  // until one is measured
};
inline constexpr Duration kAudioMaxAge = std::chrono::milliseconds(1000);

class RetransmissionBuffer {
 public:
  // A packet as it was sent on this stream.
  struct Item {
    PacketRef packet;  // shared; its own header fields are the producer's
    rtp::SeqNum sequence_number;
    rtp::Timestamp timestamp;
    bool marker = false;
    std::uint32_t tag = 0;  // the owner's own use
  };
  struct Counters {
    std::uint64_t answered = 0;
    std::uint64_t refused_unknown = 0;
    std::uint64_t refused_too_old = 0;
    std::uint64_t refused_too_soon = 0;
    std::uint64_t refused_too_often = 0;
    std::uint64_t refused_over_budget = 0;
  };

  explicit RetransmissionBuffer(RetransmissionOptions options = {}) : options_(options) {
    JB_CHECK(options.max_age <= kTimeUnit * 0xFFFF);
  }

  void set_rtt(Duration rtt) { rtt_ = rtt; }

  // Remembers a packet just sent. Numbers may leave gaps and may be older than the last (a packet
  // that came late); one older than all that is remembered is ignored. Now and then calls Forget().
  void Add(PacketRef packet, rtp::SeqNum seq, rtp::Timestamp timestamp, bool marker, Time now, std::uint32_t tag = 0);

  // The packet to send again, or nullptr (counted by reason; last_refusal()). A refusal costs nothing: a packet of
  // more than `budget` bytes keeps its answers for when there is room. The pointer is valid until
  // the next call.
  const Item* Answer(rtp::SeqNum seq, Time now, std::size_t budget);
  // Why the last Answer() was nullptr.
  enum class Refusal : std::uint8_t { kUnknown, kTooOld, kTooSoon, kTooOften, kOverBudget };
  Refusal last_refusal() const { return last_refusal_; }

  // Returns the buffers of what is older than max_age. A stream that has stopped adds nothing: its
  // owner calls this once in a while, or the last two seconds of it are held for as long as it lives.
  void Forget(Time now);
  // Nobody needs what was sent so far any more; keeps the memory.
  void ForgetAll();
  // Drops everything, as when the stream is paused, and gives the memory back.
  void Clear();
  std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }  // slots, gaps included
  const Counters& counters() const { return counters_; }

 private:
  // There are hundreds for every receiver of a camera: 24 bytes. Times count in kTimeUnit and wrap after six days.
  struct Slot {
    PacketRef packet;
    std::uint32_t timestamp = 0;
    std::uint32_t tag = 0;
    std::uint32_t first_sent = 0;
    std::uint16_t answered_after = 0;  // since first_sent
    std::uint8_t answers = 0;
    bool marker = false;
  };
  static constexpr Duration kTimeUnit = Duration(125);
  static std::uint32_t UnitsOf(Time t) { return static_cast<std::uint32_t>(t.time_since_epoch() / kTimeUnit); }
  static Duration Age(const Slot& slot, Time now) { return kTimeUnit * (UnitsOf(now) - slot.first_sent); }

  const Item* Refuse(Refusal reason, std::uint64_t& counter);
  std::int64_t Unwrapped(rtp::SeqNum seq) const;
  Slot& At(std::int64_t n) { return ring_[static_cast<std::size_t>(n) & (ring_.size() - 1)]; }
  void MakeRoom(std::int64_t number);
  void DropFront();
  void Grow();

  RetransmissionOptions options_;
  Duration rtt_{0};         // 0: not measured
  std::vector<Slot> ring_;  // power of two, grows as needed up to max_items
  std::int64_t begin_ = 0;  // unwrapped numbers: [begin_, end_)
  std::int64_t end_ = 0;
  std::uint32_t added_ = 0;
  Item answer_;  // what Answer() pointed to last
  Refusal last_refusal_ = Refusal::kUnknown;
  Counters counters_;
};

}  // namespace jb::media
