// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/static_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace jb::services {
namespace {

class StaticFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(::testing::TempDir()) / "jb_static_files";
    std::filesystem::create_directories(directory_ / "assets");
    Write("index.html", "<html>");
    Write("assets/app-1234.js", "let x;");
    Write("assets/app-1234.js.gz", "zipped");
    Write(".sources", "secret");
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void Write(const std::string& name, const std::string& text) { std::ofstream(directory_ / name) << text; }

  std::optional<io::HttpResponse> Get(const std::string& path, io::Headers headers = {}) {
    io::HttpRequest request;
    request.method = "GET";
    request.path = path;
    request.headers = std::move(headers);
    return StaticFiles::Load(directory_.string()).Get(request);
  }

  std::filesystem::path directory_;
};

TEST_F(StaticFilesTest, APageOfTheAppIsTheStartPage) {
  for (const char* path : {"/", "/r/abcde-fghjk-mnpqr", "/index.html"}) {
    const auto response = Get(path);
    ASSERT_TRUE(response) << path;
    EXPECT_EQ(response->bytes(), "<html>");
    EXPECT_NE(response->headers["Content-Security-Policy"].find("script-src 'self'"), std::string::npos);
  }
}

TEST_F(StaticFilesTest, HashedAssetsAreKeptForEverAndComeCompressed) {
  EXPECT_EQ(Get("/assets/app-1234.js")->bytes(), "let x;");
  const auto response = Get("/assets/app-1234.js", {{"Accept-Encoding", "br, gzip"}});
  EXPECT_EQ(response->bytes(), "zipped");
  EXPECT_EQ(response->headers["Content-Encoding"], "gzip");
  EXPECT_NE(response->headers["Cache-Control"].find("immutable"), std::string::npos);
}

TEST_F(StaticFilesTest, AKnownEtagIsAnsweredWithoutTheFile) {
  const std::string etag(Get("/assets/app-1234.js")->headers["ETag"]);
  const auto response = Get("/assets/app-1234.js", {{"If-None-Match", etag}});
  EXPECT_EQ(response->status, 304);
  EXPECT_EQ(response->bytes(), "");
}

TEST_F(StaticFilesTest, NothingOutsideTheBuiltAppIsServed) {
  EXPECT_FALSE(Get("/.sources"));
  EXPECT_FALSE(Get("/../jb_static_files/index.html"));
  EXPECT_FALSE(Get("/assets/missing.js"));
}

TEST(StaticFiles, AnAppThatIsNotBuiltSaysSo) {
  io::HttpRequest request;
  request.path = "/";
  EXPECT_EQ(StaticFiles::Load("/nonexistent").Get(request)->status, 503);
}

}  // namespace
}  // namespace jb::services
