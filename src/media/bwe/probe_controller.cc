// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/probe_controller.h"

#include <algorithm>
#include <utility>

namespace jb::media {
namespace {

std::uint64_t Times(std::uint64_t bps, double factor) {
  return static_cast<std::uint64_t>(static_cast<double>(bps) * factor);
}

}  // namespace

void ProbeController::SetBitrates(std::uint64_t estimate_bps, std::uint64_t useful_bps, Time now) {
  estimate_ = estimate_bps;
  useful_ = useful_bps;
  if (!wants_more()) {
    next_at_ = kNever;
  } else if (started_ && next_at_ == kNever && !active_) {
    const bool recent = last_began_ != Time::min() && now - last_began_ < kInterval;
    next_at_ = recent ? last_began_ + kInterval : now;
  }
}

void ProbeController::Start(Time now) {
  if (started_) return;
  started_ = true;
  if (wants_more()) next_at_ = now;
}

void ProbeController::HandleOveruse(Time now) {
  active_.reset();
  confirm_bps_ = 0;
  not_before_ = now + kAfterOveruse;
  if (wants_more()) next_at_ = not_before_;
}

void ProbeController::HandleSuccess(ProbeClusterId cluster, Time now) {
  if (cluster != last_.id || active_) return;
  confirms_ = 0;
  if (wants_more()) next_at_ = std::max(now, last_began_ + kMinInterval);
}

void ProbeController::HandleSaturated(ProbeClusterId cluster, std::uint64_t measured_bps, Time now) {
  if (cluster != last_.id || active_ || ++confirms_ > kMaxConfirms) return;
  const std::uint64_t bitrate = Times(measured_bps, kConfirm);
  if (bitrate <= estimate_ + estimate_ / kWorthwhile) return;
  confirm_bps_ = bitrate;
  next_at_ = std::max(now, last_began_ + kMinInterval);
}

void ProbeController::HandleSent(std::size_t bytes) {
  if (!active_) return;
  active_->bytes += bytes;
  ++active_->packets;
}

std::size_t ProbeController::PacketSize() const {
  return std::clamp(active_->cluster.min_bytes / kMinPackets, kMinPacketSize, kMaxPacketSize);
}

// When the cluster's rate has room for the next packet.
Time ProbeController::NextPaddingAt() const {
  const std::uint64_t us = active_->bytes * 8 * 1'000'000 / std::max<std::uint64_t>(1, active_->cluster.bitrate_bps);
  return active_->began + Duration(static_cast<std::int64_t>(us));
}

std::size_t ProbeController::PaddingDue(Time now) const {
  if (!active_ || active_->is_full() || NextPaddingAt() > now) return 0;
  return PacketSize();
}

std::optional<Time> ProbeController::NextDeadline() const {
  if (active_) return NextPaddingAt();
  const Time at = std::max(next_at_, not_before_);
  if (at == kNever) return std::nullopt;
  return at;
}

void ProbeController::Begin(Time now) {
  if (confirm_bps_ == 0) confirms_ = 0;
  const std::uint64_t upwards = Times(estimate_, clusters_ == 0 ? kFirstStep : kStep);
  const std::uint64_t confirm = std::exchange(confirm_bps_, 0);
  const std::uint64_t bitrate = std::min(confirm > 0 ? confirm : upwards, useful_);
  if (++last_id_ == 0) ++last_id_;
  const Duration time = confirm > 0 ? kConfirmTime : kClusterTime;
  const std::size_t bytes = bitrate * static_cast<std::uint64_t>(time.count()) / 8 / 1'000'000;
  active_ = Active{{last_id_, bitrate, std::max(bytes, kMinPackets * kMinPacketSize)}, now};
  ++clusters_;
  last_began_ = now;
  next_at_ = kNever;
}

std::optional<ProbeCluster> ProbeController::HandleTimeout(Time now) {
  std::optional<ProbeCluster> ended;
  if (active_ && active_->is_full()) {
    ended = last_ = active_->cluster;
    active_.reset();
    next_at_ = wants_more() ? last_began_ + kInterval : kNever;
  }
  if (started_ && !active_ && wants_more() && next_at_ <= now && not_before_ <= now) Begin(now);
  return ended;
}

}  // namespace jb::media
