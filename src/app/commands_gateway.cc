// SPDX-License-Identifier: Apache-2.0
// The roles `gateway` and `serve`: the gateway in this process, alone or with the speech services as
// children.
#include <csignal>
#include <cstdio>

#include "app/commands.h"
#include "app/gateway_config.h"
#include "app/local_certificate.h"
#include "app/ready_message.h"
#include "app/speech_children.h"
#include "base/log.h"
#include "base/metrics.h"
#include "io/file_limit.h"
#include "io/interfaces.h"
#include "io/loop.h"

namespace jb::app {
namespace {

// pocketsphinx loads its model in about a second on a slow disk; longer than this and people want to see the URL.
constexpr Duration kReadyLimit = std::chrono::seconds(15);

constexpr std::uint64_t kFewFiles = 16384;  // as many as HttpLimits has connections

void WarnOfFewFiles() {
  const std::uint64_t files = io::FileLimit();
  if (files >= kFewFiles) return;
  Log(LogLevel::kWarn, "few files may be open, and each connection takes one: raise the hard limit of this process",
      {{"limit", files}, {"wanted", kFewFiles}});
}

int FailWith(const Error& error) {
  std::fprintf(stderr, "jbcalling: %s\n", error.message.c_str());
  return 1;
}

bool IsHttps(const services::GatewayConfig& config) {
  return !config.tls_cert_file.empty() || !config.tls_cert_pem.empty();
}

// Calls are not kept for longer than this when a restart waits for them: a room that somebody forgot to leave must
// not hold it up for ever. Whoever sends the signal has a limit of their own, mostly a shorter one.
constexpr Duration kDrainLimit = std::chrono::hours(1);

// Ends in good order: at once on SIGINT, once the calls are over on SIGTERM, and at once on a second signal or when
// the limit is reached. Ends in any way on the next one.
class Stopper {
 public:
  Stopper(io::Loop& loop, services::Gateway& gateway, std::function<void(std::function<void()>)> shut_down)
      : loop_(loop), gateway_(gateway), shut_down_(std::move(shut_down)), limit_(loop) {
    loop.OnSignal({SIGINT, SIGTERM}, [this](int signal) { HandleSignal(signal); });
  }

 private:
  void HandleSignal(int signal) {
    if (stopping_) return loop_.Stop();
    if (signal == SIGINT || std::exchange(draining_, true)) return Stop();
    if (gateway_.people() > 0) {
      Log(LogLevel::kInfo, "draining: no more rooms are opened, and this ends when all have left or on another signal",
          {{"participants", gateway_.people()}});
    }
    limit_.StartIn(kDrainLimit, [this] { Stop(); });
    gateway_.Drain([this] { Stop(); });
  }
  void Stop() {
    limit_.Cancel();
    if (std::exchange(stopping_, true)) return;
    shut_down_([this] { loop_.Stop(); });
  }

  io::Loop& loop_;
  services::Gateway& gateway_;
  const std::function<void(std::function<void()>)> shut_down_;
  io::Timer limit_;
  bool draining_ = false;
  bool stopping_ = false;
};

}  // namespace

services::GatewayConfig GatewayConfigOf(const Config& config) {
  services::GatewayConfig out;
  out.host = config.gateway.host;
  out.port = config.gateway.port;
  out.tls_cert_file = config.gateway.tls_cert;
  out.tls_key_file = config.gateway.tls_key;
  out.allowed_origins = config.gateway.allowed_origins;
  out.connections_per_address = static_cast<std::size_t>(config.gateway.connections_per_address);
  out.workers = static_cast<std::size_t>(config.gateway.workers);
  out.worker_full = config.gateway.worker_full / 100.0;
  out.media_port_min = config.media.port_min;
  out.media_port_max = config.media.port_max;
  out.media_listen = config.media.listen;
  out.media_announce = config.media.announce;
  out.stt_url = ServiceUrl(config.stt);
  out.translation_url = ServiceUrl(config.translation);
  out.tts_url = ServiceUrl(config.tts);
  out.translation_concurrency = config.translation.concurrency;
  out.tts_concurrency = config.tts.concurrency;
  out.turn_urls = config.turn.urls;
  out.turn_secret = config.turn.secret;
  out.redis_url = config.redis.url;
  out.web_directory = config.gateway.web_dir;
  out.version = Version();
  return out;
}

int RunGateway(const Config& config) {
  BeginRole(config, "gateway");
  io::Loop loop;
  Metrics metrics;
  auto gateway = services::Gateway::Start(loop, GatewayConfigOf(config), metrics);
  if (!gateway.ok()) return FailWith(gateway.error());
  WarnOfFewFiles();
  Log(LogLevel::kInfo, "gateway is listening", {{"port", (*gateway)->port()}, {"workers", (*gateway)->workers()}});
  const Stopper stopper(loop, **gateway, [](const std::function<void()>& done) { done(); });
  loop.Run();
  return 0;
}

int RunServe(const Config& config, const ServeArguments& arguments) {
  BeginRole(config, "gateway");
  services::GatewayConfig gateway_config = GatewayConfigOf(config);
  if (arguments.https && !IsHttps(gateway_config)) {
    const auto pem = LocalCertificate(StateDirectory(), LocalNames());
    gateway_config.tls_cert_pem = pem.cert_pem;
    gateway_config.tls_key_pem = pem.key_pem;
  }
  io::Loop loop;
  Metrics metrics;
  auto gateway = services::Gateway::Start(loop, gateway_config, metrics);
  if (!gateway.ok()) return FailWith(gateway.error());
  auto children = SpeechChildren::Start(loop, config);
  if (!children.ok()) return FailWith(children.error());
  WarnOfFewFiles();

  const std::uint16_t port = (*gateway)->port();
  (*children)->WhenReady(kReadyLimit, [&](const std::vector<std::string>& late) {
    const std::string text =
        ReadyMessage(IsHttps(gateway_config), config.gateway.host, port, io::LocalAddresses(), late);
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  });
  const Stopper stopper(loop, **gateway, [&](std::function<void()> done) { (*children)->Stop(std::move(done)); });
  loop.Run();
  return 0;
}

}  // namespace jb::app
