// SPDX-License-Identifier: Apache-2.0
// The gateway role: web app, REST, Socket.IO, SFU and interpreter in one process. It starts the media
// and interpreter threads and stops them when destroyed. Control loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "io/loop.h"
#include "services/gateway/placement.h"

namespace jb::services {

struct GatewayConfig {
  std::string host = "0.0.0.0";
  std::uint16_t port = 3000;
  std::string tls_cert_file, tls_key_file;  // both or neither
  std::string tls_cert_pem, tls_key_pem;    // the same as text
  std::vector<std::string> allowed_origins;
  // HttpLimits::connections_per_peer. A browser in a call keeps one open and some more while it loads, so this
  // is an office of 100 behind one address, and a thirtieth of what the gateway holds.
  std::size_t connections_per_address = 512;

  std::size_t workers = 0;  // 0: one per core
  double worker_full = PlacementRules().full;
  std::uint16_t media_port_min = 40000;
  std::uint16_t media_port_max = 40100;
  std::vector<std::string> media_listen = {"0.0.0.0"};  // addresses
  std::vector<std::string> media_announce;              // addresses; empty: this machine's own

  std::string stt_url = "http://127.0.0.1:8002";
  std::string translation_url = "http://127.0.0.1:8005";
  std::string tts_url = "http://127.0.0.1:8003";
  int translation_concurrency = 6;  // requests the service takes at once
  int tts_concurrency = 6;

  std::vector<std::string> turn_urls;
  std::string turn_secret;
  std::string redis_url;
  std::string web_directory;  // empty: FindWebApp()
  std::string version = "0";
};

class Gateway {
 public:
  // Listens when it returns. An error names what is wrong: a port that is taken, a certificate that
  // cannot be read, an address that is none.
  static Result<std::unique_ptr<Gateway>> Start(io::Loop& loop, const GatewayConfig& config, Metrics& metrics);
  virtual ~Gateway() = default;
  virtual std::uint16_t port() const = 0;
  virtual std::size_t workers() const = 0;
  // How many are in rooms.
  virtual std::size_t people() const = 0;
  // Opens no more rooms, is not ready any more, and serves the calls there are. `done` runs once, when nobody
  // is in a room.
  virtual void Drain(std::function<void()> done) = 0;
};

}  // namespace jb::services
