// SPDX-License-Identifier: Apache-2.0
#include "services/common/multipart.h"

#include <gtest/gtest.h>

namespace jb::services {
namespace {

constexpr std::string_view kType = "multipart/form-data; boundary=\"x y\"";
const std::string kBody =
    "--x y\r\nContent-Disposition: form-data; name=\"lang\"\r\n\r\nen\r\n"
    "--x y\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\\\"b.wav\"\r\n"
    "Content-Type: Audio/WAV; x=1\r\n\r\nRI\r\nFF\r\n--x y--\r\n";

TEST(Multipart, PartsComeWithNameTypeAndUntouchedData) {
  const auto parts = ParseMultipart(kType, kBody);
  ASSERT_TRUE(parts.ok());
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ(FindPart(*parts, "lang")->data, "en");
  const FormPart* file = FindPart(*parts, "file");
  EXPECT_EQ(file->filename, "a\"b.wav");
  EXPECT_EQ(file->content_type, "audio/wav");
  EXPECT_EQ(file->data, "RI\r\nFF");
  EXPECT_EQ(FindPart(*parts, "none"), nullptr);
}

TEST(Multipart, EveryTruncationIsAnErrorOrTheWhole) {
  const std::size_t whole = kBody.size() - 2;  // the last line break may be missing
  for (std::size_t n = 0; n < kBody.size(); ++n) {
    EXPECT_EQ(ParseMultipart(kType, kBody.substr(0, n)).ok(), n >= whole) << n;
  }
}

TEST(Multipart, WhatIsNoFormIsRefused) {
  EXPECT_EQ(ParseMultipart("multipart/form-data", kBody).error(), MultipartError::kNoBoundary);
  EXPECT_EQ(ParseMultipart("multipart/form-data; boundary=" + std::string(71, 'x'), kBody).error(),
            MultipartError::kNoBoundary);
  EXPECT_FALSE(ParseMultipart("a; boundary=b", "--b\r\n\r\nno name\r\n--b--").ok());
  std::string many;
  for (int i = 0; i < 33; ++i) many += "--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nv\r\n";
  EXPECT_EQ(ParseMultipart("a; boundary=b", many + "--b--").error(), MultipartError::kTooManyParts);
}

}  // namespace
}  // namespace jb::services
