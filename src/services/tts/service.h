// SPDX-License-Identifier: Apache-2.0
// The tts service: /synthesize, /synthesize/stream, /voices, /v1/audio/speech, with /health, /readyz, /metrics and
// /openapi.json. It owns its backend and HTTP server; it runs in a process of its own (role "tts").
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace jb {
class Metrics;
}
namespace jb::io {
class Loop;
}
namespace jb::speech {
class Synthesizer;
}

namespace jb::services {

struct TtsServiceConfig {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8003;  // 0: any free port
  std::string backend = "auto";
  int concurrency = 6;  // requests and streams at once; more get 429
};

// Thread: the loop's. Destroying it closes the server and ends the backend.
class TtsService {
 public:
  // Fails when the backend is missing or the port is taken, with a message that names which.
  static Result<std::unique_ptr<TtsService>> Start(io::Loop& loop, const TtsServiceConfig& config, Metrics& metrics);
  // The same over a backend of the caller's; `config.backend` is not looked at.
  static Result<std::unique_ptr<TtsService>> Start(io::Loop& loop, const TtsServiceConfig& config, Metrics& metrics,
                                                   std::unique_ptr<speech::Synthesizer> backend);
  virtual ~TtsService() = default;
  virtual std::uint16_t port() const = 0;
  // (method, path) of everything that is served.
  virtual std::vector<std::pair<std::string, std::string>> routes() const = 0;
};

// The whole process: makes a loop, serves until SIGTERM or SIGINT; returns the exit status.
int RunTtsService(const TtsServiceConfig& config);

}  // namespace jb::services
