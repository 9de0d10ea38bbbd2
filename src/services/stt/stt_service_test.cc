// SPDX-License-Identifier: Apache-2.0
// The stt service over real sockets, with a recogniser of the test's own: who is refused, what is freed.
// What words are heard is tested in speech/pocketsphinx, what files are taken in upload_decoder_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/read.hpp>
#include <thread>

#include "base/metrics.h"
#include "io/test_client.h"
#include "media/audio/wav.h"
#include "services/common/service_test_client.h"
#include "services/stt/openapi.h"
#include "services/stt/service.h"
#include "services/stt/upload_decoder.h"
#include "speech/recognizer.h"

namespace jb::services {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kConcurrency = 2;

// Knows English, answers at once, and decodes a stream's sound only when it is told to.
class TestRecognizer : public speech::Recognizer {
 public:
  struct State {
    int sessions = 0;
    std::size_t pushed = 0, backlog = 0, most_backlog = 0;
    bool keeps_up = true;
    speech::RecognitionOptions options;  // of the last session
  };
  class Session : public speech::RecognitionSession {
   public:
    Session(io::Loop& loop, std::shared_ptr<State> state, speech::RecognitionHandlers handlers)
        : loop_(loop), state_(std::move(state)), handlers_(std::move(handlers)) {
      ++state_->sessions;
    }
    ~Session() override {
      *alive_ = false;
      --state_->sessions;
    }
    void PushAudio(std::span<const std::int16_t> pcm) override {
      state_->pushed += pcm.size();
      if (!state_->keeps_up) state_->backlog += pcm.size();
      state_->most_backlog = std::max(state_->most_backlog, state_->backlog);
    }
    void Flush() override {}
    void Finish() override {
      loop_.Post([this, alive = alive_] {
        if (!*alive) return;
        handlers_.on_result(
            {.id = 1, .rev = 1, .final = true, .text = "Hello.", .start_s = 0, .end_s = 1, .flush = {}});
        const auto done = std::move(handlers_.on_done);
        done(kOk);
      });
    }
    std::size_t backlog_samples() const override { return state_->backlog; }

   private:
    io::Loop& loop_;
    const std::shared_ptr<State> state_;
    speech::RecognitionHandlers handlers_;
    const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  };

  TestRecognizer(io::Loop& loop, std::shared_ptr<State> state) : loop_(loop), state_(std::move(state)) {}
  std::string_view name() const override { return "test"; }
  std::vector<std::string> languages() const override { return {"en"}; }
  Result<std::unique_ptr<speech::RecognitionSession>> Open(std::string_view language,
                                                           const speech::RecognitionOptions& options,
                                                           speech::RecognitionHandlers handlers) override {
    if (language != "en") return Fail("unsupported_language", "English only");
    if (state_->sessions >= kConcurrency) return Fail("busy", "all taken");
    state_->options = options;
    return std::unique_ptr<speech::RecognitionSession>(std::make_unique<Session>(loop_, state_, std::move(handlers)));
  }
  Result<std::unique_ptr<speech::Job>> Transcribe(std::vector<std::int16_t> pcm, std::string_view,
                                                  std::function<void(Result<speech::Transcript>)> done) override {
    const double seconds = static_cast<double>(pcm.size()) / speech::kRecognizerRateHz;
    loop_.Post([done = std::move(done), seconds] {
      done(speech::Transcript{
          .text = "Hello.", .duration_s = seconds, .segments = {{"Hello.", 0, seconds}}, .words = {}});
    });
    return std::make_unique<speech::Job>();
  }
  speech::RecognizerStats stats() const override { return {state_->sessions, kConcurrency, 0}; }

 private:
  io::Loop& loop_;
  const std::shared_ptr<State> state_;
};

class SttServiceTest : public ::testing::Test {
 protected:
  void SetUp() override { StartService({}); }
  void StartService(SttServiceConfig config) {
    client_.reset();
    service_.reset();
    config.port = 0;
    config.concurrency = kConcurrency;
    auto started = SttService::Start(loop_, config, metrics_, std::make_unique<TestRecognizer>(loop_, state_));
    ASSERT_TRUE(started.ok()) << started.error().message;
    service_ = *std::move(started);
    client_ = std::make_unique<ServiceTestClient>(loop_, service_->port());
  }
  static std::string Wav(int milliseconds = 100) {
    return std::string(
        AsText(media::WriteWav(std::vector<std::int16_t>(static_cast<std::size_t>(milliseconds) * 16), 16000, 1)));
  }
  void Turn(Duration time) {
    loop_.RunUntil([] { return false; }, time);
  }
  // A WebSocket that sends this once it is open, however much; what it says comes to heard_.
  void OpenStream(const std::function<void(io::WebSocket&)>& send) {
    io::WebSocketConnectOptions options;
    options.socket.max_queued_bytes = 16 << 20;
    io::ConnectWebSocket(loop_, "ws" + client_->Url("/transcribe/stream").substr(4), options,
                         [this, send](Result<std::shared_ptr<io::WebSocket>> opened) {
                           ASSERT_TRUE(opened.ok());
                           stream_ = *opened;
                           stream_->set_on_text([this](std::string_view text) { heard_.emplace_back(text); });
                           send(*stream_);
                         });
  }
  // What a WebSocket says until it closes, and its code.
  std::vector<std::string> Talk(const std::string& query, const std::function<void(io::WebSocket&)>& speak) {
    std::vector<std::string> heard;
    bool closed = false;
    io::ConnectWebSocket(loop_, "ws" + client_->Url("/transcribe/stream" + query).substr(4), {},
                         [&](Result<std::shared_ptr<io::WebSocket>> socket) {
                           if (!socket.ok()) {
                             heard.push_back(socket.error().message);
                             closed = true;
                             return;
                           }
                           (*socket)->set_on_text([&](std::string_view text) { heard.emplace_back(text); });
                           (*socket)->set_on_close([&](std::uint16_t code, std::string_view) {
                             heard.push_back(std::to_string(code));
                             closed = true;
                           });
                           speak(**socket);
                         });
    EXPECT_TRUE(loop_.RunUntil([&] { return closed; }, kPatience));
    return heard;
  }
  // More than the kernel keeps for us is sent by a thread of its own, since the server reads on this one.
  std::string Flood(const std::string& request) {
    std::atomic<bool> over = false;
    std::string answer;
    std::thread sender([&] {
      boost::asio::io_context context;
      boost::asio::ip::tcp::socket socket(context);
      boost::system::error_code ignored;
      socket.connect({boost::asio::ip::address_v4::loopback(), service_->port()}, ignored);
      boost::asio::write(socket, boost::asio::buffer(request), ignored);
      boost::asio::read(socket, boost::asio::dynamic_buffer(answer), ignored);
      over = true;
    });
    EXPECT_TRUE(loop_.RunUntil([&] { return over.load(); }, kPatience));
    sender.join();
    return answer;
  }
  bool IsFree() {
    return loop_.RunUntil([&] { return state_->sessions == 0; }, kPatience) &&
           Outcome(client_->Post("/transcribe", Wav(), "audio/wav")) == "200";
  }

  io::Loop loop_;
  Metrics metrics_;
  const std::shared_ptr<TestRecognizer::State> state_ = std::make_shared<TestRecognizer::State>();
  std::unique_ptr<SttService> service_;
  std::unique_ptr<ServiceTestClient> client_;
  std::shared_ptr<io::WebSocket> stream_;
  std::vector<std::string> heard_;
};

TEST_F(SttServiceTest, TheOpenApiDocumentDescribesExactlyTheRoutesThatExist) {
  EXPECT_EQ(DescribedBy(client_->Get("/openapi.json").body), RoutedBy(service_->routes()));
}

TEST_F(SttServiceTest, EveryServicesOwnResourcesAnswer) { ExpectOwnResources(*client_, "test"); }

TEST_F(SttServiceTest, ARecordingComesBackAsTextHoweverItIsSent) {
  for (const auto& answer : {client_->Post("/transcribe?lang=en-GB", Wav(), "application/octet-stream"),
                             client_->Post("/transcribe?lang=", FormOf(Wav()), kFormType)}) {
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto body = ParseJson(answer.body);
    EXPECT_EQ(GetString(*body, "text"), "Hello.");
    EXPECT_EQ(GetString(*body, "language"), "en");
    EXPECT_NEAR(GetNumber(*body, "duration").value_or(0), 0.1, 1e-6);
    EXPECT_EQ(GetString(body->at("segments").at(0), "text"), "Hello.");
  }
}

TEST_F(SttServiceTest, WhatIsWrongWithARecordingIsSaid) {
  EXPECT_EQ(Outcome(client_->Post("/transcribe", "")), "400 invalid_request");
  EXPECT_EQ(Outcome(client_->Post("/transcribe", "hello", "text/plain")), "415 unsupported_media");
  EXPECT_EQ(Outcome(client_->Post("/transcribe", Wav().substr(0, 1000), "audio/wav")), "400 broken_media");
  EXPECT_EQ(Outcome(client_->Post("/transcribe", "no form", kFormType)), "400 invalid_request");
  EXPECT_EQ(Outcome(client_->Post("/transcribe", FormOf(""), kFormType)), "400 invalid_request");
  EXPECT_EQ(Outcome(client_->Get("/transcribe")), "405 method_not_allowed");
  EXPECT_TRUE(IsFree());
}

TEST_F(SttServiceTest, ARecordingOverTenMinutesIsRefusedAsTooLargeAndNotAsWrong) {
  const std::string wav(AsText(media::WriteWav(std::vector<std::int16_t>(4000 * 601), 4000, 1)));
  EXPECT_EQ(Outcome(client_->Post("/transcribe", wav, "audio/wav")), "413 too_long");
  EXPECT_EQ(Outcome(client_->Post("/v1/audio/transcriptions", FormOf(wav), kFormType)), "413 too_long");
  EXPECT_TRUE(IsFree());
}

TEST_F(SttServiceTest, ALanguageNobodyRecognisesIsNamedBeforeAnythingIsDecoded) {
  for (const char* lang : {"vi", "x", "%FF", "e%20n"}) {
    EXPECT_EQ(Outcome(client_->Post("/transcribe?lang=" + std::string(lang), "not even sound", "audio/wav")),
              "400 unsupported_language")
        << lang;
  }
  EXPECT_THAT(client_->Post("/transcribe?lang=x", Wav(), "audio/wav").body, HasSubstr("\\\"x\\\""));
  EXPECT_EQ(Outcome(client_->Post("/v1/audio/transcriptions", FormOf(Wav(), {{"language", "vi"}}), kFormType)),
            "400 unsupported_language");
}

TEST_F(SttServiceTest, TooLongAnUploadIsRefusedInTheShapeOfItsRouteBeforeItIsRead) {
  io::RawClient own(loop_, service_->port()), open_ai(loop_, service_->port());
  own.Send("POST /transcribe HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n");
  EXPECT_TRUE(own.WaitFor("\"code\":\"too_large\""));
  EXPECT_THAT(own.received(), HasSubstr("413"));
  open_ai.Send("POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n");
  EXPECT_TRUE(open_ai.WaitFor("\"type\":\"invalid_request_error\""));
  EXPECT_THAT(open_ai.received(), HasSubstr("413"));
}

TEST_F(SttServiceTest, ChunkedUploadsThatAreTooLongOrBrokenOrCutGiveTheirPlaceBack) {
  const std::string head = "POST /transcribe HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i <= kConcurrency; ++i) {
    io::RawClient client(loop_, service_->port());
    client.Send(head + "zz\r\n");
    EXPECT_TRUE(client.WaitFor("HTTP/1.1 400")) << client.received();
  }
  for (int i = 0; i <= kConcurrency; ++i) {
    io::RawClient client(loop_, service_->port());
    client.Send(head + "5\r\nhello\r\n");
    Turn(20ms);
  }
  std::string body;
  for (int i = 0; i < 26; ++i) body += "100000\r\n" + std::string(1 << 20, 'x') + "\r\n";
  for (int i = 0; i <= kConcurrency; ++i) EXPECT_THAT(Flood(head + body), HasSubstr("HTTP/1.1 413"));
  EXPECT_TRUE(IsFree());
}

TEST_F(SttServiceTest, RecordingsBeyondTheConcurrencyAreToldWhenToComeAgain) {
  std::vector<std::unique_ptr<io::RawClient>> busy;
  for (int i = 0; i < kConcurrency; ++i) {
    busy.push_back(std::make_unique<io::RawClient>(loop_, service_->port()));
    busy.back()->Send("POST /transcribe HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
  }
  Turn(50ms);
  for (const char* path : {"/transcribe", "/v1/audio/transcriptions"}) {
    const auto answer = client_->Post(path, FormOf(Wav()), kFormType);
    EXPECT_EQ(answer.status, 429) << path;
    EXPECT_EQ(answer.headers["Retry-After"], "1") << path;
  }
  busy.clear();
  Turn(50ms);
  EXPECT_TRUE(IsFree());
}

TEST_F(SttServiceTest, AnUploadThatOnlyTricklesInGivesItsPlaceBack) {
  StartService({.upload_within = 100ms});
  std::vector<std::unique_ptr<io::RawClient>> slow;
  for (int i = 0; i < kConcurrency; ++i) {
    slow.push_back(std::make_unique<io::RawClient>(loop_, service_->port()));
    slow.back()->Send("POST /transcribe HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
  }
  for (int i = 0; i < 15; ++i) {
    for (const auto& client : slow) {
      if (client->received().empty()) client->Send("x");
    }
    Turn(10ms);
  }
  for (const auto& client : slow) {
    // Well before the server takes one that sends nothing at all for dead.
    EXPECT_TRUE(loop_.RunUntil([&] { return client->received().find("timeout") != std::string::npos; }, 5s));
    EXPECT_THAT(client->received(), HasSubstr("HTTP/1.1 408"));
  }
  EXPECT_TRUE(IsFree());
}

TEST_F(SttServiceTest, AChunkedStreamIsAnsweredLineByLineAndGivesItsPlaceBack) {
  for (int i = 0; i <= 2 * kConcurrency; ++i) {
    const auto answer = client_->Post("/transcribe/stream?lang=en&sample_rate=16000", std::string(3200, '\0'),
                                      "application/octet-stream");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.content_type, "application/x-ndjson");
    EXPECT_THAT(answer.body, HasSubstr(R"({"type":"final","id":1,"rev":1,"text":"Hello.")"));
    EXPECT_TRUE(answer.body.ends_with("{\"type\":\"done\"}\n")) << answer.body;
  }
  EXPECT_TRUE(IsFree());
}

TEST_F(SttServiceTest, AStreamWhoseSenderWaitsForContinueIsAWholeAnswer) {
  io::RawClient client(loop_, service_->port());
  client.Send(
      "POST /transcribe/stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("100 Continue\r\n\r\n"));
  client.Send("4\r\nabcd\r\n0\r\n\r\n");
  EXPECT_TRUE(client.WaitFor("done"));
  EXPECT_LT(client.received().find("100 Continue"), client.received().find("200 OK"));
}

TEST_F(SttServiceTest, ASenderFasterThanTheRecogniserIsSlowedDownAndLosesNothing) {
  state_->keeps_up = false;
  const std::size_t samples = 60 * 16000;
  const auto answer =
      client_->Begin("POST", "/transcribe/stream", std::string(samples * 2, '\0'), "application/octet-stream");
  Turn(300ms);
  EXPECT_LT(state_->most_backlog, 20u * 16000);  // the recogniser keeps 30 s
  EXPECT_LT(state_->pushed, samples);
  state_->keeps_up = true;
  state_->backlog = 0;
  EXPECT_EQ(client_->Await(answer).status, 200);
  EXPECT_EQ(state_->pushed, samples);
}

// The message whose reading had begun when the reading was paused still comes: nothing before it may be lost.
TEST_F(SttServiceTest, SmallMessagesBehindALargeOneAreHeardInTheirPlace) {
  state_->keeps_up = false;
  OpenStream([&](io::WebSocket& socket) {
    socket.SendBinary(Bytes(1 << 20));
    socket.SendBinary(Bytes(640));
    socket.SendBinary(Bytes(640));
    socket.SendText(R"({"type":"end"})");
  });
  ASSERT_TRUE(loop_.RunUntil([&] { return state_->backlog > 10u * 16000; }, kPatience));
  Turn(100ms);
  state_->keeps_up = true;
  state_->backlog = 0;
  ASSERT_TRUE(loop_.RunUntil([&] { return !heard_.empty() && heard_.back() == R"({"type":"done"})"; }, kPatience));
  EXPECT_EQ(state_->pushed, ((1u << 20) + 2 * 640) / 2);
}

TEST_F(SttServiceTest, ASocketFasterThanTheRecogniserIsSlowedDownAndLosesNothing) {
  state_->keeps_up = false;
  constexpr std::size_t kSamples = 70 * 16000;
  OpenStream([&](io::WebSocket& socket) {
    // One message alone is more than the recogniser keeps.
    socket.SendBinary(Bytes(1 << 20));
    socket.SendBinary(Bytes(1 << 20));
    socket.SendBinary(Bytes(2 * kSamples - (2 << 20)));
    socket.SendText(R"({"type":"end"})");
  });
  EXPECT_TRUE(loop_.RunUntil([&] { return state_->backlog > 10u * 16000; }, kPatience));
  Turn(100ms);
  EXPECT_LT(state_->most_backlog, 20u * 16000);  // the recogniser keeps 30 s
  EXPECT_LT(state_->pushed, kSamples);
  state_->keeps_up = true;
  state_->backlog = 0;
  EXPECT_TRUE(loop_.RunUntil([&] { return !heard_.empty() && heard_.back() == R"({"type":"done"})"; }, kPatience));
  EXPECT_EQ(state_->pushed, kSamples);
  EXPECT_TRUE(IsFree());
}

TEST_F(SttServiceTest, AStreamThatItsSenderLeavesGivesItsPlaceBack) {
  for (int i = 0; i <= kConcurrency; ++i) {
    io::RawClient client(loop_, service_->port());
    client.Send("POST /transcribe/stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n");
    EXPECT_TRUE(client.WaitFor("200 OK"));
    if (i % 2) client.Send("zz\r\n");
    else client.Reset();
    loop_.RunUntil([&] { return state_->sessions == 0; }, kPatience);
  }
  EXPECT_TRUE(IsFree());
}

TEST_F(SttServiceTest, ASenderThatFlushesMayAskForALongerSilenceBeforeAClauseEndsByItself) {
  const auto end = [](io::WebSocket& socket) { socket.SendText(R"({"type":"end"})"); };
  Talk("?lang=en", end);
  EXPECT_EQ(state_->options.end_silence, std::nullopt);
  Talk("?lang=en&endpoint_ms=700", end);
  EXPECT_EQ(state_->options.end_silence, 700ms);
}

TEST_F(SttServiceTest, WrongStreamParametersAreRefusedBeforeTheStreamBegins) {
  for (const char* query :
       {"?sample_rate=7999", "?sample_rate=96000", "?sample_rate=abc", "?sample_rate=16000x", "?sample_rate=-16000",
        "?endpoint_ms=99", "?endpoint_ms=5001", "?endpoint_ms=1s"}) {
    EXPECT_EQ(Outcome(client_->Post("/transcribe/stream" + std::string(query), "abcd")), "400 invalid_request")
        << query;
    EXPECT_THAT(Talk(query, [](io::WebSocket&) {}).front(), HasSubstr("400")) << query;
  }
  for (const char* query : {"?lang=vi", "?lang=x&sample_rate=16000"}) {
    EXPECT_EQ(Outcome(client_->Post("/transcribe/stream" + std::string(query), "abcd")), "400 unsupported_language");
    EXPECT_THAT(Talk(query, [](io::WebSocket&) {}).front(), HasSubstr("400")) << query;
  }
  // A plain GET is told what the path is for.
  const auto plain = client_->Get("/transcribe/stream");
  EXPECT_EQ(Outcome(plain), "426 upgrade_required");
  EXPECT_EQ(plain.headers["Upgrade"], "websocket");
  EXPECT_EQ(state_->sessions, 0);
}

TEST_F(SttServiceTest, ASocketGivesFinalsThenDoneThenCloses) {
  for (const char* query :
       {"", "?lang=en&sample_rate=16000", "?lang=&sample_rate=16000", "?sample_rate=", "?sample_rate=48000"}) {
    const auto heard = Talk(query, [](io::WebSocket& s) {
      s.SendBinary(Bytes(3201));
      s.SendBinary(Bytes(1));
      s.SendBinary({});
      s.SendText(R"({"type":"end"})");
      s.SendBinary(Bytes(100));  // after the end: nobody listens
    });
    ASSERT_EQ(heard.size(), 3u) << query << heard.front();
    EXPECT_EQ(heard[0], R"({"type":"final","id":1,"rev":1,"text":"Hello.","start":0E0,"end":1E0})");
    EXPECT_EQ(heard[1], R"({"type":"done"})");
    EXPECT_EQ(heard[2], "1000");
  }
  EXPECT_TRUE(IsFree());
}

TEST_F(SttServiceTest, ASocketThatSpeaksNonsenseIsToldAndClosed) {
  for (const char* nonsense : {"hello", "{}", R"({"type":"stop"})", "[1]"}) {
    const auto heard = Talk("", [&](io::WebSocket& s) { s.SendText(nonsense); });
    ASSERT_EQ(heard.size(), 2u) << nonsense;
    EXPECT_THAT(heard[0], HasSubstr("invalid_request"));
    EXPECT_EQ(heard[1], "1008");
  }
  // 1006 where the rest of the frame was still on its way and the close frame went down with it.
  EXPECT_THAT(Talk("", [](io::WebSocket& s) { s.SendBinary(Bytes((1 << 20) + 1)); }),
              ElementsAre(AnyOf("1009", "1006")));
  EXPECT_TRUE(IsFree());
}

TEST_F(SttServiceTest, StreamsBeyondTheConcurrencyAreRefusedWithWhenToComeAgain) {
  std::vector<std::unique_ptr<io::RawClient>> busy;
  for (int i = 0; i < kConcurrency; ++i) {
    busy.push_back(std::make_unique<io::RawClient>(loop_, service_->port()));
    busy.back()->Send("POST /transcribe/stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    ASSERT_TRUE(busy.back()->WaitFor("200 OK"));
  }
  const auto post = client_->Post("/transcribe/stream", "abcd");
  EXPECT_EQ(post.status, 429);
  EXPECT_EQ(post.headers["Retry-After"], "1");
  EXPECT_THAT(Talk("", [](io::WebSocket&) {}).front(), HasSubstr("429"));
  busy.clear();
  EXPECT_TRUE(IsFree());
}

TEST_F(SttServiceTest, ATakenPortIsNamed) {
  SttServiceConfig config;
  config.port = service_->port();
  const auto second = SttService::Start(loop_, config, metrics_, std::make_unique<TestRecognizer>(loop_, state_));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, "address_in_use");
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(config.port)));
}

TEST_F(SttServiceTest, OpenAisErrorsHaveAllTheirKeys) {
  const auto answer = client_->Post("/v1/audio/transcriptions", FormOf(Wav(), {{"response_format", "pdf"}}), kFormType);
  EXPECT_EQ(answer.status, 400);
  const auto body = ParseJson(answer.body);
  const json::value& error = body->at("error");
  for (const char* key : {"message", "type", "param", "code"}) EXPECT_NE(GetMember(error, key), nullptr) << key;
}

TEST_F(SttServiceTest, EachOfOpenAisGranularitiesIsAFieldOfItsOwn) {
  const auto ask = [&](std::vector<std::pair<std::string, std::string>> fields) {
    fields.emplace_back("response_format", "verbose_json");
    return client_->Post("/v1/audio/transcriptions", FormOf(Wav(), fields), kFormType);
  };
  const std::string name = "timestamp_granularities[]";
  for (const auto& answer : {ask({{name, "word"}, {name, "segment"}}), ask({{name, "segment"}, {name, "word"}})}) {
    const auto body = ParseJson(answer.body);
    ASSERT_TRUE(body.ok()) << answer.body;
    EXPECT_NE(GetMember(*body, "words"), nullptr);
    EXPECT_NE(GetMember(*body, "segments"), nullptr);
  }
  EXPECT_THAT(ask({{name, "segment"}}).body, ::testing::Not(HasSubstr("\"words\"")));
  EXPECT_EQ(Outcome(ask({{name, "word"}, {name, "letter"}})), "400 invalid_value");
}

TEST_F(SttServiceTest, OpenAisFormatsAreAnsweredAsTheirTypes) {
  const std::vector<std::pair<std::string, std::string>> types = {{"json", "application/json"},
                                                                  {"text", "text/plain; charset=utf-8"},
                                                                  {"srt", "application/x-subrip; charset=utf-8"},
                                                                  {"verbose_json", "application/json"},
                                                                  {"vtt", "text/vtt; charset=utf-8"}};
  for (const auto& [format, type] : types) {
    const auto answer = client_->Post("/v1/audio/transcriptions",
                                      FormOf(Wav(), {{"response_format", format}, {"model", "whisper-1"}}), kFormType);
    EXPECT_EQ(answer.status, 200) << format;
    EXPECT_EQ(answer.content_type, type);
    EXPECT_THAT(answer.body, HasSubstr("Hello."));
  }
}

}  // namespace
}  // namespace jb::services
