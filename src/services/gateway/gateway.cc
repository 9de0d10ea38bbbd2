// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/gateway.h"

#include <algorithm>
#include <thread>

#include "base/log.h"
#include "crypto/certificate.h"
#include "io/clock.h"
#include "io/http_server.h"
#include "io/interfaces.h"
#include "services/common/http_counts.h"
#include "services/gateway/calls.h"
#include "services/gateway/rest_api.h"
#include "services/gateway/static_files.h"
#include "services/socketio/server.h"

namespace jb::services {
namespace {

constexpr std::size_t kMaxJsonBody = 16 * 1024;
// Each try starts a thread. As many workers would have to hang at once before there is none.
constexpr std::size_t kSparePortsTried = 8;
constexpr const char* kSocketIoRoute = "/socket.io/";

Result<std::vector<SocketAddress>> ParseAddresses(const std::vector<std::string>& texts, const char* key) {
  std::vector<SocketAddress> out;
  for (const std::string& text : texts) {
    const auto address = SocketAddress::Parse(text, 0);
    if (!address) {
      return Fail("bad_address", std::string(key) + ": \"" + text + "\" is not an IP address");
    }
    out.push_back(*address);
  }
  return out;
}

// What clients are told: what was configured, else every address of this machine that the sockets
// listen on. Loopback is announced too, last: it is how a browser on this machine connects offline.
Result<std::vector<SocketAddress>> AnnouncedAddresses(const GatewayConfig& config,
                                                      const std::vector<SocketAddress>& listen) {
  if (!config.media_announce.empty()) return ParseAddresses(config.media_announce, "media.announce");
  std::vector<SocketAddress> out;
  for (const SocketAddress& bound : listen) {
    if (!bound.is_unspecified()) {
      out.push_back(bound);
      continue;
    }
    for (const io::LocalAddress& local : io::LocalAddresses()) {
      if (local.address.is_v6 == bound.is_v6 && !local.link_local) out.push_back(local.address);
    }
  }
  std::stable_partition(out.begin(), out.end(), [](const SocketAddress& a) { return !a.is_loopback(); });
  return out;
}

class GatewayImpl : public Gateway, private io::HttpHandler {
 public:
  GatewayImpl(io::Loop& loop, const GatewayConfig& config, Metrics& metrics)
      : loop_(loop),
        metrics_(metrics),
        media_port_min_(config.media_port_min),
        site_(StaticFiles::Load(config.web_directory.empty() ? FindWebApp() : config.web_directory)),
        calls_(loop, CallsOf(config), metrics),
        sockets_(loop, calls_.random(), SocketsOf(config), calls_),
        counts_(metrics),
        rest_(calls_, metrics, counts_,
              {.version = config.version, .started = io::Now(), .redis_configured = !config.redis_url.empty()}) {
    calls_.SetSocketServer(sockets_);
  }

  Status<> Open(const GatewayConfig& config) {
    if (site_.empty() && !config.web_directory.empty()) {
      return Fail("bad_config", "gateway.web_dir: there is no index.html in " + config.web_directory);
    }
    JB_TRY_VOID(StartWorkers(config));
    io::HttpServerConfig http;
    http.host = config.host;
    http.port = config.port;
    http.tls_cert_file = config.tls_cert_file;
    http.tls_key_file = config.tls_key_file;
    http.tls_cert_pem = config.tls_cert_pem;
    http.tls_key_pem = config.tls_key_pem;
    http.limits.connections_per_peer = config.connections_per_address;
    http.on_refused = [refused = metrics_.GetCounter("jbcalling_http_connections_refused_total",
                                                     "Connections over a limit, in all or of one address")]() mutable {
      refused.Add();
    };
    JB_TRY(http_, io::HttpServer::Listen(loop_, http, *this));
    if (site_.empty()) Log(LogLevel::kWarn, "the web app is not built; run `make web`");
    if (!config.redis_url.empty()) {
      Log(LogLevel::kError, "redis.url is set, but this version runs on one machine only; not ready");
    }
    return kOk;
  }

  std::uint16_t port() const override { return http_->port(); }
  std::size_t workers() const override { return calls_.media().running(); }
  std::size_t people() const override { return calls_.people(); }
  void Drain(std::function<void()> done) override { calls_.BeginDraining(std::move(done)); }

 private:
  static CallsConfig CallsOf(const GatewayConfig& config) {
    CallsConfig calls;
    calls.speech = {.stt = config.stt_url,
                    .translation = config.translation_url,
                    .tts = config.tts_url,
                    .translation_concurrency = config.translation_concurrency,
                    .tts_concurrency = config.tts_concurrency};
    calls.turn_urls = config.turn_urls;
    calls.turn_secret = config.turn_secret;
    return calls;
  }

  static SocketIoConfig SocketsOf(const GatewayConfig& config) {
    SocketIoConfig sockets;
    sockets.allowed_origins = config.allowed_origins;
    return sockets;
  }

  Status<> StartWorkers(const GatewayConfig& config) {
    const std::size_t wanted = config.workers ? config.workers : std::max(1u, std::thread::hardware_concurrency());
    const std::size_t ports = config.media_port_max - config.media_port_min + 1u;
    if (config.media_port_max < config.media_port_min || wanted > ports) {
      return Fail("bad_config", "media.port_min..port_max has fewer ports than there are media workers (" +
                                    std::to_string(wanted) + ")");
    }
    JB_TRY(const auto listen, ParseAddresses(config.media_listen, "media.listen"));
    JB_TRY(const auto announce, AnnouncedAddresses(config, listen));
    const auto certificate = crypto::Certificate::Make();
    // A fresh worker has the port of the one it follows. Should that still hold it, because it hangs, there are
    // others above those of the slots.
    const auto start = [=, this](std::size_t slot, bool again, const MediaWorker::Handlers& handlers) {
      auto worker = StartWorker(slot, slot, listen, announce, certificate, handlers);
      const std::size_t spare = again ? std::min(ports, wanted + kSparePortsTried) : wanted;
      for (std::size_t port = wanted; !worker.ok() && port < spare; ++port) {
        worker = StartWorker(slot, port, listen, announce, certificate, handlers);
      }
      return worker;
    };
    return calls_.StartMedia(wanted, start, {.placement = RulesOf(config)});
  }

  static PlacementRules RulesOf(const GatewayConfig& config) {
    PlacementRules rules;
    rules.worth_crossing *= config.worker_full / rules.full;  // what is much depends on what there is
    rules.full = config.worker_full;
    return rules;
  }

  Result<std::unique_ptr<MediaWorker>> StartWorker(std::size_t slot, std::size_t port,
                                                   const std::vector<SocketAddress>& listen,
                                                   const std::vector<SocketAddress>& announce,
                                                   const std::shared_ptr<const crypto::Certificate>& certificate,
                                                   const MediaWorker::Handlers& handlers) {
    return MediaWorker::Start({.index = slot,
                               .port = static_cast<std::uint16_t>(media_port_min_ + port),
                               .listen = listen,
                               .announce = announce,
                               .certificate = certificate},
                              loop_, metrics_, calls_.taps(), handlers);
  }

  // --- HttpHandler ---
  io::BodyPolicy PolicyFor(const io::HttpRequest& head) override {
    if (sockets_.Serves(head.path)) return sockets_.PolicyFor(head);
    return {.max_bytes = kMaxJsonBody, .stream = false};
  }

  void HandleRequest(io::HttpRequest request, std::shared_ptr<io::HttpResponder> responder) override {
    if (sockets_.Serves(request.path)) {
      return sockets_.HandleRequest(std::move(request), counts_.Watch(kSocketIoRoute, std::move(responder)));
    }
    responder->Send(Secured(Answer(request)));
  }

  void HandleUpgrade(io::HttpRequest request, std::shared_ptr<io::WebSocketAcceptor> acceptor) override {
    if (sockets_.Serves(request.path)) {
      return sockets_.HandleUpgrade(std::move(request), counts_.Watch(kSocketIoRoute, std::move(acceptor)));
    }
    acceptor = counts_.Watch("other", std::move(acceptor));
    acceptor->Reject(io::ErrorResponse(404, "not_found", "No WebSocket is served on that path."));
  }

  io::HttpResponse Answer(const io::HttpRequest& request) {
    if (auto response = rest_.Handle(request)) return std::move(*response);
    const bool reads = request.method == "GET" || request.method == "HEAD";
    auto file = reads ? site_.Get(request) : std::nullopt;
    io::HttpResponse response = file    ? std::move(*file)
                                : reads ? io::ErrorResponse(404, "not_found", "There is nothing at that path.")
                                        : io::ErrorResponse(405, "method_not_allowed", "Use GET here.");
    if (!reads) response.headers.Add("Allow", "GET, HEAD");
    counts_.Count(file ? "static" : "other", response.status);
    return response;
  }

  static io::HttpResponse Secured(io::HttpResponse response) {
    response.headers.Set("X-Content-Type-Options", "nosniff");
    return response;
  }

  // Destroyed from the bottom up: no request arrives once http_ is gone.
  io::Loop& loop_;
  Metrics& metrics_;
  const std::uint16_t media_port_min_;
  const StaticFiles site_;
  Calls calls_;
  SocketIoServer sockets_;
  HttpCounts counts_;
  RestApi rest_;
  std::unique_ptr<io::HttpServer> http_;
};

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::Start(io::Loop& loop, const GatewayConfig& config, Metrics& metrics) {
  auto gateway = std::make_unique<GatewayImpl>(loop, config, metrics);
  JB_TRY_VOID(gateway->Open(config));
  return std::unique_ptr<Gateway>(std::move(gateway));
}

}  // namespace jb::services
