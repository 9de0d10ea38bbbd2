// SPDX-License-Identifier: Apache-2.0
#include "io/http.h"

#include <gtest/gtest.h>

namespace jb::io {
namespace {

TEST(Url, ReadsItsParts) {
  const auto url = ParseUrl("HTTPS://Example.ORG:8443/a/b?x=1#frag");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "example.org");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/a/b?x=1");
  EXPECT_EQ(url->authority(), "example.org:8443");
  EXPECT_TRUE(url->is_secure());
  EXPECT_EQ(ParseUrl("ws://h")->target, "/");
  EXPECT_EQ(ParseUrl("ws://h")->port, 80);
  EXPECT_EQ(ParseUrl("wss://h?x")->target, "/?x");
  EXPECT_EQ(ParseUrl("http://[::1]:3000/x")->host, "::1");
  EXPECT_EQ(ParseUrl("http://[::1]:3000/x")->authority(), "[::1]:3000");
  EXPECT_EQ(ParseUrl("http://h:80/")->authority(), "h");
}

TEST(Url, RefusesWhatItDoesNotKnow) {
  for (const char* text : {"", "h", "/path", "ftp://h/", "http://", "http:///x", "http://h:0/", "http://h:99999/",
                           "http://h:/", "http://h:8x/", "http://user@h/", "http://h h/", "http://h/\r\nX: 1",
                           "http://[::1", "http://[g::]/", "http://[::1]x/", "http://h\\x/", "http://\xc3\xa4/"}) {
    EXPECT_FALSE(ParseUrl(text)) << text;
  }
  EXPECT_FALSE(ParseUrl("http://h/" + std::string(9000, 'a')));
}

TEST(Query, DecodesAndKeepsTheOrder) {
  const Query query = Query::Parse("a=1&b=%20+x&a=2&&flag&=v&bad=%zz");
  EXPECT_EQ(query["a"], "1");
  EXPECT_EQ(query["b"], "  x");
  EXPECT_EQ(query["flag"], "");
  EXPECT_EQ(query["bad"], "%zz");
  EXPECT_FALSE(query.Get("none"));
  EXPECT_EQ(query.pairs().size(), 6u);
}

TEST(PercentCoding, GoesRoundAndRefusesBrokenEscapes) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(PercentDecode(PercentEncode(all), true), all);
  EXPECT_FALSE(PercentDecode("%", false));
  EXPECT_FALSE(PercentDecode("%a", false));
  EXPECT_FALSE(PercentDecode("%ag", false));
  EXPECT_EQ(PercentDecode("a+b", false), "a+b");
}

TEST(Headers, IgnoreCaseAndKeepRepetitions) {
  Headers headers{{"A-b", "1"}};
  headers.Add("a-B", "2");
  EXPECT_EQ(headers["A-B"], "1");
  EXPECT_EQ(headers.fields().size(), 2u);
  headers.Set("a-b", "3");
  EXPECT_EQ(headers.fields().size(), 1u);
  EXPECT_EQ(headers["a-b"], "3");
  headers.Remove("A-B");
  EXPECT_FALSE(headers.Has("a-b"));
}

TEST(HttpRequest, ContentTypeIsWithoutParameters) {
  HttpRequest request;
  request.headers.Add("Content-Type", "Audio/WAV ; rate=1");
  EXPECT_EQ(request.content_type(), "audio/wav");
}

TEST(ErrorResponse, HasTheShapeOfAllErrors) {
  const HttpResponse response = ErrorResponse(404, "room_not_found", "no \"such\" room");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, R"({"error":{"code":"room_not_found","message":"no \"such\" room"}})");
}

}  // namespace
}  // namespace jb::io
