// SPDX-License-Identifier: Apache-2.0
// Counts what the hot path allocates: nothing, once warm. A program of its own, since it replaces
// operator new. It also prints what forwarding costs: a figure, not a verdict.
#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>

#include "proto/rtcp/nack.h"
#include "scenario/media_sender.h"

extern std::uint64_t allocations;  // counting_new.cc

namespace jb::scenario {
namespace {

// Clients that have connected over a World, then fed by hand: the harness itself must not allocate.
class HotPath {
 public:
  explicit HotPath(std::size_t fan_out) : alice_(world_, "a", sfu::TransportDirection::kSend, UdpTuple("10.0.0.1", 1)) {
    SenderOptions options;
    options.ssrc = 10;
    options.rtx_ssrc = 11;
    EXPECT_TRUE(world_.worker()
                    .Produce(alice_.id(), ProducerId("p"), sfu::MediaKind::kVideo, VideoParameters(options), false,
                             world_.now())
                    .ok());
    const json::value caps = RecvCapabilities(world_.worker());
    for (std::size_t i = 0; i < fan_out; ++i) {
      listeners_.push_back(std::make_unique<TestPeer>(world_, "b" + std::to_string(i), sfu::TransportDirection::kRecv,
                                                      UdpTuple("10.0.0.2", static_cast<std::uint16_t>(i + 1))));
      const ConsumerId id("c" + std::to_string(i));
      const auto consumed = world_.worker().Consume(listeners_[i]->id(), id, ProducerId("p"), caps, world_.now());
      EXPECT_TRUE(consumed.ok());
      const json::value described = *consumed;
      const json::array& encodings = *GetArray(*GetMember(described, "rtpParameters"), "encodings");
      consumer_ssrcs_.emplace_back(static_cast<std::uint32_t>(*GetInt(encodings[0], "ssrc")));
      EXPECT_TRUE(world_.worker().ResumeConsumer(id, world_.now()).ok());
      listeners_[i]->Connect();
    }
    alice_.Connect();
    EXPECT_TRUE(world_.RunUntil([this] { return Connected(); }, 10s));
    world_.Run(100ms);
    sender_ = std::make_unique<MediaSender>(alice_, options);
  }

  // Protected packets, ready to be handed to the worker; the first is a key frame.
  std::vector<Bytes> Prepare(std::size_t count) {
    std::vector<Bytes> out;
    Bytes payload(1150, 0x42);
    payload[0] = 0x10;
    for (std::size_t i = 0; i < count; ++i) {
      payload[1] = next_ == 0 ? 0 : 1;
      out.push_back(alice_.Protect(sender_->Build(MediaSender::kVp8, true, payload, next_++)));
    }
    return out;
  }
  // Protected requests of a listener for the packets that will follow the last one, in order.
  std::vector<Bytes> PrepareNacks(std::size_t listener, std::size_t count) {
    std::vector<Bytes> out;
    for (std::size_t i = 1; i <= count; ++i) {
      std::array<std::uint8_t, 64> buffer;
      ByteWriter writer(buffer);
      const rtp::SeqNum wanted(static_cast<std::uint16_t>(last_sequences_[listener] + i));
      rtcp::WriteNack(writer, rtp::Ssrc(1), consumer_ssrcs_[listener], std::span(&wanted, 1));
      out.push_back(listeners_[listener]->ProtectRtcp(writer.written()));
    }
    return out;
  }
  void HandOver(std::size_t listener, Bytes& datagram) {
    world_.worker().HandleDatagram(listeners_[listener]->local(), datagram, now_);
  }
  // Nothing is delivered: the network swallows it.
  void Feed(std::vector<Bytes>& packets, Duration step) {
    for (Bytes& packet : packets) {
      now_ += step;
      world_.worker().HandleDatagram(alice_.local(), packet, now_);
      if (const auto due = world_.worker().NextDeadline(); due && *due <= now_) world_.worker().HandleTimeout(now_);
    }
  }
  void SwallowOutput() {
    now_ = world_.now();
    world_.swallow = true;
  }
  // As SwallowOutput, but remembers the number that each listener was last sent.
  void WatchOutput() {
    now_ = world_.now();
    last_sequences_.resize(listeners_.size());
    world_.lose_down = [this](const Tuple& to, ByteView datagram) {
      for (std::size_t i = 0; i < listeners_.size(); ++i) {
        const bool media = to == listeners_[i]->local() && datagram.size() > 12 &&
                           LoadU32(datagram.data() + 8) == consumer_ssrcs_[i].value();
        if (media) last_sequences_[i] = LoadU16(datagram.data() + 2);
      }
      return true;
    };
  }
  World& world() { return world_; }

 private:
  bool Connected() {
    bool all = world_.worker().transport_state(alice_.id()) == sfu::TransportState::kConnected;
    for (const auto& listener : listeners_) {
      all = all && world_.worker().transport_state(listener->id()) == sfu::TransportState::kConnected;
    }
    return all;
  }

  World world_;
  TestPeer alice_;
  std::vector<std::unique_ptr<TestPeer>> listeners_;
  std::vector<rtp::Ssrc> consumer_ssrcs_;
  std::vector<std::uint16_t> last_sequences_;
  std::unique_ptr<MediaSender> sender_;
  std::uint16_t next_ = 0;
  Time now_{};
};

TEST(AllocationCheck, ForwardingAllocatesNothingOnceWarm) {
  HotPath path(4);
  path.SwallowOutput();
  std::vector<Bytes> warm = path.Prepare(4000);
  path.Feed(warm, 2ms);
  std::vector<Bytes> packets = path.Prepare(4000);
  const std::uint64_t sent = path.world().worker().stats().packets_out;
  const std::uint64_t before = allocations;
  path.Feed(packets, 2ms);
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_EQ(path.world().worker().stats().packets_out - sent, 4u * 4000u);
}

// One packet in forty is lost on its way in, each listener asks for one in ten again.
std::uint64_t RepairAll(HotPath& path, std::size_t packets) {
  std::vector<Bytes> stream = path.Prepare(packets);
  std::array<std::vector<Bytes>, 2> nacks{path.PrepareNacks(0, packets), path.PrepareNacks(1, packets)};
  std::vector<Bytes> one(1);
  const std::uint64_t before = allocations;
  for (std::size_t i = 0; i < packets; ++i) {
    if (i % 40 == 7) continue;
    one[0].swap(stream[i]);
    path.Feed(one, 2ms);
    for (std::size_t listener = 0; i % 10 == 0 && i >= 20 && listener < 2; ++listener) {
      path.HandOver(listener, nacks[listener][i - 20]);
    }
  }
  return allocations - before;
}

TEST(AllocationCheck, RepairingLossBothWaysAllocatesNothingOnceWarm) {
  HotPath path(2);
  path.WatchOutput();
  std::vector<Bytes> first = path.Prepare(10);
  path.Feed(first, 2ms);
  RepairAll(path, 4000);
  const sfu::WorkerStats warm = path.world().worker().stats();
  EXPECT_EQ(RepairAll(path, 4000), 0u);
  const sfu::WorkerStats after = path.world().worker().stats();
  EXPECT_GE(after.retransmitted - warm.retransmitted, 700u);
  EXPECT_GE(after.nacks_sent - warm.nacks_sent, 100u);
}

TEST(AllocationCheck, WhatOneForwardedPacketCosts) {
  for (const std::size_t fan_out : {std::size_t{1}, std::size_t{10}}) {
    HotPath path(fan_out);
    path.SwallowOutput();
    std::vector<Bytes> warm = path.Prepare(4000);
    path.Feed(warm, 1ms);
    std::vector<Bytes> packets = path.Prepare(8000);
    const std::uint64_t sent = path.world().worker().stats().packets_out;
    const std::clock_t began = std::clock();  // processor time: other programs do not count
    path.Feed(packets, 1ms);
    const double took_ns = 1e9 * static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
    const std::uint64_t forwarded = path.world().worker().stats().packets_out - sent;
    std::printf("fan-out %zu: %.0f ns per packet in, %.0f ns per packet out (1150-byte payload, SRTP on)\n", fan_out,
                took_ns / static_cast<double>(packets.size()), took_ns / static_cast<double>(forwarded));
    EXPECT_EQ(forwarded, packets.size() * fan_out);
  }
}

}  // namespace
}  // namespace jb::scenario
