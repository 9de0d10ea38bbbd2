// SPDX-License-Identifier: Apache-2.0
#include "app/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace jb::app {
namespace {

class TempFile {
 public:
  explicit TempFile(const std::string& text) {
    char name[] = "/tmp/jb-config-XXXXXX";
    const int fd = mkstemp(name);
    path_ = name;
    std::ofstream(path_) << text;
    close(fd);
  }
  ~TempFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string ErrorOf(const ConfigSources& sources) {
  const auto config = LoadConfig(sources);
  return config.ok() ? "" : config.error().message;
}
ConfigSources Sets(std::vector<std::string> sets) { return {.file = {}, .environment = {}, .sets = std::move(sets)}; }

TEST(Config, HasTheDefaultsOfTheContract) {
  const Config config = *LoadConfig({});
  EXPECT_EQ(config.gateway.port, 3000);
  EXPECT_EQ(config.stt.port, 8002);
  EXPECT_EQ(config.tts.port, 8003);
  EXPECT_EQ(config.translation.port, 8005);
  EXPECT_EQ(config.media.port_min, 40000);
  EXPECT_EQ(config.media.port_max, 40100);
  EXPECT_EQ(config.gateway.workers, 0);
  EXPECT_EQ(config.gateway.worker_full, 70);
  EXPECT_EQ(config.gateway.connections_per_address, 512);
  EXPECT_EQ(ServiceUrl(config.stt), "http://127.0.0.1:8002");
}

TEST(Config, FlagsWinOverEnvironmentOverFileOverDefaults) {
  const TempFile file("[gateway]\nport = 3001\nworkers = 1\nhost = \"127.0.0.1\"\n[log]\nlevel = \"warn\"\n");
  ConfigSources sources{file.path(),
                        {{"JBCALLING_GATEWAY_PORT", "3002"}, {"JBCALLING_GATEWAY_WORKERS", "2"}, {"PATH", "/bin"}},
                        {"gateway.port=3003"}};
  const Config config = *LoadConfig(sources);
  EXPECT_EQ(config.gateway.port, 3003);
  EXPECT_EQ(config.gateway.workers, 2);
  EXPECT_EQ(config.gateway.host, "127.0.0.1");
  EXPECT_EQ(config.log.level, "warn");
  EXPECT_EQ(config.log.format, "text");
}

TEST(Config, ReadsListsFromArraysAndFromCommas) {
  const TempFile file("media.announce = [\"192.0.2.1\", \"2001:db8::1\"]\n");
  EXPECT_EQ(LoadConfig({file.path(), {}, {}})->media.announce, (std::vector<std::string>{"192.0.2.1", "2001:db8::1"}));
  EXPECT_EQ(LoadConfig(Sets({"media.announce=192.0.2.1, 192.0.2.2"}))->media.announce,
            (std::vector<std::string>{"192.0.2.1", "192.0.2.2"}));
  EXPECT_TRUE(LoadConfig(Sets({"media.announce="}))->media.announce.empty());
}

TEST(Config, NamesUnknownKeysAndWhereTheyStand) {
  const TempFile file("[gateway]\nport = 1\nprot = 2\n");
  EXPECT_EQ(ErrorOf({file.path(), {}, {}}), file.path() + ":3: gateway.prot: unknown key");
  EXPECT_EQ(ErrorOf({{}, {{"JBCALLING_GATEWAY_PROT", "1"}}, {}}), "environment: JBCALLING_GATEWAY_PROT: unknown key");
  EXPECT_EQ(ErrorOf(Sets({"gateway.prot=1"})), "--set: gateway.prot: unknown key");
  EXPECT_EQ(ErrorOf(Sets({"gateway"})), "--set: gateway: expected key=value");
}

TEST(Config, NamesBadValues) {
  const std::pair<std::string, std::string> cases[] = {
      {"gateway.port=0", "gateway.port"},
      {"gateway.port=65536", "gateway.port"},
      {"gateway.port=3000x", "gateway.port"},
      {"gateway.port=", "gateway.port"},
      {"gateway.port=-1", "gateway.port"},
      {"gateway.workers=257", "gateway.workers"},
      {"gateway.worker_full=0", "gateway.worker_full"},
      {"gateway.host=example.org", "gateway.host"},
      {"media.listen=localhost", "media.listen"},
      {"media.listen=", "media.listen"},
      {"stt.url=ftp://x", "stt.url"},
      {"stt.concurrency=0", "stt.concurrency"},
      {"tts.backend=", "tts.backend"},
      {"log.level=loud", "log.level"},
      {"log.format=xml", "log.format"},
      {"redis.url=http://x", "redis.url"},
      {"turn.urls=http://x", "turn.urls"},
      {"gateway.allowed_origins=https://x/", "gateway.allowed_origins"},
      {"gateway.tls_cert=/x", "gateway.tls_cert"},
      {"media.port_min=50000", "media.port_min"},
      {"turn.urls=turn:t.example.org", "turn.secret"},
  };
  for (const auto& [set, key] : cases) {
    const std::string error = ErrorOf(Sets({set}));
    EXPECT_NE(error.find(key), std::string::npos) << set << ": " << error;
    EXPECT_EQ(error.find('\n'), std::string::npos);
  }
  EXPECT_NE(ErrorOf(Sets({"media.port_max=40001", "gateway.workers=3"})).find("gateway.workers"), std::string::npos);
}

TEST(Config, NamesWrongTypesAndBrokenFiles) {
  const TempFile type("[gateway]\nport = \"3000\"\n");
  EXPECT_EQ(ErrorOf({type.path(), {}, {}}), type.path() + ":2: gateway.port: expected a whole number");
  const TempFile number("[log]\nlevel = 3\n");
  EXPECT_EQ(ErrorOf({number.path(), {}, {}}), number.path() + ":2: log.level: expected text");
  const TempFile array("[media]\nlisten = [1]\n");
  EXPECT_EQ(ErrorOf({array.path(), {}, {}}), array.path() + ":2: media.listen: expected a list of texts");
  const TempFile broken("[gateway\nport = 1\n");
  EXPECT_TRUE(ErrorOf({broken.path(), {}, {}}).starts_with(broken.path() + ":1: "));
  EXPECT_EQ(ErrorOf({"/nonexistent.toml", {}, {}}), "/nonexistent.toml: cannot be read");
}

TEST(Config, AnEmptyFileSetsNothing) {
  for (const char* text : {"", "# nothing yet\n", "[gateway]\n"}) {
    const TempFile file(text);
    EXPECT_EQ(ErrorOf({file.path(), {}, {}}), "") << text;
  }
}

TEST(Config, NamesAnUnknownSectionWithNothingInIt) {
  const TempFile file("[gateway]\n[gatway]\n");
  EXPECT_EQ(ErrorOf({file.path(), {}, {}}), file.path() + ":2: gatway: unknown key");
}

TEST(Config, AFolderIsNoConfigurationFile) { EXPECT_EQ(ErrorOf({"/tmp", {}, {}}), "/tmp: cannot be read"); }

TEST(Config, AServiceUrlMayEndInASlash) {
  EXPECT_EQ(ServiceUrl(LoadConfig(Sets({"stt.url=http://stt:8002/"}))->stt), "http://stt:8002");
}

TEST(Config, PrintsWhatItWouldReadWithSecretsMasked) {
  const Config config = *LoadConfig(
      Sets({"turn.secret=hunter2", "turn.urls=turn:t.example.org", "gateway.port=3100",
            "redis.url=redis://me:pass@cache:6379/0", "models.dir=a \"b\"\\c", "media.announce=192.0.2.1,192.0.2.2"}));
  const std::string text = PrintConfig(config);
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
  EXPECT_EQ(text.find("pass@"), std::string::npos);
  EXPECT_NE(text.find("secret = \"***\""), std::string::npos);
  EXPECT_NE(text.find("url = \"redis://***@cache:6379/0\""), std::string::npos);
  const TempFile file(text);
  const auto again = LoadConfig({file.path(), {}, {}});
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(PrintConfig(*again), text);
  EXPECT_EQ(again->gateway.port, 3100);
  EXPECT_EQ(again->models.dir, "a \"b\"\\c");
}

TEST(Config, ASecretIsNotShownInAnError) {
  EXPECT_EQ(ErrorOf(Sets({"redis.url=hunter2"})).find("hunter2"), std::string::npos);
}

TEST(Config, PassesValuesToChildren) {
  const Config config = *LoadConfig(Sets({"stt.port=9002", "media.announce=192.0.2.1,192.0.2.2"}));
  EXPECT_EQ(SetFlag(config, "stt.port"), "stt.port=9002");
  EXPECT_EQ(SetFlag(config, "media.announce"), "media.announce=192.0.2.1,192.0.2.2");
}

}  // namespace
}  // namespace jb::app
