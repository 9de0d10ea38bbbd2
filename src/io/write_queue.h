// SPDX-License-Identifier: Apache-2.0
// Writes strings to a stream one after the other, and gives up on a peer that takes nothing for too long, or
// too little: a peer that reads a byte now and then would hold what waits for it as long as it likes.
// For the .cc files of jb::io only. Loop thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "io/stream.h"

namespace jb::io {

struct WriteLimits {
  Duration patience;           // without the peer taking one byte
  std::size_t least_rate = 0;  // bytes per second on average while something waits, `patience` granted; 0: any
};

class WriteQueue : public std::enable_shared_from_this<WriteQueue> {
 public:
  using Shared = std::shared_ptr<const std::string>;

  // Neither function is called inside Push(); none after Stop().
  WriteQueue(Loop& loop, std::shared_ptr<Stream> stream, const WriteLimits& limits, std::function<void()> on_drained,
             std::function<void()> on_failed);
  void Push(std::string bytes);
  // Not copied: one text may wait for many peers.
  void Push(Shared bytes);
  void Stop();
  std::size_t bytes() const { return bytes_; }

 private:
  // One of the two.
  struct Piece {
    std::string own;
    Shared shared;
    std::string_view bytes() const { return shared ? std::string_view(*shared) : std::string_view(own); }
  };

  void Add(Piece piece);
  void WriteNext();
  void StartTimer();
  void OnWritten(const ErrorCode& ec, std::size_t n);
  void Failed();

  const std::shared_ptr<Stream> stream_;
  const WriteLimits limits_;
  Timer timer_;
  std::function<void()> on_drained_, on_failed_;
  std::deque<Piece> queue_;
  std::size_t at_ = 0;     // taken of the first
  std::size_t bytes_ = 0;  // not taken of all
  bool writing_ = false;
  Time writing_since_{};
  std::size_t taken_ = 0;  // since then
};

}  // namespace jb::io
