// SPDX-License-Identifier: Apache-2.0
// Four hours of a room in virtual time: people join, leave, mute, pause what they receive, change layers and ask for
// key frames, as a seed decides, over a network that loses a little. The clients are those of the load generator
// (client/trace_track.h, client/receive_session.h), replaying a thin recording, so that hours take seconds. A program
// of its own, since nothing else in the tests runs for so long.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JB_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define JB_SANITIZED 1
#endif
#endif
#if JB_SANITIZED
#include <sanitizer/allocator_interface.h>
#else
#include <malloc.h>
#endif

#include "client/load_tally.h"
#include "client/peer_transport.h"
#include "client/receive_session.h"
#include "client/trace_track.h"
#include "scenario/world.h"

namespace jb::scenario {
namespace {

using client::LoadKind;

constexpr std::uint32_t kRun = 1;
constexpr std::size_t kMost = 6;           // people at once
constexpr Duration kActEvery = 4s;         // on average
constexpr Duration kDue = 12s;             // after a change, until a stream must have begun to flow again
constexpr Duration kSilence = 10s;         // longer than the thin recording is ever still, with losses
// A pool that finds it needs one slab more (packet_pool.cc) has not leaked.
constexpr std::size_t kSlab = 64 * sizeof(media::PacketBuffer);
const SocketAddress kServer = *SocketAddress::Parse("192.0.2.1", 40000);

// Two packets of sound and two frames of each encoding per second.
std::shared_ptr<const client::MediaTrace> ThinTrace() {
  std::string text = "jbcalling-trace 1\nduration 10000\n";
  for (int i = 0; i < 20; ++i) text += "a 25 70 40\n";
  for (int e = 0; e < 3; ++e) {
    text += "k " + std::to_string(e) + " 0 k0y 400 400\n";
    for (int i = 0; i < 20; ++i) {
      const char* flags = i % 4 == 0 ? "d0" : i % 4 == 2 ? "d1y" : "d2n";
      text += "v " + std::to_string(e) + " " + std::to_string(i * 500) + " " + flags;
      text += " " + std::to_string(200 + 200 * e) + "\n";
    }
  }
  return std::make_shared<const client::MediaTrace>(client::ParseTrace(text).value());
}

// One transport of one person.
class Link : public Endpoint {
 public:
  Link(World& world, const std::string& name, sfu::TransportDirection direction, const Tuple& local)
      : world_(world), id_(name), local_(local) {
    const auto options = world.worker().CreateTransport(id_, direction, world.now());
    transport_.emplace(client::ParseRemoteTransport(*options).value(), world.client_certificate(), world.random());
    EXPECT_TRUE(world.worker().ConnectTransport(id_, transport_->DtlsParameters(), world.now()).ok());
    world.Attach(local_, *this);
    world.AddTimed(*this);
    transport_->Start(world.now());
    Drain();
  }
  ~Link() override {
    world_.Detach(local_);
    world_.RemoveTimed(*this);
    world_.worker().CloseTransport(id_, world_.now());
  }
  void HandleDatagram(const Tuple&, ByteSpan datagram, Time now) override {
    const auto received = transport_->HandleDatagram(kServer, datagram, now);
    if (received.kind != client::PeerTransport::Kind::kNothing) on_packet(received.kind, received.packet, now);
    Drain();
  }
  void HandleTimeout(Time now) override {
    transport_->HandleTimeout(now);
    Drain();
  }
  std::optional<Time> NextDeadline() const override { return transport_->NextDeadline(); }
  void Send(ByteSpan buffer, std::size_t size, bool rtcp) {
    const auto wire = rtcp ? transport_->ProtectRtcp(buffer, size) : transport_->ProtectRtp(buffer, size);
    if (wire) world_.SendToWorker(local_, *wire);
  }
  bool connected() const { return transport_->state() == client::PeerState::kConnected; }
  const TransportId& id() const { return id_; }
  std::function<void(client::PeerTransport::Kind, ByteSpan, Time)> on_packet = [](auto, auto, auto) {};

 private:
  void Drain() {
    while (const auto out = transport_->PollTransmit()) world_.SendToWorker(local_, out->datagram);
  }
  World& world_;
  TransportId id_;
  Tuple local_;
  std::optional<client::PeerTransport> transport_;
};

struct Track {
  ProducerId id;
  std::unique_ptr<client::TraceTrack> track;
  Time changed_at{};
};

struct Heard {
  ConsumerId id;
  ProducerId producer;
  rtp::Ssrc ssrc;
  client::OrderCheck order;
  bool paused = false;
  Time changed_at{};
  bool video = false;
};

// Somebody in the room.
class Person : public Endpoint {
 public:
  Person(World& world, media::PacketPool& pool, const std::shared_ptr<const client::MediaTrace>& trace, int number,
         bool camera)
      : world_(world),
        name_("p" + std::to_string(number)),
        send_(world, name_ + "-send", sfu::TransportDirection::kSend, Address(number, 1)),
        recv_(world, name_ + "-recv", sfu::TransportDirection::kRecv, Address(number, 2)),
        session_(name_, world.random(), world.now()),
        reports_(world.now(), world.random()) {
    send_.on_packet = [this](auto kind, ByteSpan packet, Time now) { HandleAtSender(kind, packet, now); };
    recv_.on_packet = [this](auto kind, ByteSpan packet, Time now) { HandleAtReceiver(kind, packet, now); };
    for (const LoadKind kind : {LoadKind::kAudio, LoadKind::kSimulcast}) {
      if (kind == LoadKind::kSimulcast && !camera) continue;
      client::TraceTrackConfig config{.kind = kind, .trace = trace, .mid = std::to_string(tracks_.size()),
                                      .cname = name_, .run = kRun,
                                      .first_stream = static_cast<std::uint32_t>(number * 8) + (camera ? 0u : 4u)};
      auto track = std::make_unique<client::TraceTrack>(std::move(config), pool, transport_sequence_, world.random());
      const ProducerId id(name_ + (kind == LoadKind::kAudio ? "-mic" : "-camera"));
      const auto media = kind == LoadKind::kAudio ? sfu::MediaKind::kAudio : sfu::MediaKind::kVideo;
      EXPECT_TRUE(world.worker().Produce(send_.id(), id, media, track->RtpParameters(), false, world.now()).ok());
      track->Start(world.now());
      tracks_.push_back({id, std::move(track), world.now()});
    }
    world.AddTimed(*this);
  }
  ~Person() override { world_.RemoveTimed(*this); }

  void Consume(const ProducerId& producer) {
    sfu::Worker& worker = world_.worker();
    const ConsumerId id(name_ + "<" + producer.value() + "#" + std::to_string(consumed_++));
    const json::value capabilities(worker.RouterRtpCapabilities());
    const auto answer = worker.Consume(recv_.id(), id, producer, capabilities, world_.now());
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    const auto info = client::ParseConsumer(*answer).value();
    session_.Add(info);
    heard_[info.ssrc.value()] = {id, producer, info.ssrc, {}, false, world_.now(), !info.audio};
    ASSERT_TRUE(worker.ResumeConsumer(id, world_.now()).ok());
  }
  void Forget(const ProducerId& producer) {
    std::erase_if(heard_, [&](const auto& entry) {
      const bool match = entry.second.producer == producer;
      if (match) session_.Remove(entry.second.ssrc);
      return match;
    });
  }

  void HandleDatagram(const Tuple&, ByteSpan, Time) override {}
  std::optional<Time> NextDeadline() const override {
    Time next = std::min(session_.NextDeadline().value_or(kNever), reports_.next());
    for (const Track& track : tracks_) next = std::min(next, track.track->NextDeadline());
    return next;
  }
  void HandleTimeout(Time now) override {
    for (Track& track : tracks_) track.track->HandleTimeout(now, Wall(now), Sender(false));
    if (reports_.Take(now)) {
      for (Track& track : tracks_) track.track->WriteReports(now, Wall(now), Sender(true));
    }
    std::array<std::uint8_t, client::ReceiveSession::kRtcpSize + crypto::SrtpSession::kMaxOverhead> buffer;
    while (const std::size_t size = session_.PollRtcp(ByteSpan(buffer).first(client::ReceiveSession::kRtcpSize), now)) {
      recv_.Send(buffer, size, true);
    }
  }

  std::vector<Track>& tracks() { return tracks_; }
  std::map<std::uint32_t, Heard>& heard() { return heard_; }
  const client::ReceiveSession& session() const { return session_; }
  const std::string& name() const { return name_; }
  std::uint64_t misordered = 0, corrupted = 0;

 private:
  static Tuple Address(int number, int which) {
    return UdpTuple("198.51." + std::to_string(100 + number / 200 % 100) + "." + std::to_string(number % 200 + 1),
                    static_cast<std::uint16_t>(50'000 + which));
  }
  static WallTime Wall(Time now) { return WallTime(now.time_since_epoch() + std::chrono::hours(24 * 365 * 50)); }
  client::TraceTrack::Send Sender(bool rtcp) {
    return [this, rtcp](ByteSpan buffer, std::size_t size) { send_.Send(buffer, size, rtcp); };
  }
  void HandleAtSender(client::PeerTransport::Kind kind, ByteSpan packet, Time now) {
    if (kind != client::PeerTransport::Kind::kRtcp) return;
    const auto compound = rtcp::Compound::Parse(packet);
    ASSERT_TRUE(compound.ok());
    compound->ForEach([&](const rtcp::RawPacket& raw) {
      for (Track& track : tracks_) track.track->HandleRtcp(raw, now, Wall(now), Sender(false));
    });
  }
  void HandleAtReceiver(client::PeerTransport::Kind kind, ByteSpan packet, Time now) {
    if (kind == client::PeerTransport::Kind::kRtcp) return session_.HandleRtcp(packet, now);
    const auto media = session_.HandleRtp(packet, now);
    if (!media) return;
    const auto stamp = client::ReadStamp(media->packet.payload(), kRun);
    if (!stamp || !client::IsIntact(media->packet.payload(), client::kVp8FillerAt, *stamp)) {
      ++corrupted;
      return;
    }
    if (!heard_.at(media->info.ssrc.value()).order.HandlePacket(media->packet.sequence_number(), *stamp)) ++misordered;
  }

  World& world_;
  const std::string name_;
  std::uint16_t transport_sequence_ = 65'000;
  Link send_, recv_;
  std::vector<Track> tracks_;
  client::ReceiveSession session_;
  media::ReportSchedule reports_;
  std::map<std::uint32_t, Heard> heard_;
  int consumed_ = 0;
};

// Of the heap, in use: what a sanitizer or an allocator keeps of freed memory is not in it.
std::size_t HeapBytes() {
#if JB_SANITIZED
  return __sanitizer_get_current_allocated_bytes();
#else
  return mallinfo2().uordblks;
#endif
}

class Endurance : public ::testing::Test {
 protected:
  Endurance() {
    // A percent of loss and some jitter: what is missing is asked for, and reports are not all zero.
    world_.set_network({.latency = 15ms, .jitter = 5ms, .loss = 0.01});
  }
  ~Endurance() override { people_.clear(); }

  std::uint32_t Dice(std::uint32_t sides) { return choices_.Between(0, sides - 1); }
  Person& Anybody() { return *people_[Dice(static_cast<std::uint32_t>(people_.size()))]; }

  void Join() {
    people_.push_back(std::make_unique<Person>(world_, pool_, trace_, joined_++, Dice(2) == 0));
    Person& fresh = *people_.back();
    for (const auto& other : people_) {
      if (other.get() == &fresh) continue;
      for (const Track& track : other->tracks()) fresh.Consume(track.id);
      for (const Track& track : fresh.tracks()) other->Consume(track.id);
    }
  }
  void Leave(std::size_t index) {
    const auto gone = std::move(people_[index]);
    people_.erase(people_.begin() + static_cast<std::ptrdiff_t>(index));
    repaired_ += gone->session().counters().repaired;
    for (const auto& other : people_) {
      for (const Track& track : gone->tracks()) other->Forget(track.id);
    }
    Check(*gone);
  }
  void Mute() {
    auto& tracks = Anybody().tracks();
    Track& track = tracks[Dice(static_cast<std::uint32_t>(tracks.size()))];
    const bool muted = !track.track->muted();
    track.track->SetMuted(muted, world_.now());
    track.changed_at = world_.now();
    ASSERT_TRUE((muted ? world_.worker().PauseProducer(track.id, world_.now())
                       : world_.worker().ResumeProducer(track.id, world_.now())).ok());
  }
  void ActOnConsumer() {
    Person& person = Anybody();
    if (person.heard().empty()) return;
    auto entry = person.heard().begin();
    std::advance(entry, Dice(static_cast<std::uint32_t>(person.heard().size())));
    Heard& heard = entry->second;
    sfu::Worker& worker = world_.worker();
    const std::uint32_t dice = Dice(8);
    if (dice < 3) {
      heard.paused = !heard.paused;
      heard.changed_at = world_.now();
      const auto status = heard.paused ? worker.PauseConsumer(heard.id, world_.now())
                                       : worker.ResumeConsumer(heard.id, world_.now());
      ASSERT_TRUE(status.ok());
    } else if (dice < 6 && heard.video) {
      ASSERT_TRUE(worker.SetPreferredLayers(heard.id, static_cast<std::uint8_t>(Dice(3)),
                                            static_cast<std::uint8_t>(Dice(3)), world_.now()).ok());
    } else if (dice < 7) {
      if (!heard.video) return;
      ASSERT_TRUE(worker.RequestKeyFrame(heard.id, world_.now()).ok());
    } else {  // closed, and consumed anew
      const ProducerId producer = heard.producer;
      ASSERT_TRUE(worker.CloseConsumer(heard.id, world_.now()).ok());
      person.Forget(producer);
      person.Consume(producer);
    }
  }
  void Act() {
    ++acts_;
    const std::uint32_t dice = Dice(10);
    if (dice == 0 && people_.size() < kMost) return Join();
    if (dice == 1 && people_.size() > 2) return Leave(Dice(static_cast<std::uint32_t>(people_.size())));
    if (dice < 4) return Mute();
    ActOnConsumer();
  }

  static void Check(const Person& person) {
    EXPECT_EQ(person.misordered, 0u) << person.name();
    EXPECT_EQ(person.corrupted, 0u) << person.name();
  }
  // Whoever should be hearing something has heard it lately.
  void CheckStreams() {
    std::map<ProducerId, const Track*> tracks;
    for (const auto& person : people_) {
      for (const Track& track : person->tracks()) tracks[track.id] = &track;
    }
    for (const auto& person : people_) {
      Check(*person);
      for (const auto& [ssrc, heard] : person->heard()) {
        const Track& track = *tracks.at(heard.producer);
        const Time since = std::max(heard.changed_at, track.changed_at);
        if (heard.paused || track.track->muted() || world_.now() - since < kDue) continue;
        const auto last = person->session().LastPacketAt(heard.ssrc);
        ++streams_checked_;
        EXPECT_TRUE(last && world_.now() - *last < kSilence)
            << heard.id.value() << " is stuck at " << ToSeconds(world_.now() - begin_) << " s";
      }
    }
  }
  // The worker holds what the room holds, and not a thing more.
  void CheckTables() {
    std::size_t producers = 0, consumers = 0;
    for (const auto& person : people_) {
      producers += person->tracks().size();
      consumers += person->heard().size();
    }
    const sfu::WorkerStats stats = world_.worker().stats();
    EXPECT_EQ(stats.transports, 2 * people_.size());
    EXPECT_EQ(stats.producers, producers);
    EXPECT_EQ(stats.consumers, consumers);
    EXPECT_LT(stats.pooled_packets, 400u);  // two seconds of six people
  }

  // Four people join, and then chance has it; who is due a stream at the end still hears it.
  void LiveFor(Duration span) {
    const Time end = world_.now() + span;
    while (people_.size() < 4) Join();
    Time next_check = world_.now() + 1min;
    while (world_.now() < end && !HasFailure()) {
      const double uniform = (choices_.U32() + 1.0) / 4294967297.0;
      world_.Run(Duration(static_cast<std::int64_t>(-std::log(uniform) * static_cast<double>(kActEvery.count()))));
      Act();
      if (world_.now() < next_check) continue;
      next_check = world_.now() + 1min;
      CheckStreams();
      CheckTables();
      ForgetWhatTheWorldKeeps();
    }
    world_.Run(1min);
    CheckStreams();
  }
  // What one moment holds depends on who is there; nobody is the same each time.
  std::size_t HeapBytesOfAnEmptyRoom() {
    while (!people_.empty()) Leave(0);
    world_.Run(1min);  // until every timer of theirs has run out
    CheckTables();
    ForgetWhatTheWorldKeeps();
    return HeapBytes();
  }
  void ForgetWhatTheWorldKeeps() {
    world_.events = {};
    world_.bytes_to.clear();
  }

  World world_{11};
  testing::SeededRandom choices_{5};
  const Time begin_ = world_.now();
  media::PacketPool pool_{4096};
  const std::shared_ptr<const client::MediaTrace> trace_ = ThinTrace();
  std::vector<std::unique_ptr<Person>> people_;
  int joined_ = 0;
  std::size_t acts_ = 0, streams_checked_ = 0;
  std::uint64_t repaired_ = 0;
};

TEST_F(Endurance, FourHoursOfComingAndGoingLeaveNothingBehindAndNobodyDeaf) {
  std::array<std::size_t, 4> heap{};
  for (std::size_t hour = 0; hour < heap.size() && !HasFailure(); ++hour) {
    LiveFor(std::chrono::hours(1));
    heap[hour] = HeapBytesOfAnEmptyRoom();
    std::printf("%zu h: %zu acts, %d joined, %zu streams looked at, %llu packets repaired, %zu bytes of heap in use\n",
                hour + 1, acts_, joined_, streams_checked_, static_cast<unsigned long long>(repaired_), heap[hour]);
  }
  EXPECT_GT(acts_, 3000u);
  EXPECT_GT(streams_checked_, 2000u);
  EXPECT_GT(repaired_, 0u);
  // Two hours are for pools to find their size. Sixty bytes forgotten per act would show.
  EXPECT_LE(heap[3], heap[1] + kSlab);
}

}  // namespace
}  // namespace jb::scenario
