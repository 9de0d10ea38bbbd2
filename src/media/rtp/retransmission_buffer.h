// SPDX-License-Identifier: Apache-2.0
// What one outgoing stream sent lately, to answer NACKs from. Keeps references to shared packets
// plus the few header fields that differ per consumer. Limits what a receiver can make us send
// again (no packet twice within a round trip, none more than three times). No I/O;
// single-threaded.
#pragma once

#include <cstdint>
#include <vector>

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
    std::uint8_t answers = 0;
    std::uint32_t tag = 0;  // the owner's own use
    Time first_sent_at;
    Time sent_at;  // the last answer
  };
  struct Counters {
    std::uint64_t answered = 0;
    std::uint64_t refused_unknown = 0;
    std::uint64_t refused_too_old = 0;
    std::uint64_t refused_too_soon = 0;
    std::uint64_t refused_too_often = 0;
    std::uint64_t refused_over_budget = 0;
  };

  explicit RetransmissionBuffer(RetransmissionOptions options = {}) : options_(options) {}

  void set_rtt(Duration rtt) { rtt_ = rtt; }

  // Remembers a packet just sent. Numbers may leave gaps and may be older than the last (a packet
  // that came late); one older than all that is remembered is ignored. Now and then calls Forget().
  void Add(PacketRef packet, rtp::SeqNum seq, rtp::Timestamp timestamp, bool marker, Time now, std::uint32_t tag = 0);

  // The packet to send again, or nullptr (counted by reason). A refusal costs nothing: a packet of
  // more than `budget` bytes keeps its answers for when there is room. The pointer is valid until
  // the next call.
  const Item* Answer(rtp::SeqNum seq, Time now, std::size_t budget);

  // Returns the buffers of what is older than max_age. A stream that has stopped adds nothing: its
  // owner calls this once in a while, or the last two seconds of it are held for as long as it lives.
  void Forget(Time now);
  // Drops everything, as when the stream is paused.
  void Clear();
  std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }  // slots, gaps included
  const Counters& counters() const { return counters_; }

 private:
  std::int64_t Unwrapped(rtp::SeqNum seq) const;
  Item& At(std::int64_t n) { return ring_[static_cast<std::size_t>(n) & (ring_.size() - 1)]; }
  void MakeRoom(std::int64_t number);
  void DropFront();
  void Grow();

  RetransmissionOptions options_;
  Duration rtt_{0};         // 0: not measured
  std::vector<Item> ring_;  // power of two, grows as needed up to max_items
  std::int64_t begin_ = 0;  // unwrapped numbers: [begin_, end_)
  std::int64_t end_ = 0;
  std::uint32_t added_ = 0;
  Counters counters_;
};

}  // namespace jb::media
