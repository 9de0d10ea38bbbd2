// SPDX-License-Identifier: Apache-2.0
// The gateway's clients against services of the test's own, which serve so many at once and say 429 to the
// rest, as the real ones do.
#include "services/gateway/speech_clients.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "base/json.h"
#include "io/clock.h"
#include "io/http_server.h"
#include "services/common/http_face.h"

namespace jb::services {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr Duration kPatience = 120s;  // far above what loopback needs, on a loaded machine too
const Language kEnglish("en");

// Answers one after the other, each a turn of the loop later, unless `holds`.
class ScriptedService : public io::HttpHandler {
 public:
  explicit ScriptedService(io::Loop& loop) : timer_(loop) {
    io::HttpServerConfig config;
    config.host = "127.0.0.1";
    server_ = *io::HttpServer::Listen(loop, config, *this);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

  void HandleRequest(io::HttpRequest request, std::shared_ptr<io::HttpResponder> to) override {
    ++asked;
    if (serving_.size() + others >= most) {
      ++refused;
      return to->Send(BusyResponse());
    }
    if (status != 200) return to->Send(io::ErrorResponse(status, "backend_failed", "it crashed"));
    serving_.push_back({std::move(request), std::move(to)});
    most_served = std::max(most_served, serving_.size());
    if (!holds && !timer_.armed()) ServeLater();
  }
  void Release() {
    holds = false;
    ServeLater();
  }

  std::size_t most = 6, others = 0;  // places, and how many somebody else has taken
  bool holds = false;
  int status = 200;
  int asked = 0, refused = 0;
  std::size_t most_served = 0;

 private:
  struct Serving {
    io::HttpRequest request;
    std::shared_ptr<io::HttpResponder> to;
  };
  void ServeLater() {
    timer_.StartIn(1ms, [this] { Serve(); });
  }
  void Serve() {
    if (serving_.empty()) return;
    const Serving one = std::move(serving_.front());
    serving_.pop_front();
    if (one.request.path == "/translate") {
      const auto body = *ParseJson(one.request.body);
      const std::string text(*GetString(body, "text"));
      one.to->Send(JsonResponse(200, json::object{{"text", std::string(*GetString(body, "target")) + ":" + text},
                                                  {"cached", text == "known"}}));
    } else {
      one.to->StartChunked(200, "audio/pcm");
      one.to->Write(Bytes{1, 0, 2, 0});
      one.to->Finish();
    }
    if (!serving_.empty()) ServeLater();
  }
  std::deque<Serving> serving_;
  io::Timer timer_;
  std::unique_ptr<io::HttpServer> server_;
};

class SpeechClientsTest : public ::testing::Test {
 protected:
  static constexpr int kAtOnce = 4;
  // "es:text", or what went wrong.
  std::uint64_t Translate(const std::string& text, const std::string& to, Duration timeout = kPatience) {
    return translation_.Translate(text, kEnglish, Language(to), timeout, [this](interpreter::TranslationResult r) {
      busy_ += r.busy;
      answers_.push_back(r.error ? "error: " + *r.error : r.text);
    });
  }
  void TranslateInto(int languages, Duration timeout = kPatience) {
    for (int i = 0; i < languages; ++i) Translate("hello", "l" + std::to_string(i), timeout);
  }
  std::uint64_t Synthesize(Duration begin_within = kPatience) {
    return synthesis_.Synthesize(
        "hello", Language("es"), "speaker-1", io::Now() + begin_within,
        [this](const std::vector<std::int16_t>& pcm, bool last) {
          samples_ += pcm.size();
          if (last) answers_.emplace_back("spoken");
        },
        [this](const std::string& error, bool busy) {
          busy_ += busy;
          answers_.push_back("error: " + error);
        });
  }
  bool AwaitAnswers(std::size_t count) {
    return loop_.RunUntil([&] { return answers_.size() == count; }, kPatience);
  }
  bool AwaitAsked(int count) {
    return loop_.RunUntil([&] { return service_.asked >= count; }, kPatience);
  }
  double Cached(const char* result) {
    return metrics_.GetCounter("jbcalling_translation_cache_total", "", {{"result", result}}).Value();
  }

  io::Loop loop_;
  Metrics metrics_;
  ScriptedService service_{loop_};
  TranslationClient translation_{loop_, service_.url(), metrics_, kAtOnce};
  SynthesisClient synthesis_{loop_, service_.url(), kAtOnce};
  std::vector<std::string> answers_;
  std::size_t samples_ = 0;
  int busy_ = 0;
};

TEST_F(SpeechClientsTest, ASentenceIntoTenLanguagesAtOnceIsTranslatedIntoAllAndNeverRefused) {
  TranslateInto(10);
  ASSERT_TRUE(AwaitAnswers(10));
  for (int i = 0; i < 10; ++i) EXPECT_THAT(answers_, Contains("l" + std::to_string(i) + ":hello"));
  EXPECT_EQ(service_.refused, 0);
  EXPECT_LE(service_.most_served, std::size_t{kAtOnce});
}

TEST_F(SpeechClientsTest, TenLanguagesAreAllTranslatedByAServiceThatTakesOnlyOneAtATime) {
  service_.most = 1;
  TranslateInto(10);
  ASSERT_TRUE(AwaitAnswers(10));
  EXPECT_THAT(answers_, Each(HasSubstr(":hello")));
  EXPECT_GT(service_.refused, 0);
}

TEST_F(SpeechClientsTest, WhatIsRefusedBecauseOthersHaveThePlacesIsAskedAgainUntilTheyLeave) {
  service_.others = service_.most;
  TranslateInto(10);
  for (int i = 0; i < 4; ++i) Synthesize();
  ASSERT_TRUE(AwaitAsked(3 * kAtOnce));
  EXPECT_THAT(answers_, SizeIs(0));
  service_.others = 0;
  ASSERT_TRUE(AwaitAnswers(14));
  EXPECT_EQ(busy_, 0);
  EXPECT_EQ(samples_, 8u);
}

TEST_F(SpeechClientsTest, ARefusalIsNotAnsweredWithAStormOfRequests) {
  service_.others = service_.most;
  TranslateInto(50, 1s);
  ASSERT_TRUE(AwaitAnswers(50));
  // All at first; then one each quarter of a second.
  EXPECT_LE(service_.asked, kAtOnce + 5);
}

TEST_F(SpeechClientsTest, WhatFindsNoPlaceInTimeIsSaidToBeBusyAndNotBroken) {
  service_.others = service_.most;
  Translate("hello", "es", 300ms);
  Synthesize(300ms);
  ASSERT_TRUE(AwaitAnswers(2));
  EXPECT_EQ(busy_, 2);
  EXPECT_THAT(answers_, Each(HasSubstr("error")));
}

TEST_F(SpeechClientsTest, ThoseWhoWaitAreBoundedAndTheLastToComeAreToldAtOnce) {
  service_.holds = true;
  TranslateInto(kAtOnce + 512 + 3);
  EXPECT_THAT(answers_, SizeIs(0)) << "never from inside the call";
  ASSERT_TRUE(AwaitAnswers(3));
  EXPECT_EQ(busy_, 3);
  service_.Release();
  ASSERT_TRUE(AwaitAnswers(kAtOnce + 512 + 3));
  EXPECT_EQ(busy_, 3);
}

TEST_F(SpeechClientsTest, AServiceThatFailsIsNeitherBusyNorAskedAgain) {
  service_.status = 500;
  Translate("hello", "es");
  Synthesize();
  ASSERT_TRUE(AwaitAnswers(2));
  EXPECT_EQ(busy_, 0);
  EXPECT_THAT(answers_, Each(HasSubstr("it crashed")));
  EXPECT_EQ(service_.asked, 2);
}

TEST_F(SpeechClientsTest, ACancelledRequestIsNeverAnsweredAndGivesItsPlaceToTheNext) {
  service_.holds = true;
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < kAtOnce + 2; ++i) ids.push_back(Translate("hello", "l" + std::to_string(i)));
  ASSERT_TRUE(AwaitAsked(kAtOnce));
  translation_.Cancel(ids[0]);
  translation_.Cancel(ids[kAtOnce]);
  translation_.Cancel(12345);
  ASSERT_TRUE(AwaitAsked(kAtOnce + 1));
  service_.Release();
  ASSERT_TRUE(AwaitAnswers(kAtOnce));
  loop_.RunUntil([] { return false; }, 20ms);
  EXPECT_THAT(answers_, UnorderedElementsAre("l1:hello", "l2:hello", "l3:hello", "l5:hello"));
}

TEST_F(SpeechClientsTest, ARefusedRequestThatIsCancelledIsNotAskedAgain) {
  service_.others = service_.most;
  const auto id = Translate("hello", "es");
  ASSERT_TRUE(loop_.RunUntil([&] { return service_.refused > 0; }, kPatience));
  translation_.Cancel(id);
  const int asked = service_.asked;
  loop_.RunUntil([] { return false; }, 400ms);
  EXPECT_EQ(service_.asked, asked);
  EXPECT_THAT(answers_, SizeIs(0));
}

TEST_F(SpeechClientsTest, TheGatewayCountsWhatTheServiceKnewAlready) {
  Translate("known", "es");
  Translate("new", "es");
  Translate("new", "fr");
  translation_.Prepare(kEnglish, Language("es"));  // asks for no translation
  ASSERT_TRUE(AwaitAnswers(3));
  EXPECT_EQ(Cached("hit"), 1);
  EXPECT_EQ(Cached("miss"), 2);
}

}  // namespace
}  // namespace jb::services
