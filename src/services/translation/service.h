// SPDX-License-Identifier: Apache-2.0
// The translation service: /translate, /languages, /detect, with /health, /readyz, /metrics and /openapi.json.
// It owns its backend and HTTP server; it runs in a process of its own (role "translation").
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
class Translator;
}

namespace jb::services {

struct TranslationServiceConfig {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8005;  // 0: any free port
  std::string backend = "auto";
  int concurrency = 6;  // requests and streams at once; more get 429
};

// Thread: the loop's. Destroying it closes the server and ends the backend.
class TranslationService {
 public:
  // Fails when the backend is missing or the port is taken, with a message that names which.
  static Result<std::unique_ptr<TranslationService>> Start(io::Loop& loop, const TranslationServiceConfig& config,
                                                           Metrics& metrics);
  // The same over a backend of the caller's; `config.backend` is not looked at.
  static Result<std::unique_ptr<TranslationService>> Start(io::Loop& loop, const TranslationServiceConfig& config,
                                                           Metrics& metrics,
                                                           std::unique_ptr<speech::Translator> backend);
  virtual ~TranslationService() = default;
  virtual std::uint16_t port() const = 0;
  // (method, path) of everything that is served.
  virtual std::vector<std::pair<std::string, std::string>> routes() const = 0;
};

// The whole process: makes a loop, serves until SIGTERM or SIGINT; returns the exit status.
int RunTranslationService(const TranslationServiceConfig& config);

}  // namespace jb::services
