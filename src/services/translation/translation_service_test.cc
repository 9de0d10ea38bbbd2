// SPDX-License-Identifier: Apache-2.0
// The translation service over real sockets, with a translator of the test's own. What apertium makes of
// sentences is tested in speech/apertium.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/metrics.h"
#include "services/common/service_test_client.h"
#include "services/translation/openapi.h"
#include "services/translation/service.h"
#include "speech/translator.h"

namespace jb::services {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kConcurrency = 2;

// English to Spanish, and to French through Spanish: the text in brackets. "hang" is never answered.
class TestTranslator : public speech::Translator {
 public:
  struct State {
    std::vector<std::string> warmed;
    std::vector<std::function<void(Result<speech::Translation>)>> hanging;
  };
  TestTranslator(io::Loop& loop, std::shared_ptr<State> state) : loop_(loop), state_(std::move(state)) {}
  std::string_view name() const override { return "test"; }
  const std::vector<speech::TranslationDirection>& directions() const override { return directions_; }
  void Warm(std::string_view from, std::string_view to) override {
    state_->warmed.push_back(std::string(from) + ">" + std::string(to));
  }
  void Translate(std::string text, std::string_view, std::string_view to,
                 std::function<void(Result<speech::Translation>)> done) override {
    if (text == "hang") return state_->hanging.push_back(std::move(done));
    loop_.Post([text, to = std::string(to), done = std::move(done)] {
      if (text == "crash") return done(Fail("backend_failed", "it crashed"));
      if (text == "busy") return done(Fail("busy", "too many"));
      done(speech::Translation{.text = "[" + text + "]", .pivot = to == "fr" ? "es" : ""});
    });
  }

 private:
  io::Loop& loop_;
  const std::shared_ptr<State> state_;
  const std::vector<speech::TranslationDirection> directions_ = {
      {"en", "es", ""}, {"es", "en", ""}, {"en", "fr", "es"}};
};

class TranslationServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TranslationServiceConfig config;
    config.port = 0;
    config.concurrency = kConcurrency;
    auto started = TranslationService::Start(loop_, config, metrics_, std::make_unique<TestTranslator>(loop_, state_));
    ASSERT_TRUE(started.ok()) << started.error().message;
    service_ = *std::move(started);
    client_ = std::make_unique<ServiceTestClient>(loop_, service_->port());
  }
  io::HttpResponse Translate(const std::string& members) {
    return client_->Post("/translate", "{" + members + R"(,"source":"en","target":"es"})");
  }

  io::Loop loop_;
  Metrics metrics_;
  const std::shared_ptr<TestTranslator::State> state_ = std::make_shared<TestTranslator::State>();
  std::unique_ptr<TranslationService> service_;
  std::unique_ptr<ServiceTestClient> client_;
};

TEST_F(TranslationServiceTest, TheOpenApiDocumentDescribesExactlyTheRoutesThatExist) {
  EXPECT_EQ(DescribedBy(client_->Get("/openapi.json").body), RoutedBy(service_->routes()));
}

TEST_F(TranslationServiceTest, EveryServicesOwnResourcesAnswer) { ExpectOwnResources(*client_, "test"); }

TEST_F(TranslationServiceTest, OneTextAndManyAreAnsweredWithEveryMemberOfTheProtocol) {
  const auto one = ParseJson(Translate(R"("text":"Hello")").body);
  EXPECT_EQ(GetString(*one, "text"), "[Hello]");
  EXPECT_EQ(GetString(*one, "source"), "en");
  EXPECT_EQ(GetString(*one, "target"), "es");
  EXPECT_EQ(GetBool(*one, "cached"), false);
  EXPECT_TRUE(GetNumber(*one, "ms").has_value());
  EXPECT_EQ(GetBool(*ParseJson(Translate(R"("text":"Hello")").body), "cached"), true);
  const auto many = ParseJson(Translate(R"("texts":["Hello","","Bye"])").body);
  EXPECT_EQ(json::serialize(many->at("texts")), R"(["[Hello]","","[Bye]"])");
  EXPECT_EQ(GetBool(*many, "cached"), false);
  const auto pivot =
      ParseJson(client_->Post("/translate", R"({"text":"Hi","source":"en-GB","target":"fra_Latn"})").body);
  EXPECT_EQ(GetString(*pivot, "pivot"), "es");
  EXPECT_EQ(GetString(*pivot, "target"), "fr");
}

TEST_F(TranslationServiceTest, WhatIsWrongWithARequestIsSaid) {
  for (const char* body :
       {"x", "[]", R"({"text":"hi"})", R"({"text":"hi","source":"en"})", R"({"text":"hi","source":5,"target":"es"})",
        R"({"text":5,"source":"en","target":"es"})", R"({"texts":"hi","source":"en","target":"es"})",
        R"({"texts":["hi",5],"source":"en","target":"es"})",
        R"({"text":"a","texts":["a"],"source":"en","target":"es"})",
        "{\"text\":\"\xFF\",\"source\":\"en\",\"target\":\"es\"}"}) {
    EXPECT_EQ(Outcome(client_->Post("/translate", body)), "400 invalid_request") << body;
  }
  EXPECT_EQ(Outcome(Translate(R"("text":"a\u0000b")")), "400 invalid_text");
  EXPECT_EQ(Outcome(Translate(R"("text":")" + std::string(speech::kMaxTranslationBytes + 1, 'a') + "\"")),
            "413 too_long");
  EXPECT_EQ(Outcome(client_->Post("/translate", std::string(300'000, ' '))), "413 too_large");
  std::string many = "\"a\"";
  for (int i = 0; i < 50; ++i) many += ",\"a\"";
  EXPECT_EQ(Outcome(Translate("\"texts\":[" + many + "]")), "400 too_many_texts");
  EXPECT_EQ(Outcome(client_->Post("/translate", R"({"text":"hi","source":"en","target":"vi"})")),
            "400 unsupported_language");
  EXPECT_EQ(Outcome(client_->Post("/translate", R"({"text":"hi","source":"fr","target":"es"})")),
            "400 unsupported_direction");
  EXPECT_EQ(Outcome(client_->Get("/translate")), "405 method_not_allowed");
  EXPECT_EQ(Outcome(Translate(R"("text":"crash")")), "500 backend_failed");
}

TEST_F(TranslationServiceTest, LibreTranslatesClientsFindItsShapes) {
  EXPECT_EQ(Translate(R"("q":"Hello")").body, R"({"translatedText":"[Hello]"})");
  EXPECT_EQ(Translate(R"("q":["Hello","Bye"],"format":"text")").body, R"({"translatedText":["[Hello]","[Bye]"]})");
  EXPECT_EQ(client_->Post("/translate", "q=Hello&source=en&target=es", "application/x-www-form-urlencoded").body,
            R"({"translatedText":"[Hello]"})");
  const auto detected = ParseJson(
      client_->Post("/translate", R"({"q":"We are in the house and you are not.","source":"auto","target":"es"})")
          .body);
  EXPECT_EQ(GetString(detected->at("detectedLanguage"), "language"), "en");
  // Nobody can tell a single word's language.
  EXPECT_THAT(client_->Post("/translate", R"({"q":"Hello","source":"auto","target":"es"})").body, HasSubstr("[Hello]"));
  EXPECT_EQ(Outcome(client_->Post("/translate", "{}")), "400 Invalid request: missing q parameter");
  EXPECT_EQ(Outcome(client_->Post("/translate", R"({"q":"Hi","source":"en","target":"xx"})")),
            "400 xx is not supported");
  EXPECT_EQ(Outcome(Translate(R"("q":"Hi","format":"pdf")")), "400 pdf format is not supported");
  EXPECT_EQ(Translate(R"("q":"Hi","format":5)").status, 400);
  EXPECT_EQ(Translate(R"("q":{"a":1})").status, 400);
  EXPECT_EQ(client_->Post("/translate", "q=%FF&source=en&target=es", "application/x-www-form-urlencoded").status, 400);
}

TEST_F(TranslationServiceTest, HtmlKeepsItsTagsAndOnlyItsWordsAreTranslated) {
  const auto translated = [&](const std::string& q) {
    const auto answer = ParseJson(
        client_->Post("/translate", json::serialize(json::object{
                                        {"q", q}, {"source", "en"}, {"target", "es"}, {"format", "html"}}))
            .body);
    return std::string(GetString(*answer, "translatedText").value_or("none"));
  };
  EXPECT_EQ(translated("<p class='a'>The <b>house</b>: 3 &lt; 4.</p>"), "<p class='a'>[The] <b>[house]</b>: 3 &lt; 4.</p>");
  EXPECT_EQ(translated("<p>a</p> <p>a</p> 3 <br>"), "<p>[a]</p> <p>[a]</p> 3 <br>");
  EXPECT_EQ(translated("&lt;b&gt; &amp; so"), "[&lt;b&gt; &amp; so]");
  EXPECT_EQ(translated("<hr>"), "<hr>");
  EXPECT_EQ(translated(""), "");
  EXPECT_EQ(Translate(R"("q":["<i>a</i>","b"],"format":"html")").body, R"({"translatedText":["<i>[a]</i>","[b]"]})");
  EXPECT_EQ(client_->Post("/translate", "q=%3Ci%3Ea%3C%2Fi%3E&source=en&target=es&format=html",
                          "application/x-www-form-urlencoded")
                .body,
            R"({"translatedText":"<i>[a]</i>"})");
  EXPECT_EQ(Outcome(Translate(R"("q":"<i>ok</i><i>crash</i><i>ok</i>","format":"html")")), "500 it crashed");
}

TEST_F(TranslationServiceTest, APageOfThousandsOfTagsIsTranslatedTheFirstTimeAndFromMemory) {
  std::string page, expected;
  for (int i = 0; i < 2000; ++i) {
    page += "a<b>";
    expected += "[a]<b>";
  }
  for (int i = 0; i < 2; ++i) {
    const auto answer = ParseJson(Translate("\"q\":\"" + page + "\",\"format\":\"html\"").body);
    EXPECT_EQ(GetString(*answer, "translatedText"), expected);
  }
}

TEST_F(TranslationServiceTest, AlternativesAreAnEmptyListToThoseWhoAskForThem) {
  EXPECT_EQ(Translate(R"("q":"Hi","alternatives":3)").body, R"({"translatedText":"[Hi]","alternatives":[]})");
  EXPECT_EQ(Translate(R"("q":["Hi","Bye"],"alternatives":1)").body,
            R"({"translatedText":["[Hi]","[Bye]"],"alternatives":[[],[]]})");
  for (const char* none : {R"("q":"Hi","alternatives":0)", R"("q":"Hi","alternatives":null)"}) {
    EXPECT_EQ(Translate(none).body, R"({"translatedText":"[Hi]"})");
  }
  EXPECT_EQ(client_->Post("/translate", "q=Hi&source=en&target=es&alternatives=2", "application/x-www-form-urlencoded").body,
            R"({"translatedText":"[Hi]","alternatives":[]})");
  for (const char* wrong : {R"("q":"Hi","alternatives":"many")", R"("q":"Hi","alternatives":-1)",
                            R"("q":"Hi","alternatives":[])", R"("q":"Hi","alternatives":1.5)"}) {
    EXPECT_EQ(Translate(wrong).status, 400) << wrong;
  }
}

TEST_F(TranslationServiceTest, LanguagesAreListedAndDetected) {
  EXPECT_EQ(
      client_->Get("/languages").body,
      R"([{"code":"en","name":"English","targets":["es","fr"]},{"code":"es","name":"Spanish","targets":["en"]}])");
  const auto found = ParseJson(client_->Post("/detect", R"({"q":"We are in the house and you are not."})").body);
  EXPECT_EQ(GetString(found->at(0), "language"), "en");
  EXPECT_GT(GetNumber(found->at(0), "confidence").value_or(0), 1);
  EXPECT_EQ(client_->Post("/detect", R"({"q":""})").body, "[]");
  EXPECT_EQ(client_->Post("/detect", R"({"q":5})").status, 400);
  EXPECT_EQ(client_->Post("/detect", "q=%FF", "application/x-www-form-urlencoded").status, 400);
}

TEST_F(TranslationServiceTest, RequestsBeyondTheConcurrencyAreToldWhenToComeAgain) {
  std::vector<ServiceTestClient::Pending> busy;
  for (int i = 0; i < kConcurrency; ++i) {
    busy.push_back(client_->Begin(
        "POST", "/translate", R"({"texts":["hang"],"source":"en","target":")" + std::string(i ? "fr" : "es") + "\"}"));
  }
  ASSERT_TRUE(loop_.RunUntil([&] { return state_->hanging.size() == kConcurrency; }, kPatience));
  for (const char* text : {R"("text":"hi")", R"("q":"hi")", R"("text":"")"}) {
    const auto answer = Translate(text);
    EXPECT_EQ(answer.status, 429) << text;
    EXPECT_EQ(answer.headers["Retry-After"], "1") << text;
  }
  for (auto& done : std::exchange(state_->hanging, {})) done(speech::Translation{.text = "at last", .pivot = ""});
  for (const auto& answer : busy) EXPECT_EQ(client_->Await(answer).status, 200);
  EXPECT_EQ(Translate(R"("text":"hi")").status, 200);
  const auto full = Translate(R"("text":"busy")");
  EXPECT_EQ(full.status, 429);
  EXPECT_EQ(full.headers["Retry-After"], "1");
}

TEST_F(TranslationServiceTest, EmptyTextIsAnsweredAtOnceAndWarmsItsDirection) {
  EXPECT_EQ(GetString(*ParseJson(Translate(R"("text":"")").body), "text"), "");
  EXPECT_EQ(Translate(R"("texts":[])").status, 200);
  EXPECT_EQ(Translate(R"("q":" ")").status, 200);
  EXPECT_THAT(state_->warmed, ElementsAre("en>es", "en>es", "en>es"));
  EXPECT_EQ(client_->Post("/translate", R"({"text":"","source":"en","target":"en"})").status, 200);
  EXPECT_EQ(client_->Post("/translate", R"({"text":"","source":"en","target":"vi"})").status, 400);
  EXPECT_EQ(Translate(R"("text":"Hello")").status, 200);
  EXPECT_EQ(state_->warmed.size(), 3u);
}

TEST_F(TranslationServiceTest, ATakenPortIsNamed) {
  TranslationServiceConfig config;
  config.port = service_->port();
  const auto second =
      TranslationService::Start(loop_, config, metrics_, std::make_unique<TestTranslator>(loop_, state_));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, "address_in_use");
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(config.port)));
}

}  // namespace
}  // namespace jb::services
