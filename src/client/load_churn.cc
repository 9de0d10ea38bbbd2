// SPDX-License-Identifier: Apache-2.0
// What participants of a load do besides sitting there, and the search for streams that fell silent meanwhile.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "client/load_slot.h"
#include "io/clock.h"

namespace jb::client {
namespace {

using std::chrono::seconds;

// A stream that should flow and has not for so long is stuck. Longer than a pause, a round trip of signaling and a
// key frame take together, even under a sanitizer.
constexpr Duration kSilence = seconds(3);
constexpr Duration kGrace = seconds(3);  // since it began to be due

constexpr std::size_t kGoneKept = 16;  // clients that have left and may still have something to say

// Out of 100 acts.
constexpr std::uint32_t kLeaves = 15;
constexpr std::uint32_t kMutes = 25;
constexpr std::uint32_t kConsumerPauses = 25;
constexpr std::uint32_t kLayers = 25;  // the rest asks for key frames

}  // namespace

void LoadRun::Act() {
  if (phase_ != Phase::kMeasuring) return;
  const std::size_t index = acts_.Between(0, static_cast<std::uint32_t>(slots_.size() - 1));
  const std::uint32_t dice = acts_.Between(0, 99);
  const LoadClient& client = *slots_[index]->client;
  if (client.ended() || !client.ready()) {
    // Busy joining: somebody else's turn next time.
  } else if (dice < kLeaves) {
    LeaveAndRejoin(index);
  } else {
    ActOn(*slots_[index], dice - kLeaves);
  }
  // Exponential gaps: acts come in clusters as people's do.
  const double uniform = (acts_.U32() + 1.0) / 4294967297.0;
  const auto gap = static_cast<std::int64_t>(-std::log(uniform) * 1e6 / options_.churn);
  churn_timer_.StartIn(Duration(std::min<std::int64_t>(gap, 5'000'000)), [this] { Act(); });
}

void LoadRun::ActOn(Slot& slot, std::uint32_t dice) {
  LoadClient& client = *slot.client;
  if (dice < kMutes) {
    if (client.published().empty()) return;
    const std::size_t track = acts_.Between(0, static_cast<std::uint32_t>(client.published().size() - 1));
    const bool muted = !client.published()[track].paused;
    client.SetMuted(track, muted);
    ++(muted ? churn_.mutes : churn_.unmutes);
    return;
  }
  if (client.received().empty()) return;
  auto entry = client.received().begin();
  std::advance(entry, acts_.Between(0, static_cast<std::uint32_t>(client.received().size() - 1)));
  const auto& [ssrc, received] = *entry;
  if (dice < kMutes + kConsumerPauses) {
    const bool pause = !received.paused;
    client.SetConsumerPaused(rtp::Ssrc(ssrc), pause);
    ++(pause ? churn_.pauses : churn_.resumes);
  } else if (dice < kMutes + kConsumerPauses + kLayers) {
    client.SetPreferredLayers(rtp::Ssrc(ssrc), static_cast<int>(acts_.Between(0, 2)),
                              static_cast<int>(acts_.Between(0, 2)));
    ++churn_.layers;
  } else {
    client.RequestKeyFrame(rtp::Ssrc(ssrc));
    ++churn_.key_frames;
  }
}

void LoadRun::LeaveAndRejoin(std::size_t index) {
  Slot& slot = *slots_[index];
  Keep(slot);
  slot.client->Leave();
  wheel_.Cancel(static_cast<TimerWheel::Id>(index));
  // The last of its datagrams and the close of its WebSocket are still to go.
  gone_.push_back(std::move(slot.client));
  if (gone_.size() > kGoneKept) gone_.erase(gone_.begin());
  ++churn_.leaves;
  ++churn_.joins;
  StartClient(index);
  for (auto& published : slot.client->published()) published.track->SetWindow(tally_.window_from, WallTime::max());
}

template <class Fn>
void LoadRun::ForEachStuck(Time now, Fn&& fn) const {
  std::set<std::string, std::less<>> flowing;  // producers of ours that have been sending for a while
  for (const auto& slot : slots_) {
    if (!slot->client || slot->client->ended()) continue;
    for (const auto& published : slot->client->published()) {
      const bool flows = published.track->started() && !published.paused && now - published.changed_at > kGrace;
      if (flows) flowing.insert(published.producer);
    }
  }
  for (const auto& slot : slots_) {
    if (!slot->client || slot->client->ended() || slot->client->session() == nullptr) continue;
    for (const auto& [ssrc, received] : slot->client->received()) {
      const bool due = received.resumed && !received.paused && !received.producer_paused &&
                       now - received.changed_at > kGrace && flowing.contains(received.info.producer_id);
      if (!due) continue;
      const auto last = slot->client->session()->LastPacketAt(rtp::Ssrc(ssrc));
      if (!last || now - *last > kSilence) fn(received);
    }
  }
}

void LoadRun::FindStuck(Time now) {
  stuck_now_ = 0;
  ForEachStuck(now, [&](const LoadClient::Received& received) {
    ++stuck_now_;
    stuck_.insert(received.info.id);
  });
}

}  // namespace jb::client
