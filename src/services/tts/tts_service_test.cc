// SPDX-License-Identifier: Apache-2.0
// The tts service over real sockets, with a synthesizer of the test's own: who is refused, what is freed,
// what a slow listener gets. Real voices are tested in speech/espeak.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/metrics.h"
#include "io/test_client.h"
#include "media/audio/wav.h"
#include "services/common/service_test_client.h"
#include "services/tts/openapi.h"
#include "services/tts/service.h"
#include "speech/synthesizer.h"

namespace jb::services {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr int kConcurrency = 2;

// Speaks English: 1000 samples a letter, a word a turn. "hang" says nothing, "crash" fails at once, a text
// that ends in "!" fails after its last word.
class TestSynthesizer : public speech::Synthesizer {
 public:
  struct State {
    int jobs = 0;
    std::size_t given = 0;
    speech::SynthesisRequest last;
  };
  class Job : public speech::SynthesisJob {
   public:
    Job(io::Loop& loop, std::shared_ptr<State> state, speech::SynthesisRequest request,
        speech::SynthesisHandlers handlers)
        : state_(std::move(state)), request_(std::move(request)), handlers_(std::move(handlers)), timer_(loop) {
      ++state_->jobs;
      if (request_.text != "hang") Continue();
    }
    ~Job() override { --state_->jobs; }
    void Pause(bool paused) override {
      if (std::exchange(paused_, paused) && !paused) Continue();
    }

   private:
    void Continue() {
      timer_.StartIn(Duration::zero(), [this] { SpeakWord(); });
    }
    void SpeakWord() {
      if (paused_) return;
      if (request_.text == "crash") return Finish(Fail("backend_failed", "it crashed"));
      if (at_ >= request_.text.size()) {
        return Finish(request_.text.ends_with('!') ? Status<>(Fail("backend_failed", "it crashed")) : Status<>(kOk));
      }
      const std::size_t end = std::min(request_.text.find(' ', at_), request_.text.size() - 1) + 1;
      const std::vector<std::int16_t> pcm((end - std::exchange(at_, end)) * 1000, 7);
      state_->given += pcm.size();
      handlers_.on_audio(pcm);
      Continue();
    }
    void Finish(Status<> status) {
      const auto done = std::move(handlers_.on_done);
      done(std::move(status));
    }
    const std::shared_ptr<State> state_;
    const speech::SynthesisRequest request_;
    speech::SynthesisHandlers handlers_;
    io::Timer timer_;
    std::size_t at_ = 0;
    bool paused_ = false;
  };

  TestSynthesizer(io::Loop& loop, std::shared_ptr<State> state) : loop_(loop), state_(std::move(state)) {}
  std::string_view name() const override { return "test"; }
  const std::vector<speech::Voice>& voices() const override { return voices_; }
  std::vector<std::string> languages() const override { return {"en"}; }
  bool can_clone() const override { return false; }
  Result<std::unique_ptr<speech::SynthesisJob>> Start(speech::SynthesisRequest request,
                                                      speech::SynthesisHandlers handlers) override {
    if (request.text.size() > speech::kMaxSynthesisBytes) return Fail("too_long", "too long");
    if (!request.language.starts_with("en")) return Fail("unsupported_language", "English only");
    if (state_->jobs >= kConcurrency) return Fail("busy", "all speak");
    state_->last = request;
    return std::unique_ptr<speech::SynthesisJob>(
        std::make_unique<Job>(loop_, state_, std::move(request), std::move(handlers)));
  }

 private:
  io::Loop& loop_;
  const std::shared_ptr<State> state_;
  const std::vector<speech::Voice> voices_ = {{"en-us", "American", "en-US", "female"}};
};

// Reads when it is told to, and lets the kernel keep little for it.
class SlowListener {
 public:
  explicit SlowListener(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int small = 16 * 1024;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  ~SlowListener() { ::close(fd_); }
  void Send(const std::string& text) { EXPECT_EQ(::send(fd_, text.data(), text.size(), 0), std::ssize(text)); }
  // What there is. Always true.
  bool ReadInto(std::string& out) {
    char buffer[64 * 1024];
    for (ssize_t n; (n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;)
      out.append(buffer, static_cast<std::size_t>(n));
    return true;
  }

 private:
  const int fd_;
};

class TtsServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TtsServiceConfig config;
    config.port = 0;
    auto started = TtsService::Start(loop_, config, metrics_, std::make_unique<TestSynthesizer>(loop_, state_));
    ASSERT_TRUE(started.ok()) << started.error().message;
    service_ = *std::move(started);
    client_ = std::make_unique<ServiceTestClient>(loop_, service_->port());
  }
  static std::string Ask(const std::string& text, const std::string& more = "") {
    return "{\"text\":\"" + text + "\",\"lang\":\"en\"" + more + "}";
  }
  void Turn(Duration time) {
    loop_.RunUntil([] { return false; }, time);
  }
  static std::string RawPost(const std::string& path, const std::string& body) {
    return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
  }
  bool IsFree() {
    return loop_.RunUntil([&] { return state_->jobs == 0; }, kPatience);
  }

  io::Loop loop_;
  Metrics metrics_;
  const std::shared_ptr<TestSynthesizer::State> state_ = std::make_shared<TestSynthesizer::State>();
  std::unique_ptr<TtsService> service_;
  std::unique_ptr<ServiceTestClient> client_;
};

TEST_F(TtsServiceTest, TheOpenApiDocumentDescribesExactlyTheRoutesThatExist) {
  EXPECT_EQ(DescribedBy(client_->Get("/openapi.json").body), RoutedBy(service_->routes()));
}

TEST_F(TtsServiceTest, EveryServicesOwnResourcesAnswer) { ExpectOwnResources(*client_, "test"); }

TEST_F(TtsServiceTest, EveryFormatIsSoundOfItsTypeWholeAndStreamed) {
  for (const char* path : {"/synthesize", "/synthesize/stream"}) {
    const auto wav = client_->Post(path, Ask("one two"));
    EXPECT_EQ(wav.content_type, "audio/wav");
    ASSERT_EQ(wav.body.size(), media::kWavHeaderBytes + 14'000) << path;
    EXPECT_TRUE(wav.body.starts_with("RIFF"));
    const auto pcm = client_->Post(path, Ask("one two", R"(,"format":"pcm","sample_rate":16000)"));
    EXPECT_EQ(pcm.content_type, "audio/pcm");
    EXPECT_EQ(pcm.body, wav.body.substr(media::kWavHeaderBytes)) << path;
    EXPECT_EQ(state_->last.sample_rate_hz, 16000);
    const auto opus = client_->Post(path, Ask("one two", R"(,"format":"opus")"));
    EXPECT_EQ(opus.content_type, "audio/ogg; codecs=opus");
    EXPECT_TRUE(opus.body.starts_with("OggS")) << path;
    EXPECT_EQ(client_->Post(path, Ask("")).body.size(), media::kWavHeaderBytes) << "silence is sound too";
  }
  EXPECT_TRUE(IsFree());
}

TEST_F(TtsServiceTest, AStreamBeginsWithTheFirstSoundAndAWholeAnswerSaysItsLength) {
  EXPECT_EQ(client_->Post("/synthesize/stream", Ask("one two")).headers["Transfer-Encoding"], "chunked");
  const auto whole = client_->Post("/synthesize", Ask("one two"));
  EXPECT_EQ(whole.headers["Content-Length"], std::to_string(whole.body.size()));
}

TEST_F(TtsServiceTest, WhatIsWrongWithARequestIsSaid) {
  for (const char* body :
       {"", "x", "[]", "{}", R"({"text":"hi"})", R"({"lang":"en"})", R"({"text":5,"lang":"en"})",
        R"({"text":"hi","lang":5})", R"({"text":["hi"],"lang":"en"})", "{\"text\":\"\xFF\",\"lang\":\"en\"}"}) {
    EXPECT_EQ(Outcome(client_->Post("/synthesize", body)), "400 invalid_request") << body;
    EXPECT_EQ(Outcome(client_->Post("/synthesize/stream", body)), "400 invalid_request") << body;
  }
  for (const char* more :
       {R"(,"format":"mp3")", R"(,"format":5)", R"(,"sample_rate":"16000")", R"(,"sample_rate":7999)",
        R"(,"sample_rate":16000.5)", R"(,"speed":"fast")", R"(,"speed":9)", R"(,"voice":5)"}) {
    EXPECT_EQ(Outcome(client_->Post("/synthesize", Ask("hi", more))), "400 invalid_request") << more;
  }
  // Null is what a client sends for what it does not want to say.
  EXPECT_EQ(Outcome(client_->Post("/synthesize", Ask("hi", R"(,"voice":null,"speed":null,"format":null)"))), "200");
  EXPECT_EQ(Outcome(client_->Post("/synthesize", R"({"text":"hi","lang":"vi"})")), "400 unsupported_language");
  EXPECT_EQ(Outcome(client_->Post("/synthesize/stream", R"({"text":"hi","lang":""})")), "400 unsupported_language");
  EXPECT_EQ(Outcome(client_->Post("/synthesize", Ask(std::string(speech::kMaxSynthesisBytes + 1, 'a')))),
            "413 too_long");
  EXPECT_EQ(Outcome(client_->Post("/synthesize", std::string(100'000, ' '))), "413 too_large");
  EXPECT_EQ(Outcome(client_->Get("/synthesize")), "405 method_not_allowed");
  EXPECT_TRUE(IsFree());
}

TEST_F(TtsServiceTest, ABackendThatFailsIsAnErrorOrACutAnswerButNeverAWholeOne) {
  EXPECT_EQ(Outcome(client_->Post("/synthesize", Ask("crash"))), "500 backend_failed");
  EXPECT_EQ(Outcome(client_->Post("/synthesize/stream", Ask("crash"))), "500 backend_failed");
  EXPECT_EQ(Outcome(client_->Post("/synthesize", Ask("late!"))), "500 backend_failed");
  EXPECT_EQ(client_->Post("/synthesize/stream", Ask("late!")).body, "closed");
  EXPECT_TRUE(IsFree());
}

TEST_F(TtsServiceTest, RequestsBeyondTheConcurrencyAreToldWhenToComeAgain) {
  std::vector<std::unique_ptr<io::RawClient>> busy;
  for (int i = 0; i < kConcurrency; ++i) {
    busy.push_back(std::make_unique<io::RawClient>(loop_, service_->port()));
    busy.back()->Send(RawPost("/synthesize", Ask("hang")));
  }
  ASSERT_TRUE(loop_.RunUntil([&] { return state_->jobs == kConcurrency; }, kPatience));
  for (const char* path : {"/synthesize", "/synthesize/stream"}) {
    const auto answer = client_->Post(path, Ask("hi"));
    EXPECT_EQ(answer.status, 429) << path;
    EXPECT_EQ(answer.headers["Retry-After"], "1") << path;
  }
  const auto open_ai = client_->Post("/v1/audio/speech", R"({"input":"hi","response_format":"wav"})");
  EXPECT_EQ(open_ai.status, 429);
  EXPECT_EQ(open_ai.headers["Retry-After"], "1");
  busy.clear();  // they leave: what was made for them stops
  EXPECT_TRUE(IsFree());
  EXPECT_EQ(client_->Post("/synthesize", Ask("hi")).status, 200);
}

TEST_F(TtsServiceTest, ASlowListenerGetsAllOfALongTextAndTheVoiceWaitsForHim) {
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "words ";  // 18 MB of sound
  SlowListener listener(service_->port());
  listener.Send(RawPost("/synthesize/stream", Ask(text, R"(,"format":"pcm")")));
  Turn(500ms);
  // Some is with the kernel, some waits here; the rest has not been spoken.
  EXPECT_LT(state_->given, text.size() * 1000);
  const auto quick = client_->Post("/synthesize/stream", Ask(text, R"(,"format":"pcm")"));
  EXPECT_EQ(quick.body.size(), text.size() * 2000);
  std::string heard;
  EXPECT_TRUE(loop_.RunUntil([&] { return listener.ReadInto(heard) && heard.ends_with("\r\n0\r\n\r\n"); }, kPatience));
  EXPECT_GT(heard.size(), text.size() * 2000);
  EXPECT_TRUE(IsFree());
}

TEST_F(TtsServiceTest, OpenAisSpeechIsSpokenInItsFormatsAndItsErrorsHaveAllTheirKeys) {
  const auto pcm = client_->Post("/v1/audio/speech",
                                 R"({"model":"tts-1","input":"one two","voice":"alloy","response_format":"pcm"})");
  EXPECT_EQ(pcm.content_type, "audio/pcm");
  EXPECT_EQ(pcm.body.size(), 14'000u);
  EXPECT_EQ(state_->last.sample_rate_hz, 24000);
  EXPECT_EQ(client_->Post("/v1/audio/speech", R"({"input":"one","voice":{"id":"en-us"},"response_format":"wav"})")
                .content_type,
            "audio/wav");
  EXPECT_EQ(state_->last.voice, "en-us");
  EXPECT_EQ(client_->Post("/v1/audio/speech", R"({"input":"hi","response_format":"pcm","speed":null,"voice":null})").status, 200);
  for (const char* body : {"{}", R"({"input":""})", R"({"input":5})", R"({"input":"hi","speed":9})",
                           R"({"input":"hi","response_format":"midi"})", R"({"input":"hi","voice":7})",
                           R"({"input":"hi","lang_code":"vi"})", R"({"input":"hi","stream_format":"sse"})",
                           R"({"input":"hi","response_format":5})", R"({"input":"hi","speed":"fast"})",
                           R"({"input":"hi","stream_format":1})", R"({"input":"hi","lang_code":["en"]})",
                           R"({"input":"hi","model":7})", R"({"input":"hi","speed":true})"}) {
    const auto answer = client_->Post("/v1/audio/speech", body);
    EXPECT_EQ(answer.status, 400) << body;
    const auto parsed = ParseJson(answer.body);
    ASSERT_TRUE(parsed.ok());
    for (const char* key : {"message", "type", "param", "code"})
      EXPECT_NE(GetMember(parsed->at("error"), key), nullptr) << body;
  }
}

TEST_F(TtsServiceTest, OpenAisClientsGetMp3WhenTheySayNothing) {
  if (std::system("ffmpeg -version > /dev/null 2>&1") != 0) GTEST_SKIP() << "ffmpeg is not installed";
  const std::vector<std::pair<std::string, std::string>> types = {
      {"", "audio/mpeg"}, {"mp3", "audio/mpeg"}, {"aac", "audio/aac"}, {"flac", "audio/flac"}, {"opus", "audio/opus"}};
  for (const auto& [format, type] : types) {
    const std::string more = format.empty() ? "" : ",\"response_format\":\"" + format + "\"";
    const auto answer = client_->Post("/v1/audio/speech",
                                      R"({"model":"tts-1","voice":"alloy","input":"hello hello hello")" + more + "}");
    EXPECT_EQ(answer.status, 200) << format << answer.body;
    EXPECT_EQ(answer.content_type, type) << format;
    EXPECT_GT(answer.body.size(), 100u) << format;
  }
  EXPECT_TRUE(IsFree());
}

TEST_F(TtsServiceTest, OpenAisLongestInputFitsInEveryScript) {
  std::string input;
  for (int i = 0; i < 4096; ++i) input += "ế";
  EXPECT_EQ(client_->Post("/v1/audio/speech", "{\"input\":\"" + input + "\",\"response_format\":\"pcm\"}").status, 200);
}

TEST_F(TtsServiceTest, VoicesAreListedAsObjects) {
  for (const char* path : {"/voices", "/v1/audio/voices"}) {
    const auto body = ParseJson(client_->Get(path).body);
    ASSERT_TRUE(body.ok());
    EXPECT_EQ(GetString(body->at("voices").at(0), "id"), "en-us");
  }
}

TEST_F(TtsServiceTest, AVoiceIsEnrolledOnlyFromAWholeRecordingWithConsent) {
  const std::string wav(AsText(media::WriteWav(std::vector<std::int16_t>(16000), 16000, 1)));
  const std::vector<std::pair<std::string, std::string>> consent = {{"consent", "I agree that my voice is used."}};
  EXPECT_EQ(Outcome(client_->Post("/voices", "{}")), "400 invalid_request");
  EXPECT_EQ(Outcome(client_->Post("/voices", FormOf(wav), kFormType)), "400 consent_required");
  EXPECT_EQ(Outcome(client_->Post("/voices", FormOf("", consent), kFormType)), "400 invalid_request");
  EXPECT_EQ(Outcome(client_->Post("/voices", FormOf("a song", consent), kFormType)), "415 unsupported_media");
  EXPECT_EQ(Outcome(client_->Post("/voices", FormOf(wav.substr(0, 1000), consent), kFormType)), "400 broken_media");
  EXPECT_EQ(Outcome(client_->Post("/voices", FormOf(std::string(11 << 20, 'x'), consent), kFormType)), "413 too_large");
  // No backend of today can.
  EXPECT_EQ(Outcome(client_->Post("/voices", FormOf(wav, consent), kFormType)), "501 voice_cloning_unavailable");
  EXPECT_EQ(Outcome(client_->Delete("/voices/en-us")), "403 builtin_voice");
  EXPECT_EQ(Outcome(client_->Delete("/voices/nobody")), "404 voice_not_found");
}

TEST_F(TtsServiceTest, ATakenPortIsNamed) {
  TtsServiceConfig config;
  config.port = service_->port();
  const auto second = TtsService::Start(loop_, config, metrics_, std::make_unique<TestSynthesizer>(loop_, state_));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, "address_in_use");
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(config.port)));
}

}  // namespace
}  // namespace jb::services
