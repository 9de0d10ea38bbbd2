// SPDX-License-Identifier: Apache-2.0
// The speech services of `serve`: child processes of this very program on loopback, started again when they
// die, gone when we are. A service whose url is configured runs elsewhere and is left out. Control loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "io/http_client.h"
#include "io/loop.h"
#include "io/supervisor.h"

namespace jb::app {

class SpeechChildren {
 public:
  // "address_in_use" when a port is taken: the message names key and address.
  static Result<std::unique_ptr<SpeechChildren>> Start(io::Loop& loop, const Config& config);
  ~SpeechChildren();

  // Once: when every child answers /readyz, or at `limit`, with the names of those that do not.
  void WhenReady(Duration limit, std::function<void(const std::vector<std::string>& late)> fn);
  // SIGTERM, SIGKILL after 2 s; then `done`.
  void Stop(std::function<void()> done);

  std::size_t size() const { return children_.size(); }

 private:
  struct Child {
    std::string name;
    std::string url;
    std::unique_ptr<io::Supervisor> supervisor;
    bool ready = false;
  };

  explicit SpeechChildren(io::Loop& loop);
  void Probe();
  void CheckReady();
  std::vector<std::string> Late() const;

  io::Loop& loop_;
  io::HttpClient client_;
  io::Timer poll_, limit_;
  std::vector<std::unique_ptr<Child>> children_;
  std::function<void(const std::vector<std::string>&)> on_ready_;
  std::size_t stopping_ = 0;
};

// The command line of the child for `role`.
std::vector<std::string> ChildArguments(const Config& config, const std::string& program, const std::string& role);

}  // namespace jb::app
