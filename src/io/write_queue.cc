// SPDX-License-Identifier: Apache-2.0
#include "io/write_queue.h"

#include <algorithm>

namespace jb::io {
namespace {

constexpr std::size_t kMergeBelow = 16 * 1024;  // bytes; one TLS record

}  // namespace

WriteQueue::WriteQueue(Loop& loop, std::shared_ptr<Stream> stream, const WriteLimits& limits,
                       std::function<void()> on_drained, std::function<void()> on_failed)
    : stream_(std::move(stream)),
      limits_(limits),
      timer_(loop),
      on_drained_(std::move(on_drained)),
      on_failed_(std::move(on_failed)) {}

void WriteQueue::Push(std::string bytes) {
  if (bytes.empty()) return;
  const bool mergeable = queue_.size() > (writing_ ? 1u : 0u) && !queue_.back().shared &&
                         queue_.back().own.size() + bytes.size() <= kMergeBelow;
  if (!mergeable) return Add({std::move(bytes), nullptr});
  bytes_ += bytes.size();
  queue_.back().own += bytes;
}

void WriteQueue::Push(Shared bytes) {
  if (bytes && !bytes->empty()) Add({"", std::move(bytes)});
}

void WriteQueue::Add(Piece piece) {
  bytes_ += piece.bytes().size();
  queue_.push_back(std::move(piece));
  if (!writing_) WriteNext();
}

void WriteQueue::Stop() {
  on_drained_ = nullptr;
  on_failed_ = nullptr;
  timer_.Cancel();
}

void WriteQueue::WriteNext() {
  if (!writing_) {
    writing_since_ = Now();
    taken_ = 0;
    StartTimer();
  }
  writing_ = true;
  const std::string_view front = queue_.front().bytes();
  stream_->WriteSome(asio::buffer(front.data() + at_, front.size() - at_),
                     [self = shared_from_this()](const ErrorCode& ec, std::size_t n) { self->OnWritten(ec, n); });
}

void WriteQueue::StartTimer() {
  Time until = Now() + limits_.patience;
  if (limits_.least_rate > 0) {
    const std::chrono::duration<double> earned(static_cast<double>(taken_) / static_cast<double>(limits_.least_rate));
    until = std::min(until, writing_since_ + limits_.patience + std::chrono::duration_cast<Duration>(earned));
  }
  timer_.StartAt(until, [this] { Failed(); });
}

void WriteQueue::OnWritten(const ErrorCode& ec, std::size_t n) {
  if (ec) return Failed();
  taken_ += n;
  at_ += n;
  bytes_ -= n;
  if (at_ == queue_.front().bytes().size()) {
    queue_.pop_front();
    at_ = 0;
  }
  writing_ = !queue_.empty();
  if (writing_) {
    StartTimer();  // it took something
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
