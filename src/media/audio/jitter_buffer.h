// SPDX-License-Identifier: Apache-2.0
// Puts the Opus packets of one microphone back in order for a recogniser, not for an ear: a packet
// whose predecessors are here comes out at once, and only a hole makes its successors wait, up to the
// target, for the missing packet (late, or retransmitted). Then the hole is declared lost and the
// caller conceals it. The target adapts to how late packets come.
// Does not decode and does not pace. No clock, no allocation after warm-up, at most kMaxPackets held.
// Single-threaded. Sequence numbers and timestamps may start anywhere and wrap (RFC 3550 section 5.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/sequence.h"
#include "base/time.h"

namespace jb::media {

struct JitterBufferOptions {
  // One retransmission over a nearby path; also about what a phone on Wi-Fi jitters.
  Duration least_wait = std::chrono::milliseconds(40);
  Duration most_wait = std::chrono::milliseconds(120);
};

class JitterBuffer {
 public:
  static constexpr std::size_t kMaxPackets = 64;  // 1.28 s of 20 ms packets

  explicit JitterBuffer(JitterBufferOptions options = {});

  // False when dropped: a duplicate, too late, too large (> 1500 bytes) or empty. A jump of the sequence
  // number by more than kMaxPackets starts afresh (Frame::restarted).
  bool Insert(std::uint16_t seq, std::uint32_t timestamp, ByteView payload, Time now);

  enum class Kind : std::uint8_t {
    kPacket,   // decode `payload`
    kLost,     // `duration` of sound is missing: conceal; `payload` is the next packet if it is here
               // (its FEC covers the last 20 ms or so), else empty
    kSilence,  // the sender chose to send nothing for `duration` (DTX): no loss, feed silence
  };
  struct Frame {
    Kind kind;
    ByteView payload;  // valid until the next call on this object
    std::uint32_t timestamp;
    Duration duration;           // of kPacket: what the packet says it holds
    bool restarted = false;      // the stream jumped: reset the decoder before this frame
    std::uint16_t sequence = 0;  // of kPacket
  };
  // The next frame that may be used now; drain until nullopt after each Insert and at NextDeadline.
  std::optional<Frame> Pop(Time now);
  // When a hole will be declared lost; nullopt when nothing waits.
  std::optional<Time> NextDeadline() const;

  // Forgets everything but the adapted target and the counters.
  void Reset();

  struct Stats {
    std::uint64_t packets = 0;
    std::uint64_t lost = 0;  // packets declared lost
    std::uint64_t late = 0;  // came after they were declared lost
    std::uint64_t duplicates = 0;
    std::uint64_t discarded = 0;  // malformed, or thrown out by a restart
    std::uint64_t restarts = 0;
  };
  const Stats& stats() const { return stats_; }
  Duration wait() const { return wait_; }
  std::size_t size() const { return held_; }

 private:
  struct Slot {
    bool used = false;
    std::int64_t seq = 0;
    std::uint32_t timestamp = 0;
    Time arrival{};
    Duration duration{};
    Bytes payload;  // keeps its capacity
  };
  Slot& SlotOf(std::int64_t seq) { return slots_[static_cast<std::size_t>(seq) % kMaxPackets]; }
  bool Discard();
  bool Rejected(std::uint16_t seq, std::int64_t unwrapped, std::uint32_t timestamp, Time now);
  void NoteMissed(std::int64_t seq, Time now);
  void Restart(std::int64_t seq, std::uint32_t timestamp);
  void Advance(std::int64_t count, bool lost);
  const Slot& FirstHeld() const;
  Time EarliestArrival() const;
  Frame ReleaseSilence(const Slot& slot, Duration gap);
  Frame Release(Slot& slot);
  Frame DeclareLost(Time now);
  bool TakeRestarted();

  JitterBufferOptions options_;
  Duration wait_;
  std::array<Slot, kMaxPackets> slots_;
  Unwrapper<std::uint16_t> unwrapper_;
  std::optional<std::int64_t> next_;  // the sequence number to come out next
  std::uint32_t next_timestamp_ = 0;  // where its sound starts if the sender left nothing out
  Duration last_duration_ = std::chrono::milliseconds(20);
  std::optional<std::uint16_t> stray_;  // a far-off number, believed when its successor comes too
  std::uint64_t lost_recently_ = 0;     // bit i: packet next_-1-i was declared lost
  bool restarted_ = false;
  std::size_t held_ = 0;
  Time last_lost_at_{};
  std::uint32_t since_late_ = 0;
  Stats stats_;
};

}  // namespace jb::media
