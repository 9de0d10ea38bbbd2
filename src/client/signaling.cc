// SPDX-License-Identifier: Apache-2.0
#include "client/signaling.h"

#include <utility>

#include "io/clock.h"
#include "io/url.h"
#include "io/websocket_client.h"

namespace jb::client {
namespace {

// "http://host:3000/anything" -> "ws://host:3000/socket.io/?EIO=4&transport=websocket".
std::optional<std::string> SocketUrl(const std::string& text) {
  const auto url = io::ParseUrl(text);
  if (!url) return std::nullopt;
  return (url->is_secure() ? "wss://" : "ws://") + url->authority() + socketio::Client::Target();
}

// {"ok":true,"data":…} or {"ok":false,"error":{"code","message"}}.
Result<json::value> ReadAnswer(const json::array& args) {
  const json::value answer = args.empty() ? json::value() : args.front();
  if (GetBool(answer, "ok").value_or(false)) {
    const json::value* data = GetMember(answer, "data");
    return data ? *data : json::value();
  }
  const json::value* error = GetMember(answer, "error");
  const auto text = [&](const char* key, const char* otherwise) {
    return std::string(error ? GetString(*error, key).value_or(otherwise) : otherwise);
  };
  return Fail(text("code", "bad_answer"), text("message", "the server's answer has no error"));
}

template <class... F>
struct Overload : F... {
  using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;  // clang 16 does not deduce it for an aggregate

}  // namespace

Signaling::Signaling(io::Loop& loop, std::string url, bool accept_any_certificate, Handlers handlers)
    : loop_(loop),
      url_(std::move(url)),
      accept_any_certificate_(accept_any_certificate),
      handlers_(std::move(handlers)) {}

Signaling::~Signaling() {
  *alive_ = false;
  if (socket_) socket_->Abort();
}

void Signaling::Connect() {
  const auto guard = alive_;
  const auto url = SocketUrl(url_);
  if (!url) {
    loop_.Post([this, guard] {
      if (*guard) End({"bad_url", "not an http or https URL: " + url_});
    });
    return;
  }
  io::WebSocketConnectOptions options;
  options.accept_any_certificate = accept_any_certificate_;
  io::ConnectWebSocket(loop_, *url, options, [this, guard](auto opened) {
    if (*guard) {
      HandleOpened(std::move(opened));
    } else if (opened.ok()) {
      (*opened)->Abort();
    }
  });
}

void Signaling::HandleOpened(Result<std::shared_ptr<io::WebSocket>> opened) {
  if (!opened.ok()) {
    End(opened.error());
    return;
  }
  socket_ = std::move(opened).value();
  client_ = std::make_unique<socketio::Client>(socketio::ClientConfig{}, io::Now());
  driver_ = std::make_unique<io::Driver<socketio::Client>>(loop_, *client_, [this] { Drain(); });
  const auto guard = alive_;
  socket_->set_on_text([this, guard](std::string_view text) {
    if (!*guard) return;
    client_->HandleText(text, io::Now());
    Drain();
  });
  socket_->set_on_binary([this, guard](ByteView data) {
    if (!*guard) return;
    client_->HandleBinary(AsText(data), io::Now());
    Drain();
  });
  socket_->set_on_close([this, guard](std::uint16_t, std::string_view) {
    if (!*guard) return;
    client_->HandleClosed(io::Now());
    Drain();
  });
  Drain();
}

// A handler may send a request, whose own Drain then returns at once: this one goes on.
void Signaling::Drain() {
  if (draining_) return;
  draining_ = true;
  const auto guard = alive_;
  const Overload visitor{[&](const socketio::Client::SendText& out) { socket_->SendText(out.data); },
                         [&](const socketio::Client::SendBinary& out) {
                           const ByteView bytes = AsBytes(out.data);
                           socket_->SendBinary(Bytes(bytes.begin(), bytes.end()));
                         },
                         [&](const socketio::Client::CloseWebSocket&) { socket_->Close(); },
                         [&](const socketio::Client::Connected&) { handlers_.on_connected(); },
                         [&](const socketio::Client::Event& event) {
                           if (!over_)
                             handlers_.on_event(event.name, event.args.empty() ? json::value() : event.args.front());
                         },
                         [&](const socketio::Client::Ack& ack) { HandleAck(ack); },
                         [&](const socketio::Client::Ended& ended) {
                           End({"disconnected", ended.reason});
                         }};
  while (*guard) {
    const auto output = client_->Poll();
    if (!output) break;
    std::visit(visitor, *output);
  }
  if (!*guard) return;
  draining_ = false;
  driver_->Update();
}

void Signaling::Request(std::string_view event, json::object data, Answer done) {
  if (!client_ || !client_->connected()) {
    const auto guard = alive_;
    loop_.Post([guard, done = std::move(done)] {
      if (*guard) done(Fail("no_answer", "not connected"));
    });
    return;
  }
  const std::uint64_t id = client_->EmitWithAck(event, json::array{std::move(data)}, io::Now());
  waiting_.emplace(id, std::move(done));
  Drain();
}

void Signaling::HandleAck(const socketio::Client::Ack& ack) {
  const auto node = waiting_.extract(ack.ack);
  if (node.empty() || over_) return;
  if (ack.args) {
    node.mapped()(ReadAnswer(*ack.args));
  } else {
    node.mapped()(Fail("no_answer", "the server did not answer in time"));
  }
}

void Signaling::Disconnect() {
  over_ = true;
  if (!client_) return;
  client_->Disconnect(io::Now());
  Drain();
}

void Signaling::End(Error reason) {
  if (std::exchange(over_, true)) return;
  handlers_.on_ended(reason);
}

}  // namespace jb::client
