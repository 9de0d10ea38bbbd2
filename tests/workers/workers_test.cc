// SPDX-License-Identifier: Apache-2.0
// Calls on real media workers: a room that spans them, and one that dies under a call.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <deque>
#include <stdexcept>

#include "base/log.h"
#include "client/participant.h"
#include "crypto/certificate.h"
#include "crypto/random.h"
#include "io/http_server.h"
#include "services/gateway/calls.h"

namespace jb::services {
namespace {

// Far above what loopback needs, so that only a hang reaches it.
constexpr Duration kPatience = std::chrono::seconds(120);

std::uint16_t FreeUdpPort() {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&at), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size), 0);
  close(fd);
  return ntohs(at.sin_port);
}

// Newcomers go to whichever worker has fewer people, however small their room.
MediaPoolOptions AlwaysSpan() {
  return {.placement = {.full = 0, .same = 1, .worth_crossing = -1, .small_room = 0}};
}

class Server : private io::HttpHandler {
 public:
  explicit Server(const MediaPoolOptions& options) {
    calls_.SetSocketServer(sockets_);
    io::HttpServerConfig config;
    config.host = "127.0.0.1";
    http_ = *io::HttpServer::Listen(loop_, config, *this);
    const auto make = [this](std::size_t slot, bool again, const MediaWorker::Handlers& handlers) {
      auto worker = StartWorker(slot, handlers);
      // Of the first start: what is free for UDP may be somebody's for TCP.
      for (int i = 0; i < 10 && !worker.ok() && !again; ++i) {
        ports_[slot] = FreeUdpPort();
        worker = StartWorker(slot, handlers);
      }
      if (worker.ok()) workers_[slot] = worker->get();
      return worker;
    };
    const auto started = calls_.StartMedia(workers_.size(), make, options);
    EXPECT_TRUE(started.ok());
  }

  std::string MakeRoom() { return (*calls_.CreateRoom({}))->room->code().value(); }
  std::size_t HomeOf(const std::string& room) { return calls_.FindRoom(room)->worker; }
  void Kill(std::size_t worker) {
    workers_[worker]->Run([](sfu::Worker&, Time) { throw std::runtime_error("a bug"); });
  }
  io::Loop& loop() { return loop_; }
  Calls& calls() { return calls_; }
  Metrics& metrics() { return metrics_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(http_->port()); }

 private:
  Result<std::unique_ptr<MediaWorker>> StartWorker(std::size_t slot, const MediaWorker::Handlers& handlers) {
    MediaWorkerConfig config;
    config.index = slot;
    config.port = ports_[slot];
    config.listen = {*SocketAddress::Parse("127.0.0.1", 0)};
    config.announce = config.listen;
    config.certificate = certificate_;
    return MediaWorker::Start(config, loop_, metrics_, calls_.taps(), handlers);
  }
  static CallsConfig Config() {
    CallsConfig config;
    for (auto* url : {&config.speech.stt, &config.speech.translation, &config.speech.tts}) {
      *url = "http://127.0.0.1:1";  // nobody answers there
    }
    return config;
  }
  void HandleRequest(io::HttpRequest request, std::shared_ptr<io::HttpResponder> responder) override {
    sockets_.HandleRequest(std::move(request), std::move(responder));
  }
  void HandleUpgrade(io::HttpRequest request, std::shared_ptr<io::WebSocketAcceptor> acceptor) override {
    sockets_.HandleUpgrade(std::move(request), std::move(acceptor));
  }

  io::Loop loop_;
  Metrics metrics_;
  Calls calls_{loop_, Config(), metrics_};
  SocketIoServer sockets_{loop_, calls_.random(), {}, calls_};
  std::unique_ptr<io::HttpServer> http_;
  const std::shared_ptr<const crypto::Certificate> certificate_ = crypto::Certificate::Make();
  std::array<std::uint16_t, 2> ports_{FreeUdpPort(), FreeUdpPort()};
  std::array<MediaWorker*, 2> workers_{};
};

std::shared_ptr<const std::vector<std::int16_t>> Tone() {
  std::vector<std::int16_t> pcm(48000);
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    pcm[i] = static_cast<std::int16_t>(8000 * std::sin(static_cast<double>(i) * 0.06));
  }
  return std::make_shared<const std::vector<std::int16_t>>(std::move(pcm));
}

struct Silence {
  Duration of_all{};  // without a packet from anybody
  Duration of_one{};  // until each of the others was heard again
  void Merge(const Silence& other) {
    of_all = std::max(of_all, other.of_all);
    of_one = std::max(of_one, other.of_one);
  }
};

// Somebody in a call with so many others, who speaks all the time and notes how long they heard nothing.
class Person {
 public:
  Person(Server& server, const std::string& room, std::size_t others)
      : others_(others),
        participant_(server.loop(), Options(server, room), Certificate(), random_,
                     {.on_caption = {}, .on_ended = [this](const Error& reason) { ended = reason.code; }}),
        watch_(server.loop()) {
    participant_.Start();
    Watch();
  }
  ~Person() { participant_.Leave(); }

  std::uint64_t received() const { return participant_.packets_received(); }
  // The longest since the last call; forgets it.
  Silence TakeSilence() { return std::exchange(silence_, {}); }
  bool HearsAllSince(Time t) const { return participant_.tracks_heard_since(t) >= others_; }
  std::uint64_t transports_lost() const { return participant_.transports_lost(); }
  std::string ended;

 private:
  static client::ParticipantOptions Options(Server& server, const std::string& room) {
    client::ParticipantOptions options;
    options.url = server.url();
    options.room = room;
    options.play = Tone();
    options.loop = true;
    return options;
  }
  static std::shared_ptr<const crypto::Certificate> Certificate() {
    static const auto shared = crypto::Certificate::Make();
    return shared;
  }
  void Watch() {
    const Time now = io::Now();
    if (std::exchange(seen_, received()) != received()) heard_ = now;
    if (heard_all_) silence_.Merge({now - *heard_, now - *heard_all_});
    if (HearsAllSince(heard_all_.value_or(Time{}))) heard_all_ = now;
    watch_.StartIn(std::chrono::milliseconds(5), [this] { Watch(); });
  }

  const std::size_t others_;
  crypto::SystemRandom random_;
  client::Participant participant_;
  io::Timer watch_;
  std::uint64_t seen_ = 0;
  std::optional<Time> heard_;      // anybody
  std::optional<Time> heard_all_;  // each of the others, since the time before
  Silence silence_;
};

// Until each of them has heard so many packets more.
bool AllHear(Server& server, const std::deque<Person>& people, std::uint64_t packets) {
  std::vector<std::uint64_t> goals;
  for (const Person& person : people) goals.push_back(person.received() + packets);
  return server.loop().RunUntil(
      [&] {
        auto goal = goals.begin();
        return std::all_of(people.begin(), people.end(), [&](const Person& p) { return p.received() >= *goal++; });
      },
      kPatience);
}

bool AllHearAll(Server& server, const std::deque<Person>& people) {
  const Time from = io::Now();
  return server.loop().RunUntil(
      [&] { return std::all_of(people.begin(), people.end(), [&](const Person& p) { return p.HearsAllSince(from); }); },
      kPatience);
}

void Report(const char* what, const Silence& silence) {
  std::printf("%s: nobody heard for %d ms at most, one of the others for %d ms\n", what,
              static_cast<int>(ToMs(silence.of_all)), static_cast<int>(ToMs(silence.of_one)));
}

// Four people, two on each worker: ann and cy on the room's home, bea and dee on the other.
class SpanningRoomTest : public ::testing::Test {
 protected:
  SpanningRoomTest() {
    for (std::size_t i = 1; i <= 4; ++i) {
      people.emplace_back(server, room, 3);
      EXPECT_TRUE(server.loop().RunUntil([&] { return server.calls().people() == i; }, kPatience));
      const std::size_t home = server.HomeOf(room);
      EXPECT_EQ(server.calls().people_on_workers()[home], (i + 1) / 2) << "who came as number " << i;
    }
    EXPECT_TRUE(AllHearAll(server, people));
  }
  ~SpanningRoomTest() override {
    for (const Person& person : people) EXPECT_EQ(person.ended, "");
  }

  Server server{AlwaysSpan()};
  const std::string room = server.MakeRoom();
  std::deque<Person> people;
};

TEST_F(SpanningRoomTest, IsOneCall) {
  Counter piped = server.metrics().GetCounter("jbcalling_piped_total", "");
  EXPECT_TRUE(server.loop().RunUntil([&] { return piped.Value() > 100; }, kPatience));
  EXPECT_TRUE(AllHearAll(server, people));
  EXPECT_EQ(server.metrics().GetCounter("jbcalling_pipe_dropped_total", "").Value(), 0);
}

TEST_F(SpanningRoomTest, LosesWithAWorkerOnlyThoseOnItWhoComeBack) {
  Silence lost, healthy;
  const std::size_t home = server.HomeOf(room);
  std::uint64_t round = 0;
  for (const std::size_t dies : {1 - home, home, 1 - home, home}) {
    for (Person& person : people) person.TakeSilence();
    server.Kill(dies);
    EXPECT_TRUE(server.loop().RunUntil([&] { return server.calls().people_on_workers()[dies] == 2; }, kPatience));
    EXPECT_TRUE(AllHear(server, people, 100));
    EXPECT_TRUE(AllHearAll(server, people));
    for (std::size_t i = 0; i < people.size(); ++i) {
      const bool on_it = (i % 2 == 0) == (dies == home);
      (on_it ? lost : healthy).Merge(people[i].TakeSilence());
      const std::uint64_t times = on_it ? round / 2 + 1 : (round + 1) / 2;
      EXPECT_EQ(people[i].transports_lost(), 2 * times) << "sending and receiving; person " << i << " round " << round;
    }
    ++round;
  }
  Report("on the worker that died", lost);
  Report("on the other worker", healthy);
  EXPECT_EQ(server.calls().people_on_workers(), (std::vector<std::size_t>{2, 2}));
}

TEST(WorkersTest, WhenAWorkerDiesItsCallsComeBackAndOthersHearNothingOfIt) {
  Server server({});
  const std::string lost = server.MakeRoom(), healthy = server.MakeRoom();
  std::deque<Person> away, elsewhere;
  for (int i = 0; i < 2; ++i) away.emplace_back(server, lost, 1);
  EXPECT_TRUE(server.loop().RunUntil([&] { return server.calls().people() == 2; }, kPatience));
  for (int i = 0; i < 2; ++i) elsewhere.emplace_back(server, healthy, 1);
  EXPECT_TRUE(AllHear(server, away, 50) && AllHear(server, elsewhere, 50));
  ASSERT_NE(server.HomeOf(lost), server.HomeOf(healthy));
  Silence of_lost, of_healthy;
  for (int round = 0; round < 5; ++round) {
    for (auto* people : {&away, &elsewhere}) {
      for (Person& person : *people) person.TakeSilence();
    }
    server.Kill(server.HomeOf(lost));
    EXPECT_TRUE(AllHear(server, away, 50) && AllHear(server, elsewhere, 50));
    for (Person& person : away) of_lost.Merge(person.TakeSilence());
    for (Person& person : elsewhere) of_healthy.Merge(person.TakeSilence());
  }
  for (const Person& person : away) EXPECT_EQ(person.transports_lost(), 10u);
  for (const Person& person : elsewhere) EXPECT_EQ(person.transports_lost(), 0u);
  for (auto* people : {&away, &elsewhere}) {
    for (const Person& person : *people) EXPECT_EQ(person.ended, "");
  }
  Report("on the worker that died", of_lost);
  Report("in the other room", of_healthy);
}

}  // namespace
}  // namespace jb::services
