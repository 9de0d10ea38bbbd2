// SPDX-License-Identifier: Apache-2.0
// A sender with a retransmission buffer and a receiver with a NACK generator over bad networks, in
// virtual time: what the parts of this folder do together.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "media/rtp/nack_generator.h"
#include "media/rtp/packet_pool.h"
#include "media/rtp/retransmission_buffer.h"
#include "media/rtp/stream_receiver.h"
#include "proto/rtcp/nack.h"
#include "proto/rtp/packet.h"
#include "proto/rtp/rtx.h"
#include "testing/netem.h"

namespace jb::media {
namespace {

using jb::testing::Netem;
using jb::testing::NetemProfile;
using rtp::PayloadType;
using rtp::SeqNum;
using rtp::Ssrc;
using rtp::Timestamp;
using std::chrono::milliseconds;

constexpr Time kT0{std::chrono::seconds(100)};
constexpr Ssrc kSsrc{1111};
constexpr Ssrc kRtxSsrc{2222};
constexpr PayloadType kPayload{101};
constexpr PayloadType kRtxPayload{102};
constexpr int kPackets = 6000;
constexpr std::size_t kPayloadSize = 600;

// One stream of kPackets, one each 4 ms, and everything that its loss sets in motion.
class LossyStream {
 public:
  LossyStream(const NetemProfile& profile, SeqNum first, std::uint64_t seed)
      : forward_(profile, seed), backward_(profile, seed + 1), first_(first) {
    // What reports measure here: a queue that keeps its order makes the longest delays the usual
    // ones.
    const Duration rtt = 2 * (profile.latency + profile.jitter);
    sent_.set_rtt(rtt);
    nack_.set_rtt(rtt);
  }

  void Run() {
    const Time end = kT0 + kPackets * milliseconds(4) + std::chrono::seconds(8);
    for (Time now = kT0; now < end; now += milliseconds(1)) {
      const std::int64_t ms = ToMs(now - kT0);
      if (ms % 4 == 0 && ms / 4 < kPackets) Send(static_cast<int>(ms / 4), now);
      while (auto datagram = forward_.Poll(now)) Receive(datagram->bytes, now);
      SendNacks(now);
      while (auto datagram = backward_.Poll(now)) Answer(datagram->bytes, now);
    }
  }

  int complete() const { return static_cast<int>(std::count(got_.begin(), got_.end(), true)); }
  int damaged() const { return damaged_; }
  const RetransmissionBuffer::Counters& resent() const { return sent_.counters(); }
  const NackGenerator& nack() const { return nack_; }
  StreamReceiver& receiver() { return receiver_; }
  const Netem& forward() const { return forward_; }

 private:
  void Send(int index, Time now) {
    PacketRef packet = pool_.Take();
    ASSERT_TRUE(packet);
    packet->layout().Reserve(5, 2);
    const SeqNum seq = first_ + index;
    const Timestamp timestamp(static_cast<std::uint32_t>(index) * 360);
    const std::size_t header = packet->layout().Write(
        packet->storage(), {.payload_type = kPayload, .sequence_number = seq, .timestamp = timestamp, .ssrc = kSsrc});
    std::fill_n(packet->storage().begin() + static_cast<std::ptrdiff_t>(header), kPayloadSize,
                static_cast<std::uint8_t>(index));
    packet->set_size(header + kPayloadSize);
    forward_.Send({}, packet->bytes(), now);
    sent_.Add(packet, seq, timestamp, false, now);
  }

  void Receive(Bytes& bytes, Time now) {
    auto packet = rtp::MutablePacketView::Parse(bytes).value();
    if (packet.ssrc() == kRtxSsrc) {
      const ByteSpan restored = rtp::DecapsulateRtx(packet, kSsrc, kPayload).value();
      Deliver(rtp::PacketView::Parse(restored).value(), true, now);
    } else {
      receiver_.HandlePacket(packet.sequence_number(), packet.timestamp(), packet.payload().size(), now);
      Deliver(packet, false, now);
    }
  }

  void Deliver(const rtp::PacketView& packet, bool recovered, Time now) {
    nack_.HandlePacket(packet.sequence_number(), false, recovered, now);
    const int index = static_cast<std::uint16_t>(packet.sequence_number() - first_);
    const bool intact = packet.ssrc() == kSsrc && packet.payload().size() == kPayloadSize &&
                        packet.payload().back() == static_cast<std::uint8_t>(index);
    if (!intact) ++damaged_;
    got_[static_cast<std::size_t>(index)] = true;
  }

  void SendNacks(Time now) {
    std::array<SeqNum, 100> due;
    while (const std::size_t count = nack_.PollNacks(now, due)) {
      std::array<std::uint8_t, 500> buffer;
      ByteWriter out(buffer);
      EXPECT_EQ(rtcp::WriteNack(out, Ssrc(1), kSsrc, std::span(due).first(count)), count);
      backward_.Send({}, out.written(), now);
    }
  }

  void Answer(const Bytes& bytes, Time now) {
    rtcp::Compound::Parse(bytes).value().ForEach([&](const rtcp::RawPacket& raw) {
      rtcp::Nack::Parse(raw).value().ForEach([&](SeqNum seq) {
        const RetransmissionBuffer::Item* item = sent_.Answer(seq, now, 2000);
        if (!item) return;
        std::array<std::uint8_t, PacketBuffer::kCapacity + 2> buffer;
        const std::size_t size = item->packet->size();
        std::copy_n(item->packet->storage().begin(), size, buffer.begin());
        rtx_seq_ = rtx_seq_.Next();
        const std::size_t rtx_size =
            rtp::EncapsulateRtx(buffer, size, item->packet->header_size(), {kRtxSsrc, kRtxPayload, rtx_seq_});
        forward_.Send({}, ByteView(buffer).first(rtx_size), now);
      });
    });
  }

  PacketPool pool_{4000};
  Netem forward_;
  Netem backward_;
  SeqNum first_;
  SeqNum rtx_seq_{65'000};
  RetransmissionBuffer sent_;
  NackGenerator nack_;
  StreamReceiver receiver_{kSsrc, 90'000};
  std::vector<bool> got_ = std::vector<bool>(kPackets);
  int damaged_ = 0;
};

TEST(LossRecovery, AlmostEverythingArrivesInTheEndFromEveryWrapPosition) {
  for (const int first : {0, 1, 32767, 32768, 65534, 65535}) {
    for (const NetemProfile& profile :
         {jb::testing::WifiNetwork(), jb::testing::MobileNetwork(), jb::testing::BadNetwork()}) {
      LossyStream stream(profile, SeqNum(static_cast<std::uint16_t>(first)), static_cast<std::uint64_t>(first) + 1);
      stream.Run();
      EXPECT_GE(stream.complete(), kPackets * 995 / 1000) << ToMs(profile.latency) << " ms";
      EXPECT_EQ(stream.damaged(), 0);
      EXPECT_EQ(stream.nack().missing_count(), 0u) << "nothing is asked for for ever";
    }
  }
}

TEST(LossRecovery, WhatTheReceiverReportsIsWhatTheNetworkLost) {
  LossyStream stream(jb::testing::MobileNetwork(), SeqNum(60'000), 5);
  stream.Run();
  const auto block = stream.receiver().MakeReportBlock(kT0 + std::chrono::seconds(60)).value();
  const auto primary_lost =
      static_cast<std::int64_t>(kPackets) - static_cast<std::int64_t>(stream.receiver().packets());
  EXPECT_EQ(block.cumulative_lost, primary_lost);
  EXPECT_GT(block.cumulative_lost, 50);
}

TEST(LossRecovery, ResendingStaysInProportionToTheLoss) {
  for (const NetemProfile& profile : {jb::testing::MobileNetwork(), jb::testing::BadNetwork()}) {
    LossyStream stream(profile, SeqNum(5), 9);
    stream.Run();
    // Each lost packet, and each lost answer, costs one answer; a packet that overtakes five others
    // makes about half of them look lost.
    const Netem::Counters& network = stream.forward().counters();
    EXPECT_LE(stream.resent().answered, network.lost + 3 * network.reordered);
  }
}

}  // namespace
}  // namespace jb::media
