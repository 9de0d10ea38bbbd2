// SPDX-License-Identifier: Apache-2.0
#include "services/tts/ogg_opus_writer.h"

#include <gtest/gtest.h>

#include <cmath>

namespace jb::services {
namespace {

struct Page {
  std::uint8_t flags;
  std::int64_t granule;
  std::uint32_t number;
  std::size_t packets;
};

std::vector<Page> ReadPages(ByteView ogg) {
  std::vector<Page> pages;
  for (std::size_t at = 0; at < ogg.size();) {
    EXPECT_EQ(AsText(ogg.subspan(at, 4)), "OggS");
    std::uint64_t granule = 0;
    for (int i = 7; i >= 0; --i) granule = (granule << 8) | ogg[at + 6 + static_cast<std::size_t>(i)];
    Page page{ogg[at + 5], static_cast<std::int64_t>(granule), ogg[at + 18], 0};
    const std::size_t segments = ogg[at + 26];
    std::size_t body = 0;
    for (std::size_t i = 0; i < segments; ++i) {
      body += ogg[at + 27 + i];
      page.packets += ogg[at + 27 + i] < 255;
    }
    pages.push_back(page);
    at += 27 + segments + body;
    EXPECT_LE(at, ogg.size());
  }
  return pages;
}

TEST(OggOpusWriter, PagesAreNumberedAndTheLastCutsThePadding) {
  std::vector<std::int16_t> tone(48000 + 100);
  for (std::size_t i = 0; i < tone.size(); ++i) {
    tone[i] = static_cast<std::int16_t>(8000 * std::sin(static_cast<double>(i) * 0.05));
  }
  OggOpusWriter writer(7);
  Bytes ogg;
  for (std::size_t at = 0; at < tone.size(); at += 777) {
    const Bytes pages = writer.Push(std::span(tone).subspan(at, std::min<std::size_t>(777, tone.size() - at)));
    ogg.insert(ogg.end(), pages.begin(), pages.end());
  }
  const Bytes rest = writer.Finish();
  ogg.insert(ogg.end(), rest.begin(), rest.end());

  const std::vector<Page> pages = ReadPages(ogg);
  ASSERT_GE(pages.size(), 4u);
  EXPECT_EQ(pages.front().flags, 0x02);
  EXPECT_EQ(pages.back().flags, 0x04);
  for (std::size_t i = 0; i < pages.size(); ++i) EXPECT_EQ(pages[i].number, i);
  EXPECT_EQ(pages[0].packets, 1u);
  EXPECT_EQ(pages[1].packets, 1u);
  const std::int64_t pre_skip = media::OpusEncoder().lookahead_samples();
  EXPECT_EQ(pages.back().granule, 48100 + pre_skip) << "RFC 7845 section 4.4: end trimming";
}

TEST(OggOpusWriter, NothingSpokenIsStillAWholeFile) {
  OggOpusWriter writer(1);
  const std::vector<Page> pages = ReadPages(writer.Finish());
  ASSERT_EQ(pages.size(), 3u);
  EXPECT_EQ(pages.back().flags, 0x04);
}

}  // namespace
}  // namespace jb::services
