// SPDX-License-Identifier: Apache-2.0
#include "speech/text/html_text.h"

#include <gtest/gtest.h>

namespace jb::speech {
namespace {

// Words in upper case, the rest as it came.
std::string Shout(std::string_view html) {
  std::string out;
  for (const HtmlPiece& piece : SplitHtml(html)) {
    std::string text = piece.text;
    if (piece.is_words) {
      for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      text = EscapeHtml(text);
    }
    out += text;
  }
  return out;
}

TEST(HtmlText, WordsAreApartFromTagsAndSpaces) {
  EXPECT_EQ(Shout("<p>the <b class='x'>house</b> is  \n big</p>\n"), "<p>THE <b class='x'>HOUSE</b> IS BIG</p>\n");
  EXPECT_EQ(Shout("plain"), "PLAIN");
  EXPECT_EQ(Shout(""), "");
  EXPECT_EQ(Shout(" \n "), " \n ");
}

TEST(HtmlText, NothingInsideATagOrACommentOrAScriptIsWords) {
  for (const char* kept :
       {"<a title=\"a > b\" href='x>y'>", "<!-- no <b>words</b> -->", "<!doctype html>", "<?xml x?>",
        "<script>if (a<b) alert('</p>')</script>", "<STYLE>p{}</sTyle >", "<code>let x;</code>", "<br/>",
        "<a title=\"never closed", "<!-- never closed", "<script>never closed"}) {
    EXPECT_EQ(Shout(kept), kept);
  }
  EXPECT_EQ(Shout("<codes>word</codes>"), "<codes>WORD</codes>");
  EXPECT_EQ(Shout("<script src=x />word"), "<script src=x />WORD");
}

TEST(HtmlText, ReferencesAreWordsAndUnknownOnesAreKept) {
  EXPECT_EQ(SplitHtml("caf&eacute;s &amp; bar&#115; &#x1F600;")[0].text, "cafés & bars 😀");
  EXPECT_EQ(Shout("a &unknown; b"), "A &unknown; B");
  for (const char* none : {"&", "& b", "&;", "&#0;", "&#xD800;", "&#x110000;", "&#;", "&a b;"}) {
    EXPECT_EQ(SplitHtml(none)[0].text, none);
  }
}

TEST(HtmlText, WordsThatLookLikeMarkupStayWords) {
  EXPECT_EQ(Shout("&lt;script&gt;x&lt;/script&gt;"), "&lt;SCRIPT&gt;X&lt;/SCRIPT&gt;");
  EXPECT_EQ(Shout("1 < 2 &amp;amp; 3"), "1 &lt; 2 &amp;AMP; 3");
}

}  // namespace
}  // namespace jb::speech
