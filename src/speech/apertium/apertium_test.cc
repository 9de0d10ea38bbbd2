// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "io/clock.h"
#include "io/loop.h"
#include "speech/apertium/backend.h"
#include "speech/apertium/modes.h"
#include "speech/apertium/pipeline.h"
#include "speech/apertium/stream_text.h"

namespace jb::speech {
namespace {

using namespace std::chrono_literals;
using List = std::vector<std::string>;

TEST(ApertiumModes, FileNamesGiveLanguagesInBcp47) {
  const auto name = ParseModeName("eng-spa.mode");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->from, List{"en"});
  EXPECT_EQ(name->to, List{"es"});
  EXPECT_FALSE(name->variant);
  EXPECT_TRUE(ParseModeName("spa-cat_valencia.mode")->variant);
  EXPECT_EQ(ParseModeName("hbs-eng.mode")->from, (List{"bs", "hr", "sr"}));
  EXPECT_EQ(ParseModeName("mkd-hbs_SR.mode")->to, List{"sr"});
  for (const char* other : {"en-eo-bytecode.mode", "Cyrl-Latn.mode", "README", "eng-.mode", "nno-nno_e.mode", ""}) {
    EXPECT_FALSE(ParseModeName(other)) << other;
  }
}

TEST(ApertiumModes, EachStageFlushesAtNulAndGeneratesWithoutMarks) {
  const auto stages = ParseModeLine("lt-proc 'a b.bin' | apertium-tagger -g $2 p | lt-proc $1 'c.bin'");
  ASSERT_TRUE(stages);
  EXPECT_EQ(*stages,
            (std::vector<Stage>{
                {"lt-proc", "-z", "a b.bin"}, {"apertium-tagger", "-z", "-g", "p"}, {"lt-proc", "-z", "-n", "c.bin"}}));
}

TEST(ApertiumModes, OnlyKnownProgramsInAPlainPipelineAreRun) {
  for (const char* line : {"", "|", "rm -rf x", "lt-proc a; rm b", "lt-proc $(x)", "lt-proc `x`", "lt-proc a > b",
                           "lt-proc 'a", "lt-proc a | | lt-proc b", "/bin/lt-proc a"}) {
    EXPECT_FALSE(ParseModeLine(line)) << line;
  }
}

TEST(ApertiumModes, ThePivotIsAPreferredLanguage) {
  Modes modes;
  for (const auto& [from, to] : {std::pair{"en", "ca"}, {"ca", "fr"}, {"en", "eo"}, {"eo", "fr"}, {"fr", "oc"}}) {
    modes[{from, to}] = {from, to, {}};
  }
  EXPECT_EQ(FindPivot(modes, "en", "fr"), "ca");
  EXPECT_EQ(FindPivot(modes, "eo", "oc"), "fr");
  EXPECT_EQ(FindPivot(modes, "en", "oc"), std::nullopt);  // would take two
}

TEST(ApertiumStream, WhatIsWrittenComesBackWhateverItHolds) {
  for (const char* text : {"Hello.", "a [b] {c} ^d$ e@f.com \\ / <g>", "no stop", "Hola, ¿qué tal?", "#1 * 2 @ 3", "",
                           "...", "[]", "\\"}) {
    const std::string wire = ToApertium(text);
    EXPECT_EQ(wire.back(), '\0');
    EXPECT_EQ(FromApertium(wire), text);
  }
}

TEST(ApertiumStream, AnAnswerWithoutItsEndMarkIsNone) {
  EXPECT_TRUE(IsWholeAnswer("Pez..[]\n"));
  EXPECT_FALSE(IsWholeAnswer(""));
  EXPECT_FALSE(IsWholeAnswer("Pez."));
}

TEST(ApertiumStream, MarksOfUnknownWordsAndStraySpacesAreRemoved) {
  EXPECT_EQ(TidyTranslation("El *zorb @de #casa , no  ?", "the zorb", "ca"), "El zorb de casa, no?");
  EXPECT_EQ(TidyTranslation("cuesta 5 * 3 #1", "5 * 3 #1", "ca"), "cuesta 5 * 3 #1");  // its own signs
  EXPECT_EQ(TidyTranslation("*realmente* un *zorb", "*really* a zorb", "ca"), "*realmente* un zorb");
  EXPECT_EQ(TidyTranslation("C# es #casa #1", "C# is house #1", "ca"), "C# es casa #1");
  EXPECT_EQ(TidyTranslation("a@b.org o @zorb", "a@b.org or a zorb", "ca"), "a@b.org o zorb");
  EXPECT_EQ(TidyTranslation("cuesta .5", "x", "ca"), "cuesta .5");
  EXPECT_EQ(TidyTranslation("hola", "Hello", "ca"), "Hola");
  EXPECT_EQ(TidyTranslation("hola", "hello", "ca"), "hola");
}

TEST(ApertiumStream, SpanishQuestionsAndExclamationsAreOpened) {
  EXPECT_EQ(TidyTranslation("Puede  oírme?", "Can you hear me?", "es"), "¿Puede oírme?");
  EXPECT_EQ(TidyTranslation("¿ vosotros bien ?", "vous bien ?", "es"), "¿vosotros bien?");
  EXPECT_EQ(TidyTranslation("hola!", "Hello!", "es"), "¡Hola!");
  EXPECT_EQ(TidyTranslation("puc?", "can I?", "ca"), "puc?");
}

// Looked for on the disk, so that a backend that does not find it fails instead of being left out.
bool IsPairInstalled() { return std::filesystem::exists("/usr/share/apertium/modes/eng-spa.mode"); }

class ApertiumTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!IsPairInstalled()) GTEST_SKIP() << "apertium-eng-spa is not installed";
    auto made = MakeApertium(loop_);
    ASSERT_TRUE(made.ok()) << made.error().message;
    translator_ = std::move(made).value();
  }
  Result<Translation> Translate(const std::string& text, const std::string& from, const std::string& to) {
    std::optional<Result<Translation>> result;
    translator_->Translate(text, from, to, [&](Result<Translation> r) { result.emplace(std::move(r)); });
    EXPECT_FALSE(result.has_value()) << "answered from inside the call";
    EXPECT_TRUE(loop_.RunUntil([&] { return result.has_value(); }, 120s));
    return result ? *result : Fail("timeout", "");
  }
  io::Loop loop_;
  std::unique_ptr<Translator> translator_;
};

TEST_F(ApertiumTest, EnglishBecomesSpanishSentenceBySentence) {
  EXPECT_EQ(Translate("The house is big.", "en", "es")->text, "La casa es grande.");
  EXPECT_EQ(Translate("The house is big. The dog is small!\nThank you", "eng_Latn", "es-MX")->text,
            "La casa es grande. ¡El perro es pequeño!\nGracias");
  EXPECT_EQ(Translate("", "en", "es")->text, "");
  EXPECT_EQ(Translate(" \n ", "en", "es")->text, " \n ");
}

TEST_F(ApertiumTest, AnUnknownWordStaysAsItIsWithoutMarks) {
  const auto result = Translate("My zorbified friend [is] <b>here</b> for $5", "en", "es");
  ASSERT_TRUE(result.ok());
  EXPECT_NE(result->text.find("zorbified"), std::string::npos) << result->text;
  EXPECT_EQ(result->text.find('*'), std::string::npos) << result->text;
  EXPECT_EQ(result->text.find('\\'), std::string::npos) << result->text;
  EXPECT_NE(result->text.find('<'), std::string::npos) << result->text;
}

TEST_F(ApertiumTest, ADirectionThatKnowsFewWordsLeavesNoMarksEither) {
  for (const TranslationDirection& d : translator_->directions()) {
    if (d.from != "en" || (d.to != "sr" && d.to != "gl")) continue;
    const auto result = Translate("My zorbified friend has three old cars and they are not here today.", "en", d.to);
    ASSERT_TRUE(result.ok()) << d.to;
    EXPECT_EQ(result->text.find_first_of("*@#<>^$/\\"), std::string::npos) << d.to << ": " << result->text;
  }
}

TEST_F(ApertiumTest, EnglishReachesFrenchThroughAPivotThatIsNamed) {
  const auto result = Translate("The house is big.", "en", "fr");
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->pivot.empty());
  EXPECT_NE(result->text.find("maison"), std::string::npos) << result->text;
}

TEST_F(ApertiumTest, WhatCannotBeTranslatedIsSaid) {
  EXPECT_EQ(Translate("Xin chào", "vi", "en").error().code, "unsupported_direction");
  EXPECT_EQ(Translate("\xFF", "en", "es").error().code, "invalid_text");
  EXPECT_EQ(Translate(std::string(kMaxTranslationBytes + 1, 'a'), "en", "es").error().code, "too_long");
  EXPECT_EQ(Translate("Hello. Bye", "en", "en")->text, "Hello. Bye");
}

TEST_F(ApertiumTest, ManyTextsAtOnceAreAllAnsweredInOrder) {
  std::vector<std::string> answers;
  for (int i = 0; i < 40; ++i) {
    translator_->Translate("I have " + std::to_string(i) + " houses.", "en", "es",
                           [&](Result<Translation> r) { answers.push_back(r.ok() ? r->text : r.error().code); });
  }
  ASSERT_TRUE(loop_.RunUntil([&] { return answers.size() == 40; }, 120s));
  for (int i = 0; i < 40; ++i) {
    EXPECT_NE(answers[static_cast<std::size_t>(i)].find(std::to_string(i)), std::string::npos) << answers[i];
  }
}

TEST_F(ApertiumTest, DestroyingTheTranslatorDropsWhatIsUnderWay) {
  bool called = false;
  translator_->Translate("The house is big.", "en", "es", [&](Result<Translation>) { called = true; });
  translator_.reset();
  loop_.RunUntil([] { return false; }, 50ms);
  EXPECT_FALSE(called);
}

// The processes of the group `leader` leads, but not itself.
std::vector<pid_t> StagesOf(pid_t leader) {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const pid_t pid = static_cast<pid_t>(std::atoi(name.c_str()));
    if (pid != leader && ::getpgid(pid) == leader) out.push_back(pid);
  }
  std::sort(out.begin(), out.end());
  return out;
}

class PipelineTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!IsPairInstalled()) GTEST_SKIP() << "apertium-eng-spa is not installed";
    const Modes modes = FindModes();
    ASSERT_TRUE(modes.contains({"en", "es"}));
    pipeline_ = std::make_unique<Pipeline>(loop_, modes.at({"en", "es"}));
  }
  std::string Translate(const std::string& text) {
    std::optional<std::string> answer;
    pipeline_->Translate(text, [&](Result<std::string> r) { answer = r.ok() ? *r : r.error().code; });
    EXPECT_TRUE(loop_.RunUntil([&] { return answer.has_value(); }, 120s));
    return answer.value_or("timeout");
  }
  io::Loop loop_;
  std::unique_ptr<Pipeline> pipeline_;
};

TEST_F(PipelineTest, AnyStageThatDiesIsReplacedAndNothingIsLost) {
  ASSERT_EQ(Translate("The house is big."), "La casa es grande.");
  const std::vector<pid_t> stages = StagesOf(pipeline_->pid());
  ASSERT_GE(stages.size(), 5u);
  for (std::size_t which = 0; which < stages.size(); which += 2) {
    const std::vector<pid_t> now = StagesOf(pipeline_->pid());
    ASSERT_GT(now.size(), which);
    ::kill(now[which], SIGKILL);
    EXPECT_EQ(Translate("The house is big."), "La casa es grande.") << "after stage " << which;
  }
  // One of them is the shell around the last stage, which nobody misses.
  EXPECT_GE(pipeline_->restarts(), stages.size() / 2 - 1);
}

TEST_F(PipelineTest, AStageThatHangsIsReplacedAndNothingIsLost) {
  ASSERT_EQ(Translate("The house is big."), "La casa es grande.");
  ::kill(StagesOf(pipeline_->pid())[2], SIGSTOP);
  EXPECT_EQ(Translate("The house is small."), "La casa es pequeña.");
  EXPECT_EQ(pipeline_->restarts(), 1u);
}

TEST_F(PipelineTest, AWarmPipelineHasItsProcessesBeforeTheFirstSentence) {
  pipeline_->Warm();
  EXPECT_TRUE(pipeline_->running());
  EXPECT_TRUE(pipeline_->idle());
  const pid_t warmed = pipeline_->pid();
  pipeline_->Warm();
  EXPECT_EQ(Translate("The house is big."), "La casa es grande.");
  EXPECT_EQ(pipeline_->pid(), warmed);
}

TEST_F(PipelineTest, AStoppedPipelineLeavesNoProcessAndStartsAgain) {
  ASSERT_EQ(Translate("The house is big."), "La casa es grande.");
  const pid_t leader = pipeline_->pid();
  pipeline_->Stop();
  EXPECT_FALSE(pipeline_->running());
  for (int i = 0; i < 200 && !StagesOf(leader).empty(); ++i) loop_.RunUntil([] { return false; }, 50ms);
  EXPECT_TRUE(StagesOf(leader).empty());
  EXPECT_EQ(Translate("The house is big."), "La casa es grande.");
}

TEST(Pipeline, OneThatKeepsDyingIsAnErrorAndNotALoop) {
  io::Loop loop;
  Pipeline pipeline(loop, Mode{"x", "y", {{"lt-proc", "-z", "/nonexistent.bin"}}});
  std::optional<Result<std::string>> answer;
  pipeline.Translate("One.", [&](Result<std::string> r) { answer.emplace(std::move(r)); });
  ASSERT_TRUE(loop.RunUntil([&] { return answer.has_value(); }, 60s));
  EXPECT_EQ(answer->error().code, "backend_failed");
}

}  // namespace
}  // namespace jb::speech
