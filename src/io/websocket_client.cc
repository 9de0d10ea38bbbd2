// SPDX-License-Identifier: Apache-2.0
#include "io/websocket_client.h"

#include "io/connector.h"
#include "io/websocket_stream.h"

namespace jb::io {
namespace {

using Done = std::function<void(Result<std::shared_ptr<WebSocket>>)>;

// Asks for the upgrade, in what is left of the time.
void Shake(Loop& loop, const Url& url, const Connected& connected, const WebSocketConnectOptions& options,
           Duration left, const Done& done) {
  const auto timer = std::make_shared<Timer>(loop);
  const auto timed_out = std::make_shared<bool>(false);
  timer->StartIn(left, [stream = connected.stream, timed_out] {
    *timed_out = true;
    stream->Close();
  });
  OpenWebSocket(ContextOf(loop), connected.stream, url.authority(), url.target, options.headers, connected.remote,
                options.socket, [done, timer, timed_out](Result<std::shared_ptr<WebSocketConnection>> opened) {
                  timer->Cancel();
                  if (*timed_out) return done(Fail("timeout", "the WebSocket handshake took too long"));
                  if (!opened.ok()) return done(Fail(opened.error()));
                  done(std::shared_ptr<WebSocket>(*opened));
                });
}

}  // namespace

void ConnectWebSocket(Loop& loop, const std::string& url_text, const WebSocketConnectOptions& options,
                      std::function<void(Result<std::shared_ptr<WebSocket>>)> done) {
  const auto url = ParseUrl(url_text);
  if (!url || (url->scheme != "ws" && url->scheme != "wss")) {
    loop.Post([done = std::move(done), url_text] { done(Fail("bad_url", "not a ws:// or wss:// URL: " + url_text)); });
    return;
  }
  const TlsContext tls = url->is_secure() ? MakeClientTls(options.accept_any_certificate) : nullptr;
  const Time deadline = Now() + options.timeout;
  const auto connector = std::make_shared<Connector>(
      loop, *url, tls, options.timeout, [&loop, url = *url, options, deadline, done](Result<Connected> connected) {
        if (!connected.ok()) return done(Fail(connected.error()));
        Shake(loop, url, *connected, options, deadline - Now(), done);
      });
  connector->Start();
}

}  // namespace jb::io
