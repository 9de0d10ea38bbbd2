// SPDX-License-Identifier: Apache-2.0
// Inside of Loop, for the .cc files of jb::io only.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "io/loop.h"

namespace jb::io {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

struct Loop::Impl {
  // Concurrency hint 1: one thread runs it, others post.
  explicit Impl(std::string loop_name) : name(std::move(loop_name)), context(1), work(context.get_executor()) {}

  const std::string name;
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  std::shared_ptr<void> signals;  // the signal set, once OnSignal was called
};

inline asio::io_context& ContextOf(Loop& loop) { return loop.impl().context; }

}  // namespace jb::io
