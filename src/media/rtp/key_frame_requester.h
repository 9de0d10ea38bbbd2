// SPDX-License-Identifier: Apache-2.0
// Merges the key frame requests of all receivers of one incoming video stream: one outstanding, one
// retry, and never more than one request per second, so that receivers cannot make a sender burn
// its bandwidth. Sans-IO, single-threaded; the owner sends the PLI.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace jb::media {

struct KeyFrameRequesterOptions {
  Duration retry_after = std::chrono::milliseconds(1000);  // no key frame by then: ask once more
  Duration min_gap = std::chrono::milliseconds(1000);      // between two PLIs on the wire
};

class KeyFrameRequester {
 public:
  explicit KeyFrameRequester(KeyFrameRequesterOptions options = {}) : options_(options) {}

  // Somebody needs a key frame. True: send a PLI now. False: one is under way, or HandleTimeout
  // will say when.
  bool Request(Time now);
  // A key frame has begun to arrive.
  void HandleKeyFrame();
  std::optional<Time> NextDeadline() const { return deadline_; }
  // True: send a PLI now.
  bool HandleTimeout(Time now);
  std::uint64_t sent() const { return sent_; }

 private:
  enum class State : std::uint8_t {
    kIdle,
    kDelayed,      // wanted, waiting for min_gap
    kOutstanding,  // sent, waiting for the key frame
    kRetried,      // sent twice; gives up at the deadline
  };
  bool Send(Time now, State next);

  KeyFrameRequesterOptions options_;
  State state_ = State::kIdle;
  std::optional<Time> last_sent_;
  std::optional<Time> deadline_;
  std::uint64_t sent_ = 0;
};

}  // namespace jb::media
