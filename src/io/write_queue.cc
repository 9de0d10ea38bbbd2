// SPDX-License-Identifier: Apache-2.0
#include "io/write_queue.h"

namespace jb::io {
namespace {

constexpr std::size_t kMergeBelow = 16 * 1024;  // bytes; one TLS record

}  // namespace

WriteQueue::WriteQueue(Loop& loop, std::shared_ptr<Stream> stream, Duration timeout, std::function<void()> on_drained,
                       std::function<void()> on_failed)
    : stream_(std::move(stream)),
      time_limit_(timeout),
      timer_(loop),
      on_drained_(std::move(on_drained)),
      on_failed_(std::move(on_failed)) {}

void WriteQueue::Push(std::string bytes) {
  if (bytes.empty()) return;
  bytes_ += bytes.size();
  const bool mergeable = queue_.size() > (writing_ ? 1u : 0u) && queue_.back().size() + bytes.size() <= kMergeBelow;
  if (mergeable) {
    queue_.back() += bytes;
  } else {
    queue_.push_back(std::move(bytes));
  }
  if (!writing_) WriteNext();
}

void WriteQueue::Stop() {
  on_drained_ = nullptr;
  on_failed_ = nullptr;
  timer_.Cancel();
}

void WriteQueue::WriteNext() {
  if (!writing_) timer_.StartIn(time_limit_, [this] { Failed(); });
  writing_ = true;
  const std::string& front = queue_.front();
  stream_->WriteSome(asio::buffer(front.data() + at_, front.size() - at_),
                     [self = shared_from_this()](const ErrorCode& ec, std::size_t n) { self->OnWritten(ec, n); });
}

void WriteQueue::OnWritten(const ErrorCode& ec, std::size_t n) {
  if (ec) return Failed();
  at_ += n;
  bytes_ -= n;
  if (at_ == queue_.front().size()) {
    queue_.pop_front();
    at_ = 0;
  }
  writing_ = !queue_.empty();
  if (writing_) {
    timer_.StartIn(time_limit_, [this] { Failed(); });  // it took something
    return WriteNext();
  }
  timer_.Cancel();
  if (const auto fn = on_drained_) fn();
}

void WriteQueue::Failed() {
  const auto fn = on_failed_;
  Stop();
  stream_->Close();
  if (fn) fn();
}

}  // namespace jb::io
