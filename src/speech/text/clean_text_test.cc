// SPDX-License-Identifier: Apache-2.0
#include "speech/text/clean_text.h"

#include <gtest/gtest.h>

#include "speech/text/languages.h"

namespace jb::speech {
namespace {

std::vector<std::string> Texts(std::string_view text, std::size_t longest = 1000) {
  std::vector<std::string> out;
  for (const Sentence& s : SplitSentences(text, longest)) out.push_back(s.text);
  return out;
}
using List = std::vector<std::string>;

TEST(CleanText, ControlBidiAndZeroWidthCharactersAreDropped) {
  EXPECT_EQ(StripInvisible("a\x01"
                           "b\tc\r\nd\re\x7F"),
            "ab c\nd\ne");
  EXPECT_EQ(StripInvisible("a\u200Bb\u202Ec\u2066d\uFEFF\u00ADe"), "abcde");
  EXPECT_EQ(StripInvisible("x\U000E0041y"), "xy");
  EXPECT_EQ(StripInvisible("Tiếng Việt 中文 😀"), "Tiếng Việt 中文 😀");
}

TEST(CleanText, SentencesAreCutAtStopsThatSpaceFollows) {
  EXPECT_EQ(Texts("Hello! How are you?  Fine."), (List{"Hello!", "How are you?", "Fine."}));
  EXPECT_EQ(Texts("It costs 3.5 euros... Really?\" he said"), (List{"It costs 3.5 euros...", "Really?\"", "he said"}));
  EXPECT_EQ(Texts("Mr. Smith met Dr. J. Doe. Good."), (List{"Mr. Smith met Dr. J. Doe.", "Good."}));
  EXPECT_EQ(Texts("line one\nline two"), (List{"line one", "line two"}));
  EXPECT_EQ(Texts("你好。再见！"), (List{"你好。", "再见！"}));
  EXPECT_TRUE(Texts("").empty());
}

TEST(CleanText, NothingIsLostBetweenSentences) {
  const std::string text = "  One. Two!\n\nThree?  Four… five ";
  std::string joined;
  for (const Sentence& s : SplitSentences(text, 1000)) joined += s.text + s.space;
  EXPECT_EQ(joined, text);
}

TEST(CleanText, LongPiecesAreCutAtACommaOrABlankAndNeverInsideACharacter) {
  for (const std::string& piece : Texts("one two three, four five six seven eight nine ten", 20)) {
    EXPECT_LE(piece.size(), 20u);
  }
  std::string joined;
  for (const std::string& piece : Texts(std::string(10, 'x') + "ééééééééééééééé", 16)) joined += piece;
  EXPECT_EQ(joined, std::string(10, 'x') + "ééééééééééééééé");
}

TEST(CleanText, FirstLettersAreRaisedInLatinGreekAndCyrillic) {
  EXPECT_EQ(UpperFirst("hello"), "Hello");
  EXPECT_EQ(UpperFirst("ñandú"), "Ñandú");
  EXPECT_EQ(UpperFirst("čeština"), "Čeština");
  EXPECT_EQ(UpperFirst("да"), "Да");
  EXPECT_EQ(UpperFirst("你"), "你");
  EXPECT_TRUE(StartsUpper("Ñ"));
  EXPECT_FALSE(StartsUpper("ñ"));
  EXPECT_FALSE(StartsUpper("1"));
}

TEST(Languages, CodesOfEverySystemBecomeBcp47) {
  EXPECT_EQ(PrimaryLanguage("en-US"), "en");
  EXPECT_EQ(PrimaryLanguage("vie_Latn"), "vi");
  EXPECT_EQ(PrimaryLanguage("SPA"), "es");
  EXPECT_EQ(PrimaryLanguage("zlm"), "ms");
  EXPECT_EQ(PrimaryLanguage("cmn-Hans"), "zh");
  EXPECT_EQ(PrimaryLanguage("frp"), "frp");
  EXPECT_EQ(PrimaryLanguage("e"), "");
  EXPECT_EQ(PrimaryLanguage("e1"), "");
  EXPECT_EQ(PrimaryLanguage("../etc"), "");
  EXPECT_EQ(EnglishLanguageName("ca"), "Catalan");
  EXPECT_EQ(EnglishLanguageName("qqq"), "qqq");
}

}  // namespace
}  // namespace jb::speech
