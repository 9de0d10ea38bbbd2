// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/speech_clients_queue.h"

#include <algorithm>
#include <charconv>

#include "io/clock.h"

namespace jb::services {
namespace {

using std::chrono::milliseconds;

constexpr int kTooManyRequests = 429;
// Retry-After counts whole seconds; a place is free again after one sentence.
constexpr Duration kLeastPause = milliseconds(20), kMostPause = milliseconds(250);
// What is begun with less than this left would be answered too late.
constexpr Duration kLeastLeft = milliseconds(50);

Duration PauseAfter(const io::HttpResponse& response) {
  const std::string_view text = response.headers["Retry-After"];
  int seconds = 1;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::clamp<Duration>(std::chrono::seconds(std::clamp(seconds, 0, 1)), kLeastPause, kMostPause);
}

bool IsLate(const RequestQueue::Request& request, Time now) { return now + kLeastLeft >= request.begin_by; }

}  // namespace

std::uint64_t RequestQueue::Send(Request request) {
  const std::uint64_t id = ++last_id_;
  if (waiting_.size() >= kMostWaiting) request.begin_by = io::Now();  // answered "busy" on the next turn
  waiting_.emplace(id, std::move(request));
  Pump();
  return id;
}

void RequestQueue::Cancel(std::uint64_t id) {
  waiting_.erase(id);
  if (const auto node = in_flight_.extract(id); !node.empty()) http_.Cancel(node.mapped().http);
  Pump();
}

void RequestQueue::Pump() {
  const Time now = io::Now();
  for (auto it = waiting_.begin(); it != waiting_.end() && in_flight_.size() < most_ && now >= not_before_;) {
    if (IsLate(it->second, now)) {
      ++it;
      continue;
    }
    auto node = waiting_.extract(it++);
    Begin(node.key(), std::move(node.mapped()));
  }
  if (const auto next = NextDeadline()) timer_.StartAt(*next, [this] { HandleTimer(); });
  else timer_.Cancel();
}

void RequestQueue::Begin(std::uint64_t id, Request request) {
  InFlight& flight = in_flight_[id];
  flight.request = std::move(request);
  io::HttpClientRequest http = flight.request.http;  // a copy: it may have to be sent again
  http.timeout = flight.request.end_by - io::Now();
  flight.http = http_.Send(std::move(http), flight.request.on_chunk, [this, id](Result<io::HttpResponse> response) {
    HandleAnswer(id, std::move(response));
  });
}

void RequestQueue::HandleAnswer(std::uint64_t id, Result<io::HttpResponse> response) {
  auto node = in_flight_.extract(id);
  if (node.empty()) return;
  if (response.ok() && response->status == kTooManyRequests) {
    return HandleRefusal(id, std::move(node.mapped()), *response);
  }
  not_before_ = {};  // a place came free
  if (response.ok()) most_ = std::min(most_ + 1, at_once_);
  Pump();
  node.mapped().request.done(std::move(response));
}

void RequestQueue::HandleRefusal(std::uint64_t id, InFlight refused, const io::HttpResponse& response) {
  most_ = std::clamp<std::size_t>(in_flight_.size(), 1, at_once_);
  not_before_ = io::Now() + PauseAfter(response);
  waiting_.emplace(id, std::move(refused.request));
  Pump();
}

// One at a time: `done` may cancel the next, or send another, which waits for the next turn.
void RequestQueue::HandleTimer() {
  const Time now = io::Now();
  const std::uint64_t last = last_id_;
  while (true) {
    const auto late = std::find_if(waiting_.begin(), waiting_.upper_bound(last),
                                   [&](const auto& w) { return IsLate(w.second, now); });
    if (late == waiting_.upper_bound(last)) break;
    const auto node = waiting_.extract(late);
    node.mapped().done(Fail("busy", "the service has too much to do"));
  }
  Pump();
}

std::optional<Time> RequestQueue::NextDeadline() const {
  if (waiting_.empty()) return std::nullopt;
  Time next = kNever;
  for (const auto& [id, request] : waiting_) next = std::min(next, request.begin_by - kLeastLeft);
  const bool has_place = in_flight_.size() < most_;
  return has_place ? std::min(next, not_before_) : next;
}

}  // namespace jb::services
