// SPDX-License-Identifier: Apache-2.0
#include "speech/text/translation_cache.h"

#include <gtest/gtest.h>

namespace jb::speech {
namespace {

// Answers when told to, so that requests can be under way.
class SlowTranslator : public Translator {
 public:
  std::string_view name() const override { return "slow"; }
  const std::vector<TranslationDirection>& directions() const override { return directions_; }
  void Warm(std::string_view, std::string_view) override {}
  void Translate(std::string text, std::string_view, std::string_view to,
                 std::function<void(Result<Translation>)> done) override {
    asked.push_back({text + ">" + std::string(to), std::move(done)});
  }
  void AnswerAll(bool ok = true) {
    auto now = std::move(asked);
    asked.clear();
    for (auto& [text, done] : now) {
      if (ok) done(Translation{.text = text, .pivot = ""});
      else done(Fail("backend_failed", "broken"));
    }
  }
  std::vector<std::pair<std::string, std::function<void(Result<Translation>)>>> asked;

 private:
  std::vector<TranslationDirection> directions_;
};

class TranslationCacheTest : public ::testing::Test {
 protected:
  void Ask(TranslationCache& cache, const std::string& text, const std::string& to = "es") {
    cache.Translate(text, "en", to, [this](Result<Translation> r, bool cached) {
      answers_.push_back((r.ok() ? r->text : r.error().code) + (cached ? " cached" : ""));
    });
  }
  SlowTranslator translator_;
  std::vector<std::string> answers_;
};

TEST_F(TranslationCacheTest, TheSecondTimeIsAHitAndAnotherLanguageIsNot) {
  TranslationCache cache(translator_, 1 << 20);
  Ask(cache, "hello");
  translator_.AnswerAll();
  Ask(cache, "hello");
  Ask(cache, "hello", "ca");
  translator_.AnswerAll();
  EXPECT_EQ(answers_, (std::vector<std::string>{"hello>es", "hello>es cached", "hello>ca"}));
  EXPECT_EQ(cache.hits(), 1u);
  EXPECT_EQ(cache.misses(), 2u);
}

TEST_F(TranslationCacheTest, IdenticalRequestsUnderWayRunOnce) {
  TranslationCache cache(translator_, 1 << 20);
  for (int i = 0; i < 3; ++i) Ask(cache, "hello");
  EXPECT_EQ(translator_.asked.size(), 1u);
  translator_.AnswerAll();
  EXPECT_EQ(answers_, (std::vector<std::string>{"hello>es", "hello>es cached", "hello>es cached"}));
}

TEST_F(TranslationCacheTest, AFailureIsTriedAgain) {
  TranslationCache cache(translator_, 1 << 20);
  Ask(cache, "hello");
  translator_.AnswerAll(false);
  Ask(cache, "hello");
  EXPECT_EQ(translator_.asked.size(), 1u);
  EXPECT_EQ(answers_, (std::vector<std::string>{"backend_failed"}));
}

TEST_F(TranslationCacheTest, TheLeastRecentlyUsedGoesWhenTheBytesRunOut) {
  TranslationCache cache(translator_, 600);
  for (const char* text : {"one", "two", "three"}) {
    Ask(cache, text);
    translator_.AnswerAll();
  }
  Ask(cache, "one");   // used again
  Ask(cache, "four");  // pushes "two" out
  translator_.AnswerAll();
  EXPECT_LE(cache.bytes(), 600u);
  answers_.clear();
  Ask(cache, "one");
  Ask(cache, "two");
  EXPECT_EQ(answers_, (std::vector<std::string>{"one>es cached"}));
  EXPECT_EQ(translator_.asked.size(), 1u);
}

TEST_F(TranslationCacheTest, WhatIsLargerThanTheCacheIsAnsweredAndNotKept) {
  TranslationCache cache(translator_, 300);
  Ask(cache, std::string(400, 'x'));
  translator_.AnswerAll();
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_EQ(answers_.size(), 1u);
}

}  // namespace
}  // namespace jb::speech
