// SPDX-License-Identifier: Apache-2.0
// The requests of one client to one speech service: at most so many at once, the rest wait for their turn,
// oldest first. A service that answers 429 is alive and has enough to do: what it refused is asked again
// shortly, until its deadline, and fewer are sent at once until answers come. Loop thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "base/time.h"
#include "io/http_client.h"
#include "io/loop.h"

namespace jb::services {

class RequestQueue {
 public:
  struct Request {
    io::HttpClientRequest http;  // its timeout is set from `end_by`
    Time begin_by;               // later than this it is not sent any more
    Time end_by;
    io::HttpClient::OnChunk on_chunk;  // may be empty
    io::HttpClient::Done done;
  };

  RequestQueue(io::Loop& loop, std::size_t at_once) : at_once_(at_once), most_(at_once), http_(loop), timer_(loop) {}

  // `done` runs once, never inside Send, and may call anything here but the destructor. Errors: "busy" when
  // its turn did not come in time or too many wait, else as HttpClient's.
  std::uint64_t Send(Request request);
  // Neither callback runs afterwards. Unknown ids are ignored.
  void Cancel(std::uint64_t id);

  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct InFlight {
    Request request;
    io::HttpClient::RequestId http = 0;
  };
  void Pump();
  void Begin(std::uint64_t id, Request request);
  void HandleAnswer(std::uint64_t id, Result<io::HttpResponse> response);
  void HandleRefusal(std::uint64_t id, InFlight refused, const io::HttpResponse& response);
  void HandleTimer();
  std::optional<Time> NextDeadline() const;

  static constexpr std::size_t kMostWaiting = 512;

  const std::size_t at_once_;
  std::size_t most_;                           // at once, as far as the service is known to take
  Time not_before_{};                          // a refusal's pause
  std::map<std::uint64_t, Request> waiting_;   // by age; what was refused is as old as before
  std::map<std::uint64_t, InFlight> in_flight_;
  std::uint64_t last_id_ = 0;
  io::HttpClient http_;
  io::Timer timer_;
};

}  // namespace jb::services
