// SPDX-License-Identifier: Apache-2.0
#include "services/socketio/server.h"

#include <map>
#include <unordered_map>
#include <utility>

#include "io/clock.h"
#include "services/socketio/engine_binding.h"

namespace jb::services {
namespace {

using socketio::DisconnectReason;

DisconnectReason ReasonOf(engineio::CloseReason reason) {
  switch (reason) {
    case engineio::CloseReason::kClientClosed:
    case engineio::CloseReason::kTransport: return DisconnectReason::kTransport;
    case engineio::CloseReason::kServerClosed: return DisconnectReason::kShutdown;
    case engineio::CloseReason::kPingTimeout: return DisconnectReason::kPingTimeout;
    case engineio::CloseReason::kParseError:
    case engineio::CloseReason::kProtocolError: return DisconnectReason::kParseError;
    case engineio::CloseReason::kSlowClient: return DisconnectReason::kSlowClient;
  }
  return DisconnectReason::kTransport;
}

engineio::SessionId ToEngine(socketio::SessionId id) { return engineio::SessionId(id.value()); }
socketio::SessionId FromEngine(engineio::SessionId id) { return socketio::SessionId(id.value()); }

}  // namespace

void SocketIoAck::operator()(json::value answer) const { Send(json::array{std::move(answer)}); }

void SocketIoAck::Send(json::array args, std::vector<std::string> attachments) const {
  if (!send_) return;
  const Function once = std::exchange(*send_, nullptr);
  if (once) once(std::move(args), std::move(attachments));
}

const json::value& SocketIoEvent::data() const {
  static const json::value kNull;
  return args.empty() ? kNull : args.front();
}

std::optional<json::object> SocketIoHandler::Authorize(const SocketId&, const ConnectInfo&) { return std::nullopt; }

struct SocketIoServer::Impl : EngineEvents, std::enable_shared_from_this<Impl> {
  // What is remembered of a session's handshake.
  struct Context {
    SocketAddress remote;
    io::Headers headers;
  };
  using AckKey = std::pair<SocketId, std::uint64_t>;
  using AckDone = std::function<void(std::optional<json::array>)>;

  Impl(io::Loop& loop, Random& random, SocketIoConfig c, SocketIoHandler& h)
      : config(std::move(c)),
        handler(h),
        core(config.server, random),
        driver(loop, core, [this] { Drain(); }),
        engine(loop, random, config.engine, OriginPolicy(config.allowed_origins), *this) {}

  void OnSessionOpen(engineio::SessionId session, const io::HttpRequest& handshake) override {
    Context& context = contexts[session.value()];
    context.remote = handshake.remote;
    for (const std::string& name : config.kept_headers) {
      if (const auto value = handshake.headers.Get(name)) context.headers.Add(name, std::string(*value));
    }
    core.HandleOpen(FromEngine(session), io::Now());
    Drain();
  }

  void OnSessionMessage(engineio::SessionId session, bool binary, std::string data) override {
    if (binary) {
      core.HandleBinary(FromEngine(session), std::move(data), io::Now());
    } else {
      core.HandleText(FromEngine(session), std::move(data), io::Now());
    }
    Drain();
  }

  void OnSessionClose(engineio::SessionId session, engineio::CloseReason reason) override {
    core.HandleClosed(FromEngine(session), ReasonOf(reason), io::Now());
    contexts.erase(session.value());
    Drain();
  }

  // Carries out the core's outputs and arms its timer. After each call into the core.
  void Drain() {
    if (draining) return;  // called from a callback: the loop below goes on after it
    draining = true;
    while (auto output = core.Poll()) {
      std::visit([this](auto& o) { Do(o); }, *output);
    }
    draining = false;
    driver.Update();
  }

  void Do(socketio::SendText& o) { engine.Send(ToEngine(o.session), false, std::move(o.data)); }
  void Do(socketio::SendBinary& o) { engine.Send(ToEngine(o.session), true, std::move(o.data)); }
  void Do(socketio::CloseSession& o) { engine.Close(ToEngine(o.session)); }

  void Do(socketio::ConnectRequested& o) {
    const auto it = contexts.find(o.session.value());
    if (it == contexts.end()) return;    // closed in the meantime
    const Context context = it->second;  // a copy: the handler may end the session
    const ConnectInfo info{o.nsp, o.auth, context.remote, context.headers};
    if (const auto error = handler.Authorize(o.socket, info)) {
      return core.Refuse(o.socket, *error, io::Now());
    }
    core.Accept(o.socket, io::Now());
    if (core.connected(o.socket)) handler.OnConnect(o.socket, info);
  }

  void Do(socketio::EventReceived& o) {
    SocketIoEvent event{std::move(o.event), std::move(o.args), std::move(o.attachments), {}};
    if (o.ack) event.ack = MakeAck(o.socket, *o.ack);
    handler.OnEvent(o.socket, std::move(event));
  }

  SocketIoAck MakeAck(const SocketId& socket, std::uint64_t id) {
    return SocketIoAck(
        [weak = weak_from_this(), socket, id](json::array args, std::vector<std::string> attachments) {
          const std::shared_ptr<Impl> self = weak.lock();
          if (!self) return;
          self->core.Acknowledge(socket, id, std::move(args), std::move(attachments));
          self->Drain();
        });
  }

  void Do(socketio::AckReceived& o) {
    auto node = acks.extract(AckKey(o.socket, o.ack));
    if (!node.empty()) node.mapped()(std::move(o.args));
  }

  void Do(socketio::Disconnected& o) { handler.OnDisconnect(o.socket, o.reason); }

  const SocketIoConfig config;
  SocketIoHandler& handler;
  socketio::Server core;
  io::Driver<socketio::Server> driver;
  EngineBinding engine;
  std::unordered_map<std::uint64_t, Context> contexts;  // by session
  std::map<AckKey, AckDone> acks;
  bool draining = false;
};

SocketIoServer::SocketIoServer(io::Loop& loop, Random& random, SocketIoConfig config, SocketIoHandler& handler)
    : impl_(std::make_shared<Impl>(loop, random, std::move(config), handler)) {}

SocketIoServer::~SocketIoServer() = default;

bool SocketIoServer::Serves(std::string_view path) const {
  const std::string_view own = impl_->config.path;
  return path == own || path == own.substr(0, own.size() - 1);
}

io::BodyPolicy SocketIoServer::PolicyFor(const io::HttpRequest& head) const { return impl_->engine.PolicyFor(head); }

void SocketIoServer::HandleRequest(io::HttpRequest request, std::shared_ptr<io::HttpResponder> responder) {
  impl_->engine.HandleRequest(request, std::move(responder));
}

void SocketIoServer::HandleUpgrade(io::HttpRequest request, std::shared_ptr<io::WebSocketAcceptor> acceptor) {
  impl_->engine.HandleUpgrade(request, std::move(acceptor));
}

void SocketIoServer::Emit(const SocketId& socket, std::string_view event, json::value data) {
  EmitArgs(socket, event, json::array{std::move(data)});
}

void SocketIoServer::EmitArgs(const SocketId& socket, std::string_view event, json::array args,
                              std::vector<std::string> attachments) {
  impl_->core.Emit(socket, event, std::move(args), std::move(attachments));
  impl_->Drain();
}

void SocketIoServer::EmitWithAck(const SocketId& socket, std::string_view event, json::value data,
                                 std::function<void(std::optional<json::array>)> done) {
  const auto ack = impl_->core.EmitWithAck(socket, event, json::array{std::move(data)}, io::Now());
  if (!ack) return done(std::nullopt);
  impl_->acks.emplace(Impl::AckKey(socket, *ack), std::move(done));
  impl_->Drain();
}

void SocketIoServer::EmitTo(std::string_view room, std::string_view event, const json::value& data,
                            const SocketId* except) {
  impl_->core.EmitTo(room, event, json::array{data}, except);
  impl_->Drain();
}

bool SocketIoServer::Join(const SocketId& socket, std::string_view room) { return impl_->core.Join(socket, room); }

void SocketIoServer::Leave(const SocketId& socket, std::string_view room) { impl_->core.Leave(socket, room); }

void SocketIoServer::Disconnect(const SocketId& socket, bool close_session) {
  impl_->core.Disconnect(socket, close_session, io::Now());
  impl_->Drain();
}

void SocketIoServer::CloseAll() { impl_->engine.CloseAll(); }

std::size_t SocketIoServer::sessions() const { return impl_->engine.sessions(); }
std::size_t SocketIoServer::sockets() const { return impl_->core.sockets(); }

}  // namespace jb::services
