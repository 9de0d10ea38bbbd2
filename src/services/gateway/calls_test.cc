// SPDX-License-Identifier: Apache-2.0
// Calls with a real media worker behind and a real client in front, on one loop: what the SFU says, and what
// becomes of people's things.
#include "services/gateway/calls.h"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>

#include "crypto/certificate.h"
#include "io/clock.h"
#include "io/http_server.h"
#include "io/websocket_client.h"

namespace jb::services {
namespace {

// Far above what loopback needs, so that only a hang reaches it.
constexpr Duration kPatience = std::chrono::seconds(120);

// A client of the room protocol: Socket.IO's text frames over one WebSocket.
class Client {
 public:
  Client(io::Loop& loop, std::uint16_t port) : loop_(loop) {
    const std::string url = "ws://127.0.0.1:" + std::to_string(port) + "/socket.io/?EIO=4&transport=websocket";
    io::ConnectWebSocket(loop, url, {}, [this](Result<std::shared_ptr<io::WebSocket>> opened) {
      ASSERT_TRUE(opened.ok()) << opened.error().message;
      socket_ = *opened;
      socket_->set_on_text([this](std::string_view text) { HandleText(text); });
      socket_->SendText("40");
    });
    EXPECT_TRUE(loop_.RunUntil([&] { return connected_; }, kPatience));
  }
  ~Client() {
    if (socket_) socket_->set_on_text([](std::string_view) {});
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The ack: {"ok":…}.
  json::object Ask(const std::string& name, json::object data) {
    const int id = ++asked_;
    socket_->SendText("42" + std::to_string(id) + json::serialize(json::array{name, std::move(data)}));
    EXPECT_TRUE(loop_.RunUntil([&] { return answers_.contains(id); }, kPatience)) << name;
    return answers_[id];
  }
  json::object Done(const std::string& name, json::object data) {
    json::object answer = Ask(name, std::move(data));
    EXPECT_TRUE(answer["ok"].as_bool()) << name << json::serialize(answer);
    return answer["data"].as_object();
  }
  std::string Refused(const std::string& name, json::object data) {
    json::object answer = Ask(name, std::move(data));
    return std::string(GetString(Member(answer, "error"), "code").value_or(""));
  }
  // A text in the first event of that name.
  std::string Await(const std::string& name, const char* key) {
    EXPECT_TRUE(loop_.RunUntil([&] { return events_.contains(name); }, kPatience)) << name;
    return std::string(GetString(events_[name], key).value_or(""));
  }
  bool Heard(const std::string& name) const { return events_.contains(name); }
  // The network takes the connection away.
  void LoseSocket() { socket_->Abort(); }
  // The client gives it up.
  void Disconnect() { socket_->SendText("41"); }

 private:
  void HandleText(std::string_view text) {
    if (text.starts_with("40")) connected_ = true;
    if (!text.starts_with("42") && !text.starts_with("43")) return;
    const std::size_t body = text.find('[');
    const json::array args = ParseJson(text.substr(body))->as_array();
    if (text[1] == '3') answers_[std::stoi(std::string(text.substr(2, body - 2)))] = args[0].as_object();
    else events_.emplace(args[0].as_string(), args[1].as_object());
  }

  io::Loop& loop_;
  std::shared_ptr<io::WebSocket> socket_;
  bool connected_ = false;
  int asked_ = 0;
  std::map<int, json::object> answers_;
  std::map<std::string, json::object> events_;
};

class CallsTest : public testing::Test, private io::HttpHandler {
 protected:
  explicit CallsTest(const MediaPoolOptions& options = {}, Duration hold = kPatience)
      : calls_(loop_, Config(hold), metrics_) {
    calls_.SetSocketServer(sockets_);
    io::HttpServerConfig http;
    http.host = "127.0.0.1";
    http_ = *io::HttpServer::Listen(loop_, http, *this);
    const auto make = [this](std::size_t slot, bool again, const MediaWorker::Handlers& handlers) {
      if (again && !replaceable_) return Result<std::unique_ptr<MediaWorker>>(Fail("test", "no more"));
      MediaWorkerConfig config;
      config.index = slot;
      config.port = http_->port();  // its UDP side, and TCP of other addresses
      config.listen = {*SocketAddress::Parse("127.0.0." + std::to_string(2 + slot), 0)};
      config.announce = config.listen;
      config.certificate = crypto::Certificate::Make();
      auto worker = MediaWorker::Start(config, loop_, metrics_, calls_.taps(), handlers);
      if (worker.ok()) workers_[slot] = worker->get();
      return worker;
    };
    EXPECT_TRUE(calls_.StartMedia(workers_.size(), make, options).ok());
    room_ = MakeRoom();
  }

  std::string MakeRoom() { return (*calls_.CreateRoom({}))->room->code().value(); }
  std::unique_ptr<Client> Join(const std::string& name) { return Join(name, room_); }
  std::unique_ptr<Client> Join(const std::string& name, const std::string& room) {
    auto client = std::make_unique<Client>(loop_, http_->port());
    client->Done("join", {{"room", room}, {"name", name}, {"speaks", "en"}, {"hears", "en"}});
    return client;
  }
  // As a bug would: something throws on the media loop.
  void Kill(std::size_t worker) {
    workers_[worker]->Run([](sfu::Worker&, Time) { throw std::runtime_error("a bug"); });
  }
  static std::string MakeTransport(Client& client, const char* direction) {
    return std::string(client.Done("createTransport", {{"direction", direction}})["id"].as_string());
  }
  static std::string Produce(Client& client, const std::string& transport) {
    const auto parameters = ParseJson(R"({"mid":"0","encodings":[{"ssrc":1000}],"rtcp":{"cname":"c"},
      "headerExtensions":[],"codecs":[{"mimeType":"audio/opus","payloadType":111,"clockRate":48000,"channels":2,
      "parameters":{},"rtcpFeedback":[]}]})");
    json::object made = client.Done(
        "produce", {{"transportId", transport}, {"kind", "audio"}, {"source", "mic"}, {"rtpParameters", *parameters}});
    return std::string(made["id"].as_string());
  }
  std::string Consume(Client& client, const std::string& producer) {
    const json::object capabilities = worker_capabilities();
    return std::string(
        client.Done("consume", {{"producerId", producer}, {"rtpCapabilities", capabilities}})["id"].as_string());
  }
  json::object worker_capabilities() {
    Client stranger(loop_, http_->port());
    json::object joined =
        stranger.Done("join", {{"room", room_}, {"name", "Cy"}, {"speaks", "en"}, {"hears", "en"}});
    stranger.Done("leave", {});
    return joined["routerRtpCapabilities"].as_object();
  }
  void Report(const std::string& transport, sfu::TransportState state) {
    calls_.HandleWorkerEvent(0, sfu::TransportStateChanged{TransportId(transport), state});
  }

  io::Loop loop_;
  Metrics metrics_;
  Calls calls_;
  SocketIoServer sockets_{loop_, calls_.random(), {}, calls_};
  std::unique_ptr<io::HttpServer> http_;
  std::array<MediaWorker*, 2> workers_{};
  bool replaceable_ = true;
  std::string room_;

 private:
  static CallsConfig Config(Duration hold) {
    CallsConfig config;
    config.hold = hold;
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
};

TEST_F(CallsTest, ATransportThatItsPeerClosedTakesItsProducersOutOfTheCall) {
  const auto ann = Join("Ann"), bea = Join("Bea");
  const std::string send = MakeTransport(*ann, "send"), mic = Produce(*ann, send);
  MakeTransport(*bea, "recv");
  const std::string consumer = Consume(*bea, mic);
  Report(send, sfu::TransportState::kClosed);
  EXPECT_EQ(ann->Await("transportClosed", "transportId"), send);
  EXPECT_EQ(ann->Await("transportClosed", "reason"), "closed");
  EXPECT_EQ(bea->Await("producerRemoved", "producerId"), mic);
  EXPECT_EQ(bea->Await("consumerClosed", "consumerId"), consumer);
  EXPECT_FALSE(bea->Heard("transportClosed"));
  EXPECT_EQ(ann->Refused("closeProducer", {{"producerId", mic}}), "producer_not_found");
  EXPECT_EQ(ann->Refused("restartIce", {{"transportId", send}}), "transport_not_found");
}

TEST_F(CallsTest, TheRoomHearsHowWellAProducerComesAndAReceiverHowWellItsConsumerDoes) {
  const auto ann = Join("Ann"), bea = Join("Bea");
  const std::string mic = Produce(*ann, MakeTransport(*ann, "send"));
  MakeTransport(*bea, "recv");
  const std::string consumer = Consume(*bea, mic);
  calls_.HandleWorkerEvent(0, sfu::ProducerScoreChanged{ProducerId("none"), 0, 3});
  calls_.HandleWorkerEvent(0, sfu::ProducerScoreChanged{ProducerId(mic), 0, 3});
  calls_.HandleWorkerEvent(0, sfu::ConsumerScoreChanged{ConsumerId(consumer), 7});
  EXPECT_EQ(ann->Await("producerScore", "producerId"), mic);
  EXPECT_EQ(bea->Await("producerScore", "producerId"), mic);
  EXPECT_EQ(bea->Await("consumerScore", "consumerId"), consumer);
  EXPECT_FALSE(ann->Heard("consumerScore"));
}

TEST_F(CallsTest, ATransportIsClosedByRequestWithAllThatIsOnIt) {
  const auto ann = Join("Ann"), bea = Join("Bea");
  const std::string send = MakeTransport(*ann, "send"), mic = Produce(*ann, send);
  EXPECT_EQ(bea->Refused("closeTransport", {{"transportId", send}}), "transport_not_found");
  ann->Done("closeTransport", {{"transportId", send}});
  EXPECT_EQ(bea->Await("producerRemoved", "producerId"), mic);
  EXPECT_EQ(ann->Await("transportClosed", "reason"), "closed");
  EXPECT_EQ(ann->Refused("closeTransport", {{"transportId", send}}), "transport_not_found");
  for (int i = 0; i < 6; ++i) MakeTransport(*ann, "send");
}

TEST_F(CallsTest, ATransportThatFailedTakesItsConsumersAlongAndLeavesItsPlace) {
  const auto ann = Join("Ann"), bea = Join("Bea");
  const std::string mic = Produce(*ann, MakeTransport(*ann, "send"));
  const std::string failed = MakeTransport(*bea, "recv");
  const std::string consumer = Consume(*bea, mic);
  for (int i = 1; i < 6; ++i) MakeTransport(*bea, "send");
  EXPECT_EQ(bea->Refused("createTransport", {{"direction", "recv"}}), "limit_reached");
  Report(failed, sfu::TransportState::kFailed);
  EXPECT_EQ(bea->Await("consumerClosed", "consumerId"), consumer);
  ASSERT_TRUE(bea->Heard("transportClosed"));  // the cause comes before what follows of it
  EXPECT_EQ(bea->Await("transportClosed", "transportId"), failed);
  EXPECT_EQ(bea->Await("transportClosed", "reason"), "failed");
  EXPECT_EQ(bea->Refused("resumeConsumer", {{"consumerId", consumer}}), "consumer_not_found");
  MakeTransport(*bea, "recv");
  Consume(*bea, mic);
}

TEST_F(CallsTest, ATransportThatLostItsPathKeepsWhatIsOnIt) {
  const auto ann = Join("Ann"), bea = Join("Bea");
  const std::string send = MakeTransport(*ann, "send"), mic = Produce(*ann, send);
  Report(send, sfu::TransportState::kDisconnected);
  Report("nobody's", sfu::TransportState::kClosed);
  ann->Done("pauseProducer", {{"producerId", mic}});
  EXPECT_EQ(bea->Await("producerPaused", "producerId"), mic);
  EXPECT_FALSE(bea->Heard("producerRemoved"));
}

TEST_F(CallsTest, WhoComesBackOnAnotherSocketGoesOnWithEverythingTheyHad) {
  Client ann(loop_, http_->port());
  const json::object request{{"room", room_}, {"name", "Ann"}, {"speaks", "en"}, {"hears", "en"}};
  json::object joined = ann.Done("join", request);
  const std::unique_ptr<Client> bea = Join("Bea");
  const std::string mic = Produce(ann, MakeTransport(ann, "send"));
  const std::string hers = Produce(*bea, MakeTransport(*bea, "send"));
  const std::string recv = MakeTransport(ann, "recv");
  const std::string consumer = Consume(ann, hers);

  Client again(loop_, http_->port());
  json::object back = request;
  back["resume"] = joined["self"].at("token");
  back["continue"] = true;
  json::object continued = again.Done("join", back);
  EXPECT_EQ(continued["self"], joined["self"]);
  EXPECT_EQ(continued["continued"].at("transports").as_array().size(), 2u);
  EXPECT_EQ(continued["continued"].at("producers"), json::array{json::string(mic)});
  EXPECT_EQ(continued["continued"].at("consumers"), json::array{json::string(consumer)});
  again.Done("pauseProducer", {{"producerId", mic}});
  again.Done("restartIce", {{"transportId", recv}});
  bea->Done("closeProducer", {{"producerId", hers}});
  EXPECT_EQ(again.Await("consumerClosed", "consumerId"), consumer) << "events come to the new socket";
  Client dan(loop_, http_->port());
  json::object seen = dan.Done("join", {{"room", room_}, {"name", "Dan"}, {"speaks", "en"}, {"hears", "en"}});
  std::size_t anns = 0;
  for (const json::value& one : seen["participants"].as_array()) {
    if (GetString(one, "name") != "Ann") continue;
    ++anns;
    EXPECT_EQ(GetString(one, "id"), GetString(joined["self"], "id"));
    EXPECT_EQ(GetArray(one, "producers")->size(), 1u);
  }
  EXPECT_EQ(anns, 1u) << "nobody left and nobody came";
}

TEST_F(CallsTest, WhoHasNothingLeftToGoOnWithJoinsAnew) {
  Client ann(loop_, http_->port());
  json::object joined = ann.Done("join", {{"room", room_}, {"name", "Ann"}, {"speaks", "en"}, {"hears", "en"},
                                          {"resume", "an old token"}, {"continue", true}});
  EXPECT_FALSE(joined.contains("continued"));
}

TEST_F(CallsTest, WhoseSocketIsLostStaysInTheCallUntilTheyGoOnOverAnother) {
  Client ann(loop_, http_->port());
  json::object request{{"room", room_}, {"name", "Ann"}, {"speaks", "en"}, {"hears", "en"}, {"hold", true}};
  json::object joined = ann.Done("join", request);
  const std::unique_ptr<Client> bea = Join("Bea");
  const std::string mic = Produce(ann, MakeTransport(ann, "send"));
  ann.LoseSocket();
  EXPECT_TRUE(loop_.RunUntil([&] { return sockets_.sockets() == 1; }, kPatience));
  Client again(loop_, http_->port());
  request["resume"] = joined["self"].at("token");
  request["continue"] = true;
  json::object continued = again.Done("join", request);
  EXPECT_EQ(continued["self"], joined["self"]);
  EXPECT_EQ(continued["continued"].at("producers"), json::array{json::string(mic)});
  bea->Done("setState", {{"handRaised", true}});
  EXPECT_EQ(again.Await("participantUpdated", "name"), "Bea");
  EXPECT_FALSE(bea->Heard("participantLeft"));
  EXPECT_FALSE(bea->Heard("producerRemoved"));
  again.Done("leave", {});
  EXPECT_EQ(bea->Await("participantLeft", "reason"), "left");
}

TEST_F(CallsTest, AReloadWhoseSocketIsLostStillReplacesTheirGhost) {
  Client ann(loop_, http_->port());
  json::object request{{"room", room_}, {"name", "Ann"}, {"speaks", "en"}, {"hears", "en"}, {"hold", true}};
  request["resume"] = ann.Done("join", request)["self"].at("token");
  const std::unique_ptr<Client> bea = Join("Bea");
  ann.LoseSocket();
  EXPECT_TRUE(loop_.RunUntil([&] { return sockets_.sockets() == 1; }, kPatience));
  Client again(loop_, http_->port());
  EXPECT_FALSE(again.Done("join", request).contains("continued"));
  EXPECT_EQ(bea->Await("participantLeft", "reason"), "replaced");
}

TEST_F(CallsTest, WhoGivesUpASocketThatAnswersNothingIsHeldToo) {
  Client ann(loop_, http_->port());
  json::object request{{"room", room_}, {"name", "Ann"}, {"speaks", "en"}, {"hears", "en"}, {"hold", true}};
  request["resume"] = ann.Done("join", request)["self"].at("token");
  ann.Disconnect();
  EXPECT_TRUE(loop_.RunUntil([&] { return sockets_.sockets() == 0; }, kPatience));
  Client again(loop_, http_->port());
  request["continue"] = true;
  EXPECT_TRUE(again.Done("join", request).contains("continued"));
}

TEST_F(CallsTest, WhoDidNotAskToBeHeldIsGoneAtOnce) {
  const auto ann = Join("Ann"), bea = Join("Bea"), cy = Join("Cy");
  ann->LoseSocket();
  EXPECT_EQ(bea->Await("participantLeft", "reason"), "disconnected");
  bea->Disconnect();
  EXPECT_EQ(cy->Await("participantLeft", "reason"), "disconnected");
}

class ShortHoldTest : public CallsTest {
 protected:
  ShortHoldTest() : CallsTest({}, std::chrono::milliseconds(20)) {}
};

TEST_F(ShortHoldTest, WhoDoesNotComeBackInTimeIsGone) {
  Client ann(loop_, http_->port());
  json::object request{{"room", room_}, {"name", "Ann"}, {"speaks", "en"}, {"hears", "en"}, {"hold", true}};
  request["resume"] = ann.Done("join", request)["self"].at("token");
  const std::unique_ptr<Client> bea = Join("Bea");
  ann.LoseSocket();
  EXPECT_EQ(bea->Await("participantLeft", "reason"), "disconnected");
  Client again(loop_, http_->port());
  request["continue"] = true;
  EXPECT_FALSE(again.Done("join", request).contains("continued"));
}

TEST_F(CallsTest, AWorkerThatDiesTakesItsTransportsAndTheyComeBackWithoutAJoin) {
  const auto ann = Join("Ann"), bea = Join("Bea");
  const std::string send = MakeTransport(*ann, "send"), mic = Produce(*ann, send);
  const std::string recv = MakeTransport(*bea, "recv"), consumer = Consume(*bea, mic);
  Kill(calls_.FindRoom(room_)->worker);
  EXPECT_EQ(ann->Await("transportClosed", "transportId"), send);
  EXPECT_EQ(ann->Await("transportClosed", "reason"), "workerLost");
  EXPECT_EQ(bea->Await("producerRemoved", "producerId"), mic);
  EXPECT_EQ(bea->Await("consumerClosed", "consumerId"), consumer);
  EXPECT_EQ(bea->Await("transportClosed", "transportId"), recv);
  EXPECT_EQ(bea->Refused("restartIce", {{"transportId", recv}}), "transport_not_found");
  MakeTransport(*bea, "recv");
  Consume(*bea, Produce(*ann, MakeTransport(*ann, "send")));
}

TEST_F(CallsTest, TheCallsOfOtherWorkersHearNothingOfIt) {
  const auto ann = Join("Ann");
  const std::string other = MakeRoom();
  const auto cy = Join("Cy", other);
  ASSERT_NE(calls_.FindRoom(room_)->worker, calls_.FindRoom(other)->worker);
  const std::string send = MakeTransport(*cy, "send"), mic = Produce(*cy, send);
  MakeTransport(*ann, "send");
  Kill(calls_.FindRoom(room_)->worker);
  ann->Await("transportClosed", "transportId");
  cy->Done("restartIce", {{"transportId", send}});
  cy->Done("pauseProducer", {{"producerId", mic}});
  EXPECT_FALSE(cy->Heard("transportClosed"));
  EXPECT_EQ(calls_.media().running(), 2u);
}

TEST_F(CallsTest, PeopleOfAWorkerThatCannotBeReplacedMoveToAnother) {
  const auto ann = Join("Ann"), bea = Join("Bea");
  const std::size_t home = calls_.FindRoom(room_)->worker;
  MakeTransport(*ann, "send");
  Client stranger(loop_, http_->port());
  replaceable_ = false;
  Kill(home);
  ann->Await("transportClosed", "transportId");
  EXPECT_EQ(calls_.media().running(), 1u);
  EXPECT_EQ(calls_.FindRoom(room_)->worker, 1 - home);
  MakeTransport(*bea, "recv");
  Consume(*bea, Produce(*ann, MakeTransport(*ann, "send")));
  Kill(1 - home);
  EXPECT_TRUE(loop_.RunUntil([&] { return calls_.media().running() == 0; }, kPatience));
  EXPECT_EQ(stranger.Refused("join", {{"room", room_}, {"name", "Cy"}, {"speaks", "en"}, {"hears", "en"}}),
            "media_unavailable");
}

// Each newcomer is put on the worker that has fewer people.
class SpanningCallsTest : public CallsTest {
 protected:
  SpanningCallsTest()
      : CallsTest({.placement = {.full = 0, .same = 1, .worth_crossing = -1, .small_room = 0}}),
        ann(Join("Ann")),
        bea(Join("Bea")) {
    EXPECT_EQ(calls_.people_on_workers(), (std::vector<std::size_t>{1, 1}));
  }
  std::size_t home() { return calls_.FindRoom(room_)->worker; }
  // What the worker says of a producer.
  bool Knows(std::size_t worker, const std::string& producer) {
    std::optional<bool> known;
    workers_[worker]->Call<Status<>>(
        [producer](sfu::Worker& w, Time) { return w.SetTap(ProducerId(producer), false); },
        [&](const Status<>& status) { known = status.ok(); });
    EXPECT_TRUE(loop_.RunUntil([&] { return known.has_value(); }, kPatience));
    return *known;
  }
  // By a pipe, which takes some messages between the loops to be laid.
  bool ComesToKnow(std::size_t worker, const std::string& producer) {
    const Time give_up = io::Now() + kPatience;
    while (io::Now() < give_up) {
      if (Knows(worker, producer)) return true;
    }
    return false;
  }

  const std::unique_ptr<Client> ann, bea;
};

TEST_F(SpanningCallsTest, AProducerOfAnotherWorkerIsReceivedPausedAndClosedAsAny) {
  const std::string mic = Produce(*ann, MakeTransport(*ann, "send"));
  MakeTransport(*bea, "recv");
  const std::string consumer = Consume(*bea, mic);
  bea->Done("resumeConsumer", {{"consumerId", consumer}});
  ann->Done("pauseProducer", {{"producerId", mic}});
  EXPECT_EQ(bea->Await("consumerPaused", "consumerId"), consumer);
  ann->Done("resumeProducer", {{"producerId", mic}});
  EXPECT_EQ(bea->Await("consumerResumed", "consumerId"), consumer);
  ann->Done("closeProducer", {{"producerId", mic}});
  EXPECT_EQ(bea->Await("consumerClosed", "consumerId"), consumer);
  EXPECT_FALSE(Knows(0, mic));
  EXPECT_FALSE(Knows(1, mic));
}

TEST_F(SpanningCallsTest, WhoLeavesTakesTheirProducersFromAllWorkers) {
  const std::string mic = Produce(*ann, MakeTransport(*ann, "send"));
  MakeTransport(*bea, "recv");
  const std::string consumer = Consume(*bea, mic);
  EXPECT_TRUE(Knows(0, mic));
  EXPECT_TRUE(Knows(1, mic));
  ann->Done("leave", {});
  EXPECT_EQ(bea->Await("consumerClosed", "consumerId"), consumer);
  EXPECT_FALSE(Knows(0, mic));
  EXPECT_FALSE(Knows(1, mic));
}

TEST_F(SpanningCallsTest, TheHomeWorkerHearsEveryMicrophone) {
  const std::string far_mic = Produce(*bea, MakeTransport(*bea, "send"));
  EXPECT_TRUE(ComesToKnow(home(), far_mic));
  const std::string near_mic = Produce(*ann, MakeTransport(*ann, "send"));
  EXPECT_FALSE(Knows(1 - home(), near_mic)) << "nobody there receives it";
}

TEST_F(SpanningCallsTest, ADeadWorkerTakesWhatWasSentToItAndLeavesTheOthersTheirs) {
  const std::string send = MakeTransport(*bea, "send"), mic = Produce(*bea, send);
  const std::string recv = MakeTransport(*ann, "recv"), consumer = Consume(*ann, mic);
  Kill(1 - home());
  EXPECT_EQ(bea->Await("transportClosed", "transportId"), send);
  EXPECT_EQ(ann->Await("consumerClosed", "consumerId"), consumer);
  EXPECT_FALSE(ann->Heard("transportClosed"));
  ann->Done("restartIce", {{"transportId", recv}});
  Consume(*ann, Produce(*bea, MakeTransport(*bea, "send")));
}

TEST_F(SpanningCallsTest, WhenTheHomeDiesItsSuccessorHearsTheMicrophonesThatLive) {
  const std::string mic = Produce(*bea, MakeTransport(*bea, "send"));
  MakeTransport(*ann, "recv");
  Consume(*ann, mic);
  Kill(home());
  EXPECT_EQ(ann->Await("transportClosed", "reason"), "workerLost");
  EXPECT_FALSE(bea->Heard("transportClosed"));
  EXPECT_TRUE(ComesToKnow(home(), mic));
  MakeTransport(*ann, "recv");
  Consume(*ann, mic);
}

TEST_F(CallsTest, WhileDrainingNoRoomOpensAndCallsLiveOnUntilTheyEnd) {
  const std::string empty = MakeRoom();
  const auto ann = Join("Ann");
  bool done = false;
  calls_.BeginDraining([&] { done = true; });
  EXPECT_EQ(calls_.CreateRoom({}).error().code, "draining");
  Client stranger(loop_, http_->port());
  EXPECT_EQ(stranger.Refused("join", {{"room", empty}, {"name", "Cy"}, {"speaks", "en"}, {"hears", "en"}}), "draining");
  const auto bea = Join("Bea");
  MakeTransport(*bea, "recv");
  Consume(*bea, Produce(*ann, MakeTransport(*ann, "send")));
  ann->Done("leave", {});
  EXPECT_FALSE(done);
  bea->Done("leave", {});
  EXPECT_FALSE(done) << "the answer leaves before the process may end";
  EXPECT_TRUE(loop_.RunUntil([&] { return done; }, kPatience));
}

TEST_F(CallsTest, WhoReloadsTheirPageAloneInACallKeepsADrainingServerUp) {
  Client before(loop_, http_->port());
  const json::object joined = before.Done("join", {{"room", room_}, {"name", "Ann"}, {"speaks", "en"}, {"hears", "en"}});
  bool done = false;
  calls_.BeginDraining([&] { done = true; });
  Client after(loop_, http_->port());
  after.Done("join", {{"room", room_},
                      {"name", "Ann"},
                      {"speaks", "en"},
                      {"hears", "en"},
                      {"resume", joined.at("self").at("token")}});
  after.Done("setState", {});
  EXPECT_FALSE(done);
}

TEST_F(CallsTest, AServerInWhichNobodyIsHasDrainedAtOnce) {
  bool done = false;
  calls_.BeginDraining([&] { done = true; });
  EXPECT_TRUE(loop_.RunUntil([&] { return done; }, kPatience));
}

}  // namespace
}  // namespace jb::services
