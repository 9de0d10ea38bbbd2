// SPDX-License-Identifier: Apache-2.0
// What socketio::Server keeps per session and per socket. Internal to server.cc and server_emit.cc.
#pragma once

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proto/socketio/server.h"

namespace jb::socketio {

// Hands out messages_per_second with a burst, in time that is given to it.
class Pace {
 public:
  Pace(double per_second, double burst, Time now) : per_second_(per_second), burst_(burst), tokens_(burst), at_(now) {}

  bool Take(Time now) {
    tokens_ = std::min(burst_, tokens_ + ToSeconds(now - at_) * per_second_);
    at_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  // When the next Take() succeeds, after one that failed.
  Time Next() const {
    const double wait_s = (1 - tokens_) / per_second_;
    return at_ + std::chrono::ceil<Duration>(std::chrono::duration<double>(wait_s));
  }

 private:
  double per_second_;
  double burst_;
  double tokens_;
  Time at_;
};

struct Server::Socket {
  SocketId id;
  Session* session = nullptr;
  std::string nsp;
  std::uint64_t serial = 0;  // order of arrival; the key in rooms
  bool accepted = false;
  std::set<std::string, std::less<>> rooms;
  std::map<std::uint64_t, Time> pending_acks;  // id to deadline; ids and deadlines both ascend
  std::uint64_t next_ack = 0;
};

struct Server::Session {
  struct Message {
    bool binary = false;
    std::string data;
  };

  Session(SessionId session_id, const ServerConfig& config, Time now)
      : id(session_id),
        decoder(config.packet),
        pace(config.messages_per_second, config.message_burst, now),
        connect_deadline(now + config.connect_timeout) {}

  // One per packet: the text message counts, its attachments do not.
  bool MayConsume(Time now) {
    if (deferred.front().binary || pace.Take(now)) return true;
    resume_at = pace.Next();
    return false;
  }

  SessionId id;
  Decoder decoder;
  Pace pace;
  Time connect_deadline;    // kNever once a namespace was joined
  Time resume_at = kNever;  // when the pace lets the next deferred message through
  Time scheduled = kNever;  // its place in the server's deadlines
  std::vector<Socket*> sockets;
  Socket* connecting = nullptr;  // waits for Accept or Refuse; later messages wait with it
  bool ending = false;           // CloseSession was put out
  std::list<Message> deferred;   // a list: an idle session must not pay for a deque's first block
  std::size_t deferred_bytes = 0;
};

}  // namespace jb::socketio
