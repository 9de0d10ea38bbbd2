// SPDX-License-Identifier: Apache-2.0
#include "speech/text/language_detector.h"

#include <gtest/gtest.h>

namespace jb::speech {
namespace {

std::string Best(std::string_view text, const std::vector<std::string>& among = {}) {
  const auto detected = DetectLanguage(text, among);
  return detected.empty() ? "" : detected.front().language;
}

TEST(LanguageDetector, SentencesOfACallAreToldApart) {
  EXPECT_EQ(Best("Can you hear me now? The meeting is at three."), "en");
  EXPECT_EQ(Best("¿Me escuchan bien? La reunión se ha cambiado a las tres de la tarde."), "es");
  EXPECT_EQ(Best("Em sentiu bé? La reunió és a les tres i no hi ha més temps."), "ca");
  EXPECT_EQ(Best("Est-ce que vous m'entendez ? La réunion est dans une heure."), "fr");
  EXPECT_EQ(Best("Você não está ouvindo? A reunião foi para as três."), "pt");
  EXPECT_EQ(Best("Mi sentite? La riunione è stata spostata e non sono pronto."), "it");
  EXPECT_EQ(Best("Xin chào các bạn, tôi không nghe được."), "vi");
  EXPECT_EQ(Best("Ich höre dich nicht, und das ist nicht gut."), "de");
  EXPECT_EQ(Best("Добрый день, вы меня слышите?"), "ru");
  EXPECT_EQ(Best("Доброго дня, ви мене чуєте? Її тут немає."), "uk");
  EXPECT_EQ(Best("こんにちは、聞こえますか。"), "ja");
  EXPECT_EQ(Best("你好，能听到我吗？"), "zh");
}

TEST(LanguageDetector, CapitalsDoNotMatter) { EXPECT_EQ(Best("TÔI KHÔNG NGHE ĐƯỢC CỦA BẠN"), "vi"); }

TEST(LanguageDetector, OnlyWhatIsAskedForIsAnswered) {
  EXPECT_EQ(Best("La reunión se ha cambiado", {"en", "ca"}), "ca");
  EXPECT_EQ(Best("Xin chào", {"en"}), "");
}

TEST(LanguageDetector, TextWithoutLettersIsNoLanguage) {
  EXPECT_EQ(Best(""), "");
  EXPECT_EQ(Best("123 !!! ..."), "");
  EXPECT_EQ(Best("\xFF\xFE"), "");
  EXPECT_NE(Best(std::string(100'000, 'a') + " the of and"), "xx") << "long text is read in part";
}

}  // namespace
}  // namespace jb::speech
