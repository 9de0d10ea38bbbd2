// SPDX-License-Identifier: Apache-2.0
// Counts what the hot path allocates: nothing, once warm. A program of its own, since it replaces
// operator new. It also prints what forwarding costs: a figure, not a verdict.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "crypto/srtp_transform.h"
#include "proto/rtcp/nack.h"
#include "scenario/media_sender.h"

extern std::uint64_t allocations;  // counting_new.cc

namespace jb::scenario {
namespace {

// Nobody checks here once the packets are fed by hand; consent outlives them all.
sfu::WorkerConfig LastingConsent() {
  sfu::WorkerConfig config;
  config.consent_timeout = std::chrono::hours(1);
  return config;
}

// Whether the listeners are on the worker that the sender is on.
enum class Where : std::uint8_t { kSameWorker, kAcrossAPipe };

// Clients that have connected over a World, then fed by hand: the harness itself must not allocate.
class HotPath {
 public:
  // `layered`: in three temporal layers, to receivers that are sent what they prefer.
  explicit HotPath(std::size_t fan_out, Where where = Where::kSameWorker, bool layered = false)
      : layered_(layered),
        there_(where == Where::kSameWorker ? world_ : far_),
        alice_(world_, "a", sfu::TransportDirection::kSend, UdpTuple("10.0.0.1", 1)) {
    SenderOptions options;
    options.ssrc = 10;
    options.rtx_ssrc = 11;
    json::value parameters = VideoParameters(options);
    if (layered) parameters.at("encodings").at(0).as_object()["scalabilityMode"] = "L1T3";
    EXPECT_TRUE(
        world_.worker()
            .Produce(alice_.id(), ProducerId("p"), sfu::MediaKind::kVideo, parameters, false, world_.now())
            .ok());
    if (where == Where::kAcrossAPipe) LayPipe();
    const json::value caps = RecvCapabilities(
        there_.worker(), layered ? BandwidthFeedback::kNone : BandwidthFeedback::kTransportWide);
    for (std::size_t i = 0; i < fan_out; ++i) {
      listeners_.push_back(std::make_unique<TestPeer>(there_, "b" + std::to_string(i), sfu::TransportDirection::kRecv,
                                                      UdpTuple("10.0.0.2", static_cast<std::uint16_t>(i + 1))));
      const ConsumerId id("c" + std::to_string(i));
      const auto consumed = there_.worker().Consume(listeners_[i]->id(), id, ProducerId("p"), caps, there_.now());
      EXPECT_TRUE(consumed.ok());
      const json::value described = *consumed;
      const json::array& encodings = *GetArray(*GetMember(described, "rtpParameters"), "encodings");
      consumer_ssrcs_.emplace_back(static_cast<std::uint32_t>(*GetInt(encodings[0], "ssrc")));
      EXPECT_TRUE(there_.worker().ResumeConsumer(id, there_.now()).ok());
      listeners_[i]->Connect();
    }
    alice_.Connect();
    EXPECT_TRUE(world_.RunUntil([this] { return IsConnected(world_, alice_); }, 10s));
    EXPECT_TRUE(there_.RunUntil([this] { return ListenersConnected(); }, 10s));
    for (World* world : {&world_, &far_}) world->Run(100ms);
    sender_ = std::make_unique<MediaSender>(alice_, options);
  }

  // Protected packets, ready to be handed to the worker; the first is a key frame.
  std::vector<Bytes> Prepare(std::size_t count) {
    std::vector<Bytes> out;
    Bytes payload(1150, 0x42);
    payload[0] = 0x10;
    for (std::size_t i = 0; i < count; ++i) {
      payload[1] = next_ == 0 ? 0 : 1;
      if (layered_) WriteLayers(payload);
      out.push_back(alice_.Protect(sender_->Build(MediaSender::kVp8, true, payload, next_++)));
    }
    return out;
  }
  // Temporal layers of the listeners, in turn 0, 1, 2 and from `first` on.
  void Prefer(int first) {
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      const auto layer = static_cast<std::uint8_t>((static_cast<std::size_t>(first) + i) % 3);
      EXPECT_TRUE(world_.worker().SetPreferredLayers(ConsumerId("c" + std::to_string(i)), 0, layer, now_).ok());
    }
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
      for (sfu::Worker* worker : {&world_.worker(), &far_.worker()}) {
        if (const auto due = worker->NextDeadline(); due && *due <= now_) worker->HandleTimeout(now_);
      }
    }
  }
  void SwallowOutput() {
    now_ = std::max(world_.now(), far_.now());
    world_.swallow = far_.swallow = true;
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
  World& there() { return there_; }

 private:
  // A picture of one packet: T0 T2 T1 T2, the upper ones always on the base layer alone (RFC 7741 section 4.2).
  void WriteLayers(Bytes& payload) const {
    static constexpr std::array<std::uint8_t, 4> kOrder = {0, 2, 1, 2};
    const std::uint8_t temporal = kOrder[next_ % 4];
    payload[0] = 0x90;
    payload[1] = 0xE0;
    StoreU16(payload.data() + 2, static_cast<std::uint16_t>(0x8000 | (next_ & 0x7FFF)));
    payload[4] = static_cast<std::uint8_t>(next_ / 4);
    payload[5] = static_cast<std::uint8_t>(temporal << 6 | (temporal > 0 ? 0x20 : 0));
    payload[6] = next_ == 0 ? 0 : 1;
  }
  static bool IsConnected(World& world, const TestPeer& peer) {
    return world.worker().transport_state(peer.id()) == sfu::TransportState::kConnected;
  }
  bool ListenersConnected() {
    return std::all_of(listeners_.begin(), listeners_.end(), [this](const auto& l) { return IsConnected(there_, *l); });
  }
  void LayPipe() {
    const sfu::PipeId pipe(1);
    const auto description = world_.worker().AddPipe(ProducerId("p"), pipe, sfu::WorkerIndex(1));
    EXPECT_TRUE(description.ok());
    EXPECT_TRUE(far_.worker().AddPipedProducer(*description, pipe, sfu::WorkerIndex(0)).ok());
    // Copied once, as the ring between two loops does it. Nothing need go back: the first packet is of a key frame.
    world_.on_pipe = [this](sfu::WorkerIndex, sfu::PipeMessage message) {
      std::copy(message.payload.begin(), message.payload.end(), slot_.begin());
      message.payload = ByteView(slot_).first(message.payload.size());
      far_.worker().HandlePipeMessages({&message, 1}, now_);
    };
  }

  const bool layered_;
  World world_{1, LastingConsent()};
  World far_{2, LastingConsent()};
  World& there_;
  std::array<std::uint8_t, 1500> slot_;
  TestPeer alice_;
  std::vector<std::unique_ptr<TestPeer>> listeners_;
  std::vector<rtp::Ssrc> consumer_ssrcs_;
  std::vector<std::uint16_t> last_sequences_;
  std::unique_ptr<MediaSender> sender_;
  std::uint16_t next_ = 0;
  Time now_{};
};

void ExpectNoAllocationOnceWarm(HotPath& path) {
  path.SwallowOutput();
  std::vector<Bytes> warm = path.Prepare(4000);
  path.Feed(warm, 2ms);
  std::vector<Bytes> packets = path.Prepare(4000);
  const std::uint64_t sent = path.there().worker().stats().packets_out;
  const std::uint64_t before = allocations;
  path.Feed(packets, 2ms);
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_EQ(path.there().worker().stats().packets_out - sent, 4u * 4000u);
}

TEST(AllocationCheck, ForwardingAllocatesNothingOnceWarm) {
  HotPath path(4);
  ExpectNoAllocationOnceWarm(path);
}

TEST(AllocationCheck, CrossingToAnotherWorkerAllocatesNothingOnceWarm) {
  HotPath path(4, Where::kAcrossAPipe);
  ExpectNoAllocationOnceWarm(path);
}

TEST(AllocationCheck, LeavingOutAndRenumberingLayersAllocatesNothingOnceWarm) {
  HotPath path(3, Where::kSameWorker, /*layered=*/true);
  path.SwallowOutput();
  std::vector<Bytes> warm = path.Prepare(4000);
  path.Feed(warm, 2ms);
  for (int first = 0; first < 3; ++first) {
    path.Prefer(first);
    std::vector<Bytes> change = path.Prepare(40);  // told as events, which the harness keeps
    path.Feed(change, 2ms);
    std::vector<Bytes> packets = path.Prepare(1200);
    const std::uint64_t sent = path.world().worker().stats().packets_out;
    const std::uint64_t before = allocations;
    path.Feed(packets, 2ms);
    EXPECT_EQ(allocations - before, 0u);
    // A quarter, a half and all of them.
    EXPECT_EQ(path.world().worker().stats().packets_out - sent, 1200u / 4 + 1200 / 2 + 1200);
  }
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

// --- what it costs: figures, not verdicts ---

// Processor time: other programs do not count, though they cool the caches.
double ProcessorNs() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

constexpr std::size_t kFigureBatches = 32;
constexpr std::size_t kFigurePackets = 256;  // per batch

struct Figure {
  double min_ns = 0, median_ns = 0;
};
// `batch` does `count` times what is asked about, with what `prepare` has made; only `batch` is timed.
template <class Prepare, class Batch>
Figure Measure(std::size_t count, Prepare prepare, Batch batch) {
  std::vector<double> each;
  for (std::size_t i = 0; i < kFigureBatches; ++i) {
    auto input = prepare();
    const double began = ProcessorNs();
    batch(input);
    each.push_back((ProcessorNs() - began) / static_cast<double>(count));
  }
  std::sort(each.begin(), each.end());
  return {each.front(), each[each.size() / 2]};
}

// What no forwarding can do without: one packet of that size encrypted and authenticated, in the cache.
Figure MeasureOneGcmPacket() {
  const Bytes key(16, 0x11);
  std::unique_ptr<crypto::Gcm> gcm = crypto::MakeIpsecMbGcm(key);
  if (!gcm) gcm = crypto::MakeOpenSslGcm(key);
  Bytes header(32), text(1150);
  std::array<std::uint8_t, crypto::kGcmTagSize> tag;
  crypto::GcmNonce nonce{};
  return Measure(kFigurePackets, [] { return 0; }, [&](int) {
    for (std::size_t i = 0; i < kFigurePackets; ++i) {
      StoreU32(nonce.data() + 8, static_cast<std::uint32_t>(i));
      gcm->Seal(nonce, header, text, text.data(), tag.data());
    }
  });
}

Figure MeasureForwarding(std::size_t fan_out, Where where) {
  HotPath path(fan_out, where);
  path.SwallowOutput();
  std::vector<Bytes> warm = path.Prepare(4000);  // as many as the receivers' rings hold in the end
  path.Feed(warm, 1ms);
  const std::uint64_t sent = path.there().worker().stats().packets_out;
  const Figure figure = Measure(
      kFigurePackets * fan_out, [&] { return path.Prepare(kFigurePackets); },
      [&](std::vector<Bytes>& packets) { path.Feed(packets, 1ms); });
  EXPECT_EQ(path.there().worker().stats().packets_out - sent, kFigureBatches * kFigurePackets * fan_out);
  return figure;
}

TEST(AllocationCheck, WhatOneForwardedPacketCosts) {
  const Figure gcm = MeasureOneGcmPacket();
  std::printf("AES-128-GCM of 1150 bytes alone: min %.0f ns, median %.0f ns\n", gcm.min_ns, gcm.median_ns);
  for (const Where where : {Where::kSameWorker, Where::kAcrossAPipe}) {
    for (const std::size_t fan_out : {std::size_t{1}, std::size_t{10}}) {
      const Figure figure = MeasureForwarding(fan_out, where);
      std::printf("fan-out %zu%s: min %.0f ns, median %.0f ns per packet out, its share of the packet in included\n",
                  fan_out, where == Where::kAcrossAPipe ? " on another worker" : "", figure.min_ns, figure.median_ns);
    }
  }
}

}  // namespace
}  // namespace jb::scenario
