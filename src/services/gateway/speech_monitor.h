// SPDX-License-Identifier: Apache-2.0
// Watches the three speech services: is each there, how fast does it answer, what can it do. Polls
// /health; a service that was replaced between two polls counts as having been away. Control loop.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/metrics.h"
#include "base/strong.h"
#include "interpreter/types.h"
#include "io/http_client.h"
#include "io/loop.h"
#include "services/gateway/speech_clients.h"

namespace jb::services {

struct SpeechServiceStatus {
  bool up = false;
  std::string backend;
  double latency_ms = 0;
  std::string instance;  // changes when the service was started anew
  // Why it can never come up as configured: its key and what is wrong. Empty for one that is merely away.
  std::string mistake;
};

class SpeechMonitor {
 public:
  struct Callbacks {
    std::function<void(interpreter::Service, bool up)> on_health;
    std::function<void(const interpreter::Availability&)> on_availability;
  };
  SpeechMonitor(io::Loop& loop, const SpeechUrls& urls, Metrics& metrics, Callbacks callbacks);

  const SpeechServiceStatus& status(interpreter::Service service) const;
  const interpreter::Availability& availability() const { return availability_; }
  // {"stt":[…],"translation":[{"from","to"}],"tts":[…]}: what can be spoken, read and heard now.
  json::object Languages() const;
  // The tag as the services name it: itself, or its primary subtag when only that is known.
  Language Canonical(const Language& language) const;
  // Whether any service has heard of it, and whether anybody's words can be read or heard in it. Both are
  // true for all until the services concerned have said what they can do: a start takes them a second.
  bool Knows(const Language& language) const;
  bool CanHear(const Language& language) const;

 private:
  struct Watched {
    interpreter::Service service;
    std::string url;
    SpeechServiceStatus status;
    Time asked;
    int answers = 0;  // in a row, since it was last away
    bool was_up = false;
    bool able = false;  // has said what it can do, now or earlier
  };
  bool Able(interpreter::Service service) const { return watched_[static_cast<std::size_t>(service)].able; }
  // Whether some service's list has it.
  bool Named(const Language& language) const;
  void Poll(Watched& watched);
  void HandleHealth(Watched& watched, const Result<io::HttpResponse>& response);
  void SetUp(Watched& watched, bool up);
  void NoteUnreachable(Watched& watched, const Error& error);
  void ReadAbilities(interpreter::Service service, const json::value& health);
  void PollLater(Watched& watched);

  io::HttpClient http_;
  Callbacks callbacks_;
  std::array<Watched, interpreter::kServices> watched_;
  std::array<std::unique_ptr<io::Timer>, interpreter::kServices> timers_;
  std::vector<Gauge> up_;
  interpreter::Availability availability_;
};

}  // namespace jb::services
