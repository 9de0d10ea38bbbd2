// SPDX-License-Identifier: Apache-2.0
// Which producers are piped to which other workers, and why: a room that spans workers has one pipe per producer and
// worker, laid when somebody there first receives it and taken up when nobody does any more. Knows no rooms and no
// people. Control loop; borrows the pool.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "services/gateway/media_pool.h"

namespace jb::services {

class RoomPipes {
 public:
  explicit RoomPipes(MediaPool& media) : media_(media) {}

  using Done = std::function<void(const Status<>&)>;
  // `done` once that worker has been told of the producer: what is asked of it from then on finds it there. At once
  // when it lives there or is piped there already.
  void Open(const ProducerId& producer, std::size_t from, std::size_t to, Done done);
  // Paused or resumed at its origin.
  void SetPaused(const ProducerId& producer, bool paused);
  // It has ended at its origin: at the other ends it does too.
  void Close(const ProducerId& producer);
  // That worker has died. What came from there is closed with its producers.
  void ForgetDestination(std::size_t worker);
  // Takes up those for which `needed` says no.
  void Prune(const std::function<bool(const ProducerId&, std::size_t to)>& needed);
  std::size_t size() const { return pipes_.size(); }

 private:
  struct Pipe {
    sfu::PipeId id;
    std::size_t from;
    bool open = false;
    std::optional<bool> paused;  // said while it was being laid
    std::vector<Done> waiting;
  };
  using Key = std::pair<ProducerId, std::size_t>;
  using Pipes = std::map<Key, Pipe>;

  void HandleLaid(const Key& key, sfu::PipeId id, const Result<sfu::PipeDescriptionPtr>& description);
  void SetPausedAt(std::size_t worker, const ProducerId& producer, bool paused);
  // Without telling its ends.
  Pipes::iterator Forget(Pipes::iterator it);

  MediaPool& media_;
  std::uint32_t last_id_ = 0;
  Pipes pipes_;  // by producer and where it goes
};

}  // namespace jb::services
