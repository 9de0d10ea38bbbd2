// SPDX-License-Identifier: Apache-2.0
// RTP on its way out. What is handled in one turn (one batch of datagrams read, one timeout, one injected frame)
// leaves together at its end: chained by destination, sealed in that order, and handed to the output as views, so
// that packets of equal size to one destination lie side by side for UDP segmentation. A packet waits for the rest
// of its turn and for nothing else; outside of a turn it leaves at once, so that no command ever finds one waiting.
//
// A packet is its own first bytes (the header, patched; whatever else differs per receiver) and a shared rest, which
// is encrypted from the producer's buffer straight into its place.
// Sans-IO, single-threaded. Owned by the context. Nothing is allocated after it was made.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/socket_address.h"
#include "crypto/srtp_batch.h"
#include "media/rtp/packet_pool.h"
#include "sfu/worker.h"

namespace jb::sfu {

class Egress {
 public:
  // The packets of a turn: more leave earlier. 1024 is a frame of four packets to 250 receivers.
  static constexpr std::size_t kMaxPackets = 1024;
  // The largest own part of a packet.
  static constexpr std::size_t kMaxOwn = 512;

  // What waits for one destination. Each transport has one; it must be empty when it goes.
  class Queue {
   public:
    Queue() = default;
    ~Queue();
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

   private:
    friend class Egress;
    Tuple to_;
    std::uint32_t first_ = kNone, last_ = kNone;
    Queue* next_ = nullptr;
  };

  // Both outlive it; what leaves is counted in `stats`.
  Egress(WorkerOutput& output, WorkerStats& stats);
  Egress(const Egress&) = delete;
  Egress& operator=(const Egress&) = delete;

  // Where the own bytes of the next packet of `queue` are written before Add(), at most `size` of them.
  ByteSpan Own(Queue& queue, const Tuple& to, std::size_t size);

  // The packet: the first `own_size` bytes of Own(), of which `header_size` stay in the clear, and behind them
  // what the buffer of `shared` holds from `shared_from` on. The order within a queue is kept.
  void Add(Queue& queue, crypto::SrtpTicket ticket, std::size_t header_size, std::size_t own_size,
           media::PacketRef shared, std::size_t shared_from);

  // What is added during its life leaves together at its end. They may nest.
  class Turn {
   public:
    explicit Turn(Egress& egress) : egress_(egress) { ++egress_.turns_; }
    ~Turn() {
      if (--egress_.turns_ == 0) egress_.Flush();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Egress& egress_;
  };

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  static constexpr std::size_t kOwnBytes = kMaxPackets * 128;  // four times the usual header
  // One call of the output: enough to make the system call cheap, and it all stays in the cache.
  static constexpr std::size_t kMaxDatagrams = 64;
  static constexpr std::size_t kOutBytes = kMaxDatagrams * 1600;

  struct Waiting {
    crypto::SrtpTicket ticket;
    media::PacketRef shared;
    std::uint32_t own = 0;  // where in own_
    std::uint32_t next = kNone;
    std::uint16_t own_size = 0, header_size = 0, shared_from = 0;
  };

  void Flush();
  void LayOut(Waiting& packet, const Tuple& to);
  void Emit();

  WorkerOutput& output_;
  WorkerStats& stats_;
  crypto::SrtpBatch srtp_;
  std::size_t turns_ = 0;
  std::vector<Waiting> waiting_;
  std::size_t count_ = 0;
  std::unique_ptr<std::uint8_t[]> own_;
  std::size_t own_used_ = 0;
  Queue* first_ = nullptr;  // with packets, in the order of their first
  Queue* last_ = nullptr;
  std::unique_ptr<std::uint8_t[]> out_;
  std::size_t out_used_ = 0;
  std::vector<OutgoingDatagram> datagrams_;
  std::vector<media::PacketRef> sealing_;  // what the batch reads from
};

}  // namespace jb::sfu
