// SPDX-License-Identifier: Apache-2.0
#include "speech/pocketsphinx/session_worker.h"

#include <algorithm>

namespace jb::speech {
namespace {

// The worker looks for a flush or an end between pieces this long: 100 ms.
constexpr std::size_t kPiece = kRecognizerRateHz / 10;

}  // namespace

void SessionWorker::Push(std::span<const std::int16_t> pcm) {
  if (pcm.empty()) return;
  std::lock_guard lock(mutex_);
  backlog_ += pcm.size();
  if (!items_.empty() && std::holds_alternative<Audio>(items_.back()) &&
      std::get<Audio>(items_.back()).size() < kPiece) {
    Audio& last = std::get<Audio>(items_.back());
    last.insert(last.end(), pcm.begin(), pcm.end());
  } else {
    items_.emplace_back(Audio(pcm.begin(), pcm.end()));
  }
  if (backlog_ > kMostBacklog) DropOldest();
  added_.notify_one();
}

// Makes room for a second more, leaving one mark for all that is lost in a row.
void SessionWorker::DropOldest() {
  std::size_t lost = 0;
  auto at = items_.begin();
  while (at != items_.end() && backlog_ + kRecognizerRateHz > kMostBacklog) {
    if (Audio* audio = std::get_if<Audio>(&*at)) {
      lost += audio->size();
      backlog_ -= audio->size();
      at = items_.erase(at);
    } else if (SkipMark* skip = std::get_if<SkipMark>(&*at)) {
      lost += skip->samples;
      dropped_.fetch_sub(skip->samples, std::memory_order_relaxed);
      at = items_.erase(at);
    } else {
      ++at;
    }
  }
  dropped_.fetch_add(lost, std::memory_order_relaxed);
  items_.emplace_front(SkipMark{lost});
}

void SessionWorker::Add(Item item) {
  std::lock_guard lock(mutex_);
  items_.push_back(std::move(item));
  added_.notify_one();
}

std::size_t SessionWorker::backlog() const {
  std::lock_guard lock(mutex_);
  return backlog_;
}

void SessionWorker::Flush() { Add(FlushMark{++flushes_}); }
void SessionWorker::Finish() { Add(FinishMark{}); }

void SessionWorker::Abandon() {
  abandoned_ = true;
  std::lock_guard lock(mutex_);
  added_.notify_one();
}

bool SessionWorker::WaitForWork(std::unique_lock<std::mutex>& lock) {
  added_.wait(lock, [this] { return !items_.empty() || abandoned(); });
  return !abandoned();
}

bool SessionWorker::Run(DecoderPool& pool, const ClauseStream::Sink& sink) {
  std::unique_ptr<SphinxDecoder> decoder = pool.Take();
  if (!decoder) return false;
  {
    ClauseStream stream(*decoder, sink, endpointer_);
    std::unique_lock lock(mutex_);
    for (bool more = true; more;) {
      if (items_.empty()) {
        lock.unlock();
        stream.Idle();
        lock.lock();
      }
      if (!WaitForWork(lock)) break;
      Item item = std::move(items_.front());
      items_.pop_front();
      if (const Audio* audio = std::get_if<Audio>(&item)) backlog_ -= audio->size();
      lock.unlock();
      if (const Audio* audio = std::get_if<Audio>(&item)) {
        stream.Push(*audio);
      } else if (const FlushMark* flush = std::get_if<FlushMark>(&item)) {
        stream.Flush(flush->number);
      } else if (const SkipMark* skip = std::get_if<SkipMark>(&item)) {
        stream.Skip(skip->samples);
      } else {
        stream.Finish();
        more = false;
      }
      lock.lock();
    }
  }
  pool.Give(std::move(decoder));
  return true;
}

}  // namespace jb::speech
