// SPDX-License-Identifier: Apache-2.0
// Words can be anything: written back, they are the same words and no markup.
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "base/utf8.h"
#include "speech/text/html_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using jb::speech::HtmlPiece;
  const std::string_view html = jb::AsText({data, size});
  if (!jb::IsValidUtf8(html)) return 0;
  const auto pieces = jb::speech::SplitHtml(html);
  std::string joined;
  for (const HtmlPiece& piece : pieces) {
    JB_CHECK(!piece.text.empty() && jb::IsValidUtf8(piece.text));
    const std::string written = piece.is_words ? jb::speech::EscapeHtml(piece.text) : piece.text;
    if (piece.is_words) {
      const auto again = jb::speech::SplitHtml(written);
      JB_CHECK(again.size() == 1 && again[0].is_words && again[0].text == piece.text);
    }
    joined += written;
  }
  const auto again = jb::speech::SplitHtml(joined);
  JB_CHECK(again.size() == pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    JB_CHECK(again[i].is_words == pieces[i].is_words && again[i].text == pieces[i].text);
  }
  return 0;
}
