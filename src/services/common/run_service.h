// SPDX-License-Identifier: Apache-2.0
// The whole life of a speech service's process: start, serve until SIGTERM or SIGINT, leave.
#pragma once

#include <csignal>
#include <cstdio>
#include <string>

#include "base/log.h"
#include "base/metrics.h"
#include "io/loop.h"

namespace jb::services {

template <class Service, class Config>
int RunService(const char* name, const Config& config) {
  io::Loop loop(name);
  Metrics metrics;
  auto service = Service::Start(loop, config, metrics);
  if (!service.ok()) {
    std::fprintf(stderr, "jbcalling %s: %s\n", name, service.error().message.c_str());
    return 1;
  }
  loop.OnSignal({SIGTERM, SIGINT}, [&loop](int) { loop.Stop(); });
  Log(LogLevel::kInfo, "listening", {{"role", name}, {"host", config.host}, {"port", (*service)->port()}});
  loop.Run();
  return 0;
}

}  // namespace jb::services
