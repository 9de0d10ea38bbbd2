// SPDX-License-Identifier: Apache-2.0
// The configuration of every role: typed, from defaults < TOML file < JBCALLING_SECTION_KEY environment <
// --set key=value. What is wrong with it is one line that names the key and where it came from. The keys are
// rows of one table (config_keys.cc). docs/protocol.md section 1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace jb::app {

struct SpeechServiceConfig {
  explicit SpeechServiceConfig(std::uint16_t default_port) : port(default_port) {}
  std::string url;  // empty: the one of this machine, see ServiceUrl()
  std::string host = "127.0.0.1";
  std::uint16_t port;
  std::string backend = "auto";
  int concurrency = 6;
};

struct Config {
  struct Gateway {
    std::string host = "0.0.0.0";
    std::uint16_t port = 3000;
    std::string tls_cert, tls_key;  // files
    int workers = 0;                // 0: one per core
    int worker_full = 70;           // percent of a core
    std::vector<std::string> allowed_origins;
    int connections_per_address = 512;
    std::string web_dir;  // empty: found beside the binary
  } gateway;
  struct Media {
    std::uint16_t port_min = 40000, port_max = 40100;
    std::vector<std::string> listen{"0.0.0.0"};
    std::vector<std::string> announce;  // empty: this machine's own addresses
  } media;
  SpeechServiceConfig stt{8002};
  SpeechServiceConfig translation{8005};
  SpeechServiceConfig tts{8003};
  struct Models {
    std::string dir = "models";
  } models;
  struct Redis {
    std::string url;
  } redis;
  struct Turn {
    std::vector<std::string> urls;
    std::string secret;
  } turn;
  struct Log {
    std::string level = "info", format = "text";
  } log;
};

// Where the gateway reaches the service.
std::string ServiceUrl(const SpeechServiceConfig& service);

struct ConfigSources {
  std::optional<std::string> file;                               // TOML
  std::vector<std::pair<std::string, std::string>> environment;  // all of it; ours are picked
  std::vector<std::string> sets;                                 // "gateway.port=3100"
};

// "bad_config": an unknown key, a bad value, a combination that cannot work, an unreadable file.
Result<Config> LoadConfig(const ConfigSources& sources);
// Of this process.
std::vector<std::pair<std::string, std::string>> Environment();

// As a TOML file that LoadConfig would read, each key with its help above it. Secrets are masked.
std::string PrintConfig(const Config& config);

// "key=value" for --set, unmasked: for child processes. The key must exist.
std::string SetFlag(const Config& config, const std::string& key);

}  // namespace jb::app
