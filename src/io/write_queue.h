// SPDX-License-Identifier: Apache-2.0
// Writes strings to a stream one after the other, and gives up on a peer that takes nothing for too long.
// For the .cc files of jb::io only. Loop thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "io/stream.h"

namespace jb::io {

class WriteQueue : public std::enable_shared_from_this<WriteQueue> {
 public:
  // Neither function is called inside Push(); none after Stop().
  WriteQueue(Loop& loop, std::shared_ptr<Stream> stream, Duration timeout, std::function<void()> on_drained,
             std::function<void()> on_failed);
  void Push(std::string bytes);
  void Stop();
  std::size_t bytes() const { return bytes_; }

 private:
  void WriteNext();
  void OnWritten(const ErrorCode& ec, std::size_t n);
  void Failed();

  const std::shared_ptr<Stream> stream_;
  const Duration time_limit_;
  Timer timer_;
  std::function<void()> on_drained_, on_failed_;
  std::deque<std::string> queue_;
  std::size_t at_ = 0;     // taken of the first
  std::size_t bytes_ = 0;  // not taken of all
  bool writing_ = false;
};

}  // namespace jb::io
