// SPDX-License-Identifier: Apache-2.0
#include "sfu/egress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "crypto/srtp.h"

namespace jb::sfu {
namespace {

crypto::SrtpKeys Keys(bool far_end) {
  crypto::SrtpKeys keys{crypto::SrtpProfile::kAeadAes128Gcm, Bytes(16, 1), Bytes(12, 2), Bytes(16, 3), Bytes(12, 4)};
  if (far_end) {
    std::swap(keys.local_key, keys.remote_key);
    std::swap(keys.local_salt, keys.remote_salt);
  }
  return keys;
}

Tuple To(std::uint16_t port) { return {TransportProtocol::kUdp, *SocketAddress::Parse("192.0.2.1", port), 0}; }

// What left, in which calls.
class Recorder : public WorkerOutput {
 public:
  void SendDatagram(const Tuple&, ByteView) override { ADD_FAILURE() << "RTP leaves by SendDatagrams"; }
  void SendDatagrams(std::span<const OutgoingDatagram> datagrams) override {
    ++calls;
    for (const auto& d : datagrams) sent.push_back({*d.to, Bytes(d.bytes.begin(), d.bytes.end())});
  }
  void HandleEvent(const WorkerEvent&) override {}
  void HandleTappedPacket(const ProducerId&, const TappedPacket&) override {}

  struct Sent {
    Tuple to;
    Bytes bytes;
  };
  std::vector<Sent> sent;
  std::size_t calls = 0;
};

class EgressTest : public ::testing::Test {
 protected:
  media::PacketRef MakePacket(std::size_t payload) {
    media::PacketRef packet = pool_.Take();
    rtp::HeaderFields fields;
    fields.payload_type = rtp::PayloadType(96);
    const std::size_t header = packet->layout().Write(packet->storage(), fields);
    packet->set_size(header + payload);
    for (std::size_t i = 0; i < payload; ++i) packet->storage()[header + i] = static_cast<std::uint8_t>(i * 3);
    return packet;
  }
  // `extra` are own bytes behind the header, as RTX has.
  void Add(Egress::Queue& queue, const Tuple& to, std::uint16_t seq, const media::PacketRef& packet,
           ByteView extra = {}) {
    const std::size_t header = packet->layout().size();
    ByteSpan own = egress_.Own(queue, to, header + extra.size());
    std::copy_n(packet->bytes().begin(), header, own.begin());
    std::copy(extra.begin(), extra.end(), own.begin() + static_cast<std::ptrdiff_t>(header));
    StoreU16(own.data() + 2, seq);
    StoreU32(own.data() + 8, 77);
    auto ticket = near_.TakeNumber(**near_.OpenSendStream(77), seq);
    ASSERT_TRUE(ticket.ok());
    egress_.Add(queue, std::move(*ticket), header, own.size(), packet, header);
  }
  // The plain packets that arrive, in the order in which they left; empty where one does not authenticate.
  std::vector<Bytes> Open() {
    std::vector<Bytes> out;
    for (auto& sent : output_.sent) {
      const auto size = far_.UnprotectRtp(sent.bytes);
      sent.bytes.resize(size.ok() ? *size : 0);
      out.push_back(sent.bytes);
    }
    return out;
  }
  static std::uint16_t Seq(const Bytes& packet) { return packet.size() < 4 ? 0 : LoadU16(packet.data() + 2); }

  media::PacketPool pool_{4096};
  WorkerStats stats_;
  Recorder output_;
  Egress egress_{output_, stats_};
  crypto::SrtpSession near_{Keys(false)}, far_{Keys(true)};
};

TEST_F(EgressTest, OutsideOfATurnAPacketLeavesAtOnce) {
  Egress::Queue a;
  const media::PacketRef packet = MakePacket(100);
  Add(a, To(1), 5, packet);
  ASSERT_EQ(output_.sent.size(), 1u);
  const Bytes opened = Open()[0];
  ASSERT_EQ(opened.size(), packet->size());
  EXPECT_TRUE(std::equal(opened.begin() + 12, opened.end(), packet->bytes().begin() + 12));
  EXPECT_EQ(stats_.packets_out, 1u);
  EXPECT_EQ(stats_.bytes_out, packet->size() + 16);
}

TEST_F(EgressTest, ATurnLeavesTogetherByDestinationAndInOrder) {
  Egress::Queue a, b;
  const media::PacketRef packet = MakePacket(200);
  {
    const Egress::Turn turn(egress_);
    for (std::uint16_t i = 0; i < 6; ++i) {
      Add(i % 2 ? b : a, To(i % 2 ? 2 : 1), static_cast<std::uint16_t>(10 + i), packet);
    }
    {
      const Egress::Turn inner(egress_);
    }
    EXPECT_TRUE(output_.sent.empty());
  }
  EXPECT_EQ(output_.calls, 1u);
  std::vector<std::uint16_t> order;
  for (const Bytes& opened : Open()) order.push_back(Seq(opened));
  EXPECT_EQ(order, (std::vector<std::uint16_t>{10, 12, 14, 11, 13, 15}));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(output_.sent[i].to, To(i < 3 ? 1 : 2));
}

TEST_F(EgressTest, OwnBytesBehindTheHeaderAreEncryptedWithTheRest) {
  Egress::Queue a;
  const media::PacketRef packet = MakePacket(50);
  const Bytes osn{0x12, 0x34};
  Add(a, To(1), 5, packet, osn);
  const Bytes opened = Open()[0];
  ASSERT_EQ(opened.size(), packet->size() + 2);
  EXPECT_EQ(Bytes(opened.begin() + 12, opened.begin() + 14), osn);
  EXPECT_TRUE(std::equal(opened.begin() + 14, opened.end(), packet->bytes().begin() + 12));
}

TEST_F(EgressTest, AnAddressThatChangesInATurnTakesOnlyWhatComesAfter) {
  Egress::Queue a;
  const media::PacketRef packet = MakePacket(50);
  const Egress::Turn turn(egress_);
  Add(a, To(1), 5, packet);
  Add(a, To(2), 6, packet);
  ASSERT_EQ(output_.sent.size(), 1u);
  EXPECT_EQ(output_.sent[0].to, To(1));
  Add(a, To(2), 7, packet);
  EXPECT_EQ(output_.sent.size(), 1u);
}

TEST_F(EgressTest, MorePacketsThanThereIsRoomForLeaveEarlierInOrder) {
  std::array<Egress::Queue, 7> queues;
  std::map<Tuple, std::vector<std::uint16_t>> added, left;
  {
    const Egress::Turn turn(egress_);
    for (std::uint16_t seq = 1000; seq < 1000 + 3 * Egress::kMaxPackets; ++seq) {
      const std::uint16_t which = static_cast<std::uint16_t>(seq * 31 % queues.size());
      Add(queues[which], To(which), seq, MakePacket(seq % 1400u));
      added[To(which)].push_back(seq);
    }
  }
  // The receivers share one key here: opened in order of their numbers.
  for (const auto& sent : output_.sent) left[sent.to].push_back(LoadU16(sent.bytes.data() + 2));
  EXPECT_EQ(left, added);
  EXPECT_EQ(stats_.packets_out, 3 * Egress::kMaxPackets);
}

TEST_F(EgressTest, HoldsNoPacketOnceItHasLeft) {
  Egress::Queue a;
  {
    const Egress::Turn turn(egress_);
    for (std::uint16_t i = 0; i < 100; ++i) Add(a, To(1), i, MakePacket(10));
    EXPECT_EQ(pool_.in_use(), 100u);
  }
  EXPECT_EQ(pool_.in_use(), 0u);
}

}  // namespace
}  // namespace jb::sfu
