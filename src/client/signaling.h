// SPDX-License-Identifier: Apache-2.0
// The client's side of the gateway's Socket.IO protocol: requests with their answers, and events. Over one
// WebSocket; no reconnection. Loop thread. Borrows the loop; callbacks run on it and may call anything of
// this object except its destructor.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "io/loop.h"
#include "io/websocket.h"
#include "proto/socketio/client.h"

namespace jb::client {

class Signaling {
 public:
  struct Handlers {
    std::function<void()> on_connected;
    std::function<void(std::string_view name, const json::value& data)> on_event;
    // Comes once, however it ends; also when it never connected. Not after Disconnect().
    std::function<void(const Error& reason)> on_ended;
  };
  using Answer = std::function<void(Result<json::value>)>;

  // `url`: http, https, ws or wss, of the gateway.
  Signaling(io::Loop& loop, std::string url, bool accept_any_certificate, Handlers handlers);
  ~Signaling();
  Signaling(const Signaling&) = delete;
  Signaling& operator=(const Signaling&) = delete;

  void Connect();
  // `done` gets the ack's data, or its error; "no_answer" when none came.
  void Request(std::string_view event, json::object data, Answer done);
  void Disconnect();

 private:
  void HandleOpened(Result<std::shared_ptr<io::WebSocket>> opened);
  void Drain();
  void HandleAck(const socketio::Client::Ack& ack);
  void End(Error reason);

  io::Loop& loop_;
  const std::string url_;
  const bool accept_any_certificate_;
  const Handlers handlers_;
  std::shared_ptr<io::WebSocket> socket_;
  std::unique_ptr<socketio::Client> client_;
  std::unique_ptr<io::Driver<socketio::Client>> driver_;
  std::map<std::uint64_t, Answer> waiting_;
  bool over_ = false;
  bool draining_ = false;
  // False once this is destroyed: the connector may answer later.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace jb::client
