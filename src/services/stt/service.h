// SPDX-License-Identifier: Apache-2.0
// The stt service: /transcribe, /transcribe/stream, /v1/audio/transcriptions, with /health, /readyz, /metrics and
// /openapi.json. It owns its backend and HTTP server; it runs in a process of its own (role "stt").
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace jb {
class Metrics;
}
namespace jb::io {
class Loop;
}
namespace jb::speech {
class Recognizer;
}

namespace jb::services {

struct SttServiceConfig {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8002;  // 0: any free port
  std::string backend = "auto";
  int concurrency = 6;                               // requests and streams at once; more get 429
  Duration upload_within = std::chrono::minutes(5);  // a recording must have arrived; later: 408
};

// Thread: the loop's. Destroying it closes the server and ends the backend.
class SttService {
 public:
  // Fails when the backend is missing or the port is taken, with a message that names which.
  static Result<std::unique_ptr<SttService>> Start(io::Loop& loop, const SttServiceConfig& config, Metrics& metrics);
  // The same over a backend of the caller's; `config.backend` is not looked at.
  static Result<std::unique_ptr<SttService>> Start(io::Loop& loop, const SttServiceConfig& config, Metrics& metrics,
                                                   std::unique_ptr<speech::Recognizer> backend);
  virtual ~SttService() = default;
  virtual std::uint16_t port() const = 0;
  // (method, path) of everything that is served.
  virtual std::vector<std::pair<std::string, std::string>> routes() const = 0;
};

// The whole process: makes a loop, serves until SIGTERM or SIGINT; returns the exit status.
int RunSttService(const SttServiceConfig& config);

}  // namespace jb::services
