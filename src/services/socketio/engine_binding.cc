// SPDX-License-Identifier: Apache-2.0
#include "services/socketio/engine_binding.h"

#include <utility>
#include <variant>

#include "io/clock.h"

namespace jb::services {
namespace {

constexpr std::string_view kText = "text/plain; charset=UTF-8";
constexpr std::string_view kJson = "application/json";
constexpr int kForbiddenCode = 4;  // of the protocol's reference server
constexpr std::string_view kRetryAfter_s = "3";
// The io layer's own limit on a WebSocket's queue, above which it cuts hard. Ours comes first and closes
// in order; this much more may come in one message.
constexpr std::size_t kLargestMessage = 2 * 1024 * 1024;

engineio::Query QueryOf(const io::HttpRequest& request) {
  const auto sid = request.query.Get("sid");
  return {.eio = request.query["EIO"],
          .transport = request.query["transport"],
          .sid = sid.value_or(std::string_view()),
          .has_sid = sid.has_value(),
          .base64 = request.query.Get("b64").has_value()};
}

io::HttpResponse MakeResponse(int status, bool is_json, std::string body, io::Headers headers) {
  io::HttpResponse response{status, std::string(is_json ? kJson : kText), std::move(headers), std::move(body)};
  response.headers.Set("Cache-Control", "no-store");
  response.headers.Set("X-Content-Type-Options", "nosniff");
  if (status == 429 || status == 503) response.headers.Set("Retry-After", std::string(kRetryAfter_s));
  return response;
}

io::HttpResponse MakeRefusal(const engineio::Refusal& refusal) {
  return MakeResponse(refusal.status, true, refusal.Body(), {});
}

const engineio::Refusal kForbidden{403, kForbiddenCode, "Origin not allowed"};

}  // namespace

EngineBinding::EngineBinding(io::Loop& loop, Random& random, const engineio::ServerConfig& config, OriginPolicy origins,
                             EngineEvents& events)
    : loop_(loop),
      core_(config, random),
      driver_(loop, core_, [this] { Drain(); }),
      origins_(std::move(origins)),
      events_(events),
      self_(std::make_shared<EngineBinding*>(this)) {}

EngineBinding::~EngineBinding() { *self_ = nullptr; }

io::BodyPolicy EngineBinding::PolicyFor(const io::HttpRequest& head) const {
  // Posts are read here, so that the core sees when a second one starts before the first has ended.
  return {.max_bytes = core_.config().max_payload, .stream = head.method == "POST"};
}

void EngineBinding::HandleRequest(const io::HttpRequest& request, std::shared_ptr<io::HttpResponder> responder) {
  if (draining_) {  // a pipelined one, freed by the answer just sent: its turn is the next
    return loop_.Post([self = self_, request, responder] {
      if (*self) (*self)->HandleRequest(request, responder);
    });
  }
  if (!origins_.Allows(request.headers)) return responder->Send(MakeRefusal(kForbidden));
  if (request.method == "OPTIONS") return Preflight(request, *responder);
  const engineio::RequestId id(next_id_++);
  io::Headers cors;
  origins_.Grant(request.headers, cors);
  requests_.emplace(id, PendingRequest{responder, std::move(cors)});
  responder->set_on_closed([self = self_, id] {
    if (!*self || (*self)->requests_.erase(id) == 0) return;
    (*self)->core_.HandleRequestClosed(id, io::Now());
    (*self)->Drain();
  });
  handshake_ = &request;
  if (request.method == "POST") {
    StartPost(id, request, responder);
  } else {
    const auto method = request.method == "GET" ? engineio::Method::kGet : engineio::Method::kOther;
    core_.HandleRequest(id, method, QueryOf(request), request.remote, io::Now());
  }
  Drain();
  handshake_ = nullptr;
}

void EngineBinding::Preflight(const io::HttpRequest& request, io::HttpResponder& responder) const {
  io::HttpResponse response{204, "", {}, ""};
  origins_.Grant(request.headers, response.headers);
  response.headers.Set("Access-Control-Allow-Methods", "GET, POST");
  response.headers.Set("Access-Control-Allow-Headers", "Content-Type");
  response.headers.Set("Access-Control-Max-Age", "600");
  responder.Send(std::move(response));
}

void EngineBinding::StartPost(engineio::RequestId id, const io::HttpRequest& request,
                              const std::shared_ptr<io::HttpResponder>& responder) {
  if (!core_.BeginPost(id, QueryOf(request), io::Now())) return;
  auto body = std::make_shared<std::string>();
  responder->ReadBody([body](ByteView data) { body->append(AsText(data)); },
                      [self = self_, id, body](Status<> status) {
                        if (!*self) return;
                        EngineBinding& binding = **self;
                        if (status.ok()) {
                          binding.core_.FinishPost(id, *body, io::Now());
                        } else if (binding.requests_.erase(id) > 0) {
                          binding.core_.HandleRequestClosed(id, io::Now());
                        }
                        binding.Drain();
                      });
}

void EngineBinding::HandleUpgrade(const io::HttpRequest& request, std::shared_ptr<io::WebSocketAcceptor> acceptor) {
  if (draining_) {  // as above
    return loop_.Post([self = self_, request, acceptor] {
      if (*self) (*self)->HandleUpgrade(request, acceptor);
    });
  }
  if (!origins_.Allows(request.headers)) return acceptor->Reject(MakeRefusal(kForbidden));
  const engineio::WebSocketId id(next_id_++);
  const auto refusal = core_.HandleUpgrade(id, QueryOf(request), request.remote, io::Now());
  if (refusal) {
    acceptor->Reject(MakeRefusal(*refusal));
  } else {
    const engineio::ServerConfig& config = core_.config();
    Attach(id, acceptor->Accept({.max_message = config.max_payload,
                                 .max_queued_bytes = config.max_burst_bytes + kLargestMessage,
                                 .idle_timeout = Duration::zero()}));  // the heartbeat is Engine.IO's
  }
  handshake_ = &request;
  Drain();
  handshake_ = nullptr;
}

void EngineBinding::Attach(engineio::WebSocketId id, const std::shared_ptr<io::WebSocket>& socket) {
  sockets_.emplace(id, socket);
  socket->set_on_text([self = self_, id](std::string_view text) {
    if (!*self) return;
    (*self)->core_.HandleText(id, text, io::Now());
    (*self)->Drain();
  });
  socket->set_on_binary([self = self_, id](ByteView data) {
    if (!*self) return;
    (*self)->core_.HandleBinary(id, AsText(data), io::Now());
    (*self)->Drain();
  });
  socket->set_on_close([self = self_, id](std::uint16_t, std::string_view) {
    if (!*self) return;
    (*self)->sockets_.erase(id);
    (*self)->core_.HandleWebSocketClosed(id, io::Now());
    (*self)->Drain();
  });
}

void EngineBinding::Send(engineio::SessionId session, bool binary, std::string data) {
  core_.Send(session, binary, std::move(data), io::Now());
  Drain();
}

void EngineBinding::Close(engineio::SessionId session) {
  core_.Close(session, io::Now());
  Drain();
}

void EngineBinding::CloseAll() {
  core_.CloseAll(io::Now());
  Drain();
}

void EngineBinding::Drain() {
  if (draining_) return;  // called from an event: the loop below goes on after it
  draining_ = true;
  while (auto output = core_.Poll()) {
    std::visit([this](auto& o) { Do(o); }, *output);
  }
  draining_ = false;
  driver_.Update();
}

void EngineBinding::Do(engineio::HttpReply& reply) {
  auto node = requests_.extract(reply.request);
  if (node.empty()) return;  // the peer is gone
  PendingRequest& pending = node.mapped();
  pending.responder->Send(MakeResponse(reply.status, reply.is_json, std::move(reply.body), std::move(pending.cors)));
}

void EngineBinding::Do(engineio::WebSocketSend& send) {
  const auto it = sockets_.find(send.socket);
  if (it == sockets_.end()) return;
  const std::shared_ptr<io::WebSocket> socket = it->second;
  if (!core_.MaySend(send.socket, socket->queued_bytes(), io::Now())) return;
  if (send.binary) {
    socket->SendBinary(Bytes(send.data.begin(), send.data.end()));
  } else {
    socket->SendText(std::move(send.data));
  }
}

void EngineBinding::Do(engineio::WebSocketClose& close) {
  auto node = sockets_.extract(close.socket);
  if (!node.empty()) node.mapped()->Close(close.code);
}

void EngineBinding::Do(engineio::SessionOpened& opened) {
  JB_CHECK(handshake_);
  events_.OnSessionOpen(opened.session, *handshake_);
}

void EngineBinding::Do(engineio::SessionMessage& message) {
  events_.OnSessionMessage(message.session, message.binary, std::move(message.data));
}

void EngineBinding::Do(engineio::SessionClosed& closed) { events_.OnSessionClose(closed.session, closed.reason); }

}  // namespace jb::services
