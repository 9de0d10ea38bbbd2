// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "app/local_certificate.h"
#include "app/ready_message.h"
#include "app/speech_children.h"
#include "io/http_server.h"

namespace jb::app {
namespace {

std::vector<io::LocalAddress> SomeAddresses() {
  return {{*SocketAddress::Parse("192.168.1.5", 0), "eth0", false, false},
          {*SocketAddress::Parse("169.254.1.1", 0), "eth1", false, true},
          {*SocketAddress::Parse("fd00::5", 0), "eth0", false, false},
          {*SocketAddress::Parse("127.0.0.1", 0), "lo", true, false}};
}

TEST(ReadyMessage, NamesTheUrlAndHowOtherDevicesConnect) {
  EXPECT_EQ(ReadyMessage(false, "0.0.0.0", 3000, SomeAddresses(), {}),
            "JB Calling is ready: http://localhost:3000\n"
            "Other devices need HTTPS for the microphone: start with --https and open https://192.168.1.5:3000\n");
  const std::string https = ReadyMessage(true, "::", 3443, SomeAddresses(), {"tts"});
  EXPECT_TRUE(https.starts_with("JB Calling is ready: https://localhost:3443\n"));
  EXPECT_NE(https.find("  https://192.168.1.5:3443\n"), std::string::npos);
  EXPECT_NE(https.find("  https://[fd00::5]:3443\n"), std::string::npos);
  EXPECT_EQ(https.find("169.254"), std::string::npos);
  EXPECT_NE(https.find("Still starting: tts"), std::string::npos);
  EXPECT_EQ(ReadyMessage(false, "127.0.0.1", 3000, SomeAddresses(), {}),
            "JB Calling is ready: http://localhost:3000\n");
}

TEST(ReadyMessage, NamesTheOneAddressThatIsListenedOn) {
  const auto first_line = [](bool https, const char* host) {
    const std::string text = ReadyMessage(https, host, 3000, SomeAddresses(), {});
    return text.substr(0, text.find('\n'));
  };
  EXPECT_EQ(first_line(true, "192.168.1.5"), "JB Calling is ready: https://192.168.1.5:3000");
  EXPECT_EQ(first_line(true, "fd00::5"), "JB Calling is ready: https://[fd00::5]:3000");
  EXPECT_EQ(first_line(false, "127.0.0.2"), "JB Calling is ready: http://127.0.0.2:3000");
  EXPECT_EQ(first_line(false, "localhost"), "JB Calling is ready: http://localhost:3000");
}

TEST(LocalCertificate, IsKeptForTheSameNamesAndPrivate) {
  char name[] = "/tmp/jb-cert-XXXXXX";
  const std::string directory = std::string(mkdtemp(name)) + "/state";
  const auto first = LocalCertificate(directory, {"localhost", "192.0.2.1"});
  EXPECT_NE(first.cert_pem.find("BEGIN CERTIFICATE"), std::string::npos);
  const auto again = LocalCertificate(directory, {"localhost", "192.0.2.1"});
  EXPECT_EQ(again.cert_pem, first.cert_pem);
  EXPECT_EQ(again.key_pem, first.key_pem);
  EXPECT_NE(LocalCertificate(directory, {"localhost"}).cert_pem, first.cert_pem);
  struct stat info {};
  ASSERT_EQ(stat((directory + "/local-tls.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_NE(LocalCertificate("/proc/nowhere", {"localhost"}).cert_pem, "");
  std::filesystem::remove_all(name);
}

TEST(SpeechChildren, GetTheirPartOfTheConfigurationOnly) {
  const Config config = *LoadConfig({{}, {}, {"stt.port=9002", "turn.secret=hunter2", "stt.host=0.0.0.0"}});
  const auto arguments = ChildArguments(config, "/bin/jb", "stt");
  EXPECT_EQ(arguments[0], "/bin/jb");
  EXPECT_EQ(arguments[1], "stt");
  const auto has = [&](std::string_view text) {
    return std::find(arguments.begin(), arguments.end(), text) != arguments.end();
  };
  EXPECT_TRUE(has("stt.port=9002"));
  EXPECT_TRUE(has("stt.host=127.0.0.1"));  // whatever a stand-alone one would listen on
  EXPECT_FALSE(has("turn.secret=hunter2"));
}

TEST(SpeechChildren, NameATakenPort) {
  io::Loop loop;
  class Nothing : public io::HttpHandler {
    void HandleRequest(io::HttpRequest, std::shared_ptr<io::HttpResponder>) override {}
  } nothing;
  io::HttpServerConfig taken;
  taken.host = "127.0.0.1";
  const auto server = io::HttpServer::Listen(loop, taken, nothing);
  ASSERT_TRUE(server.ok());
  const std::string port = std::to_string((*server)->port());
  const Config config = *LoadConfig({{}, {}, {"stt.url=http://x", "tts.url=http://x", "translation.port=" + port}});
  const auto children = SpeechChildren::Start(loop, config);
  ASSERT_FALSE(children.ok());
  EXPECT_EQ(children.error().message, "translation.port: TCP 127.0.0.1:" + port + " is taken by another program");
}

TEST(SpeechChildren, LeavesOutServicesThatRunElsewhere) {
  io::Loop loop;
  const Config config = *LoadConfig({{}, {}, {"stt.url=http://x", "tts.url=http://x", "translation.url=http://x"}});
  const auto children = SpeechChildren::Start(loop, config);
  ASSERT_TRUE(children.ok());
  EXPECT_EQ((*children)->size(), 0u);
  bool ready = false, stopped = false;
  (*children)->WhenReady(std::chrono::seconds(5), [&](const std::vector<std::string>& late) { ready = late.empty(); });
  EXPECT_TRUE(ready);
  (*children)->Stop([&] { stopped = true; });
  EXPECT_TRUE(loop.RunUntil([&] { return stopped; }, std::chrono::seconds(5)));
}

}  // namespace
}  // namespace jb::app
