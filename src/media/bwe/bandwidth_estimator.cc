// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/bandwidth_estimator.h"

#include <algorithm>

namespace jb::media {
namespace {

constexpr double kInUse = 0.5;  // of the estimate arrives: it is confirmed by use

std::uint64_t Times(std::uint64_t bps, double factor) {
  return static_cast<std::uint64_t>(static_cast<double>(bps) * factor);
}

}  // namespace

BandwidthEstimator::BandwidthEstimator(FeedbackKind kind, std::uint16_t first_sequence)
    : kind_(kind), history_(first_sequence) {}

std::uint16_t BandwidthEstimator::HandleSent(std::size_t bytes, Time now) {
  const ProbeClusterId cluster = probes_.active_cluster();
  probe_results_.HandleSent(cluster);
  probes_.HandleSent(bytes);
  probes_.Start(now);
  last_sent_at_ = now;
  if (silence_step_at_ == kNever) silence_step_at_ = now + kSilence;
  return history_.Add(bytes, cluster, now);
}

void BandwidthEstimator::HandleFeedback(const rtcp::TransportFeedback& feedback, Time now) {
  if (kind_ != FeedbackKind::kTransportWide) return;
  const FeedbackResult result = adapter_.Handle(feedback, history_, now);
  // Only feedback on something that we sent is a sign of life.
  if (result.received.empty() && result.lost == 0) return;
  heard_ = true;
  silence_step_at_ = kNever;
  delay_.HandleFeedback(result, now);
  if (delay_.draining()) {
    loss_.SkipInterval();  // what a full queue lost has been acted on
  } else {
    loss_.HandleFeedback(result, delay_.acknowledged_bps(), delay_.bitrate_bps(), now);
  }
  HandleProbeResults(result, now);
  if (delay_.usage() == BandwidthUsage::kOverusing) probes_.HandleOveruse(now);
  met_limit_ |= delay_.usage() == BandwidthUsage::kOverusing || loss_.bound_bps().has_value();
  if (delay_.queueing_delay() > ProbeController::kMaxQueue) probes_.HandleBusy(now);
  NoteUse(now);
  UpdateProbes(now);
}

void BandwidthEstimator::HandleProbeResults(const FeedbackResult& feedback, Time now) {
  for (const PacketResult& packet : feedback.received) probe_results_.HandleArrived(packet);
  while (const auto measured = probe_results_.Poll()) {
    // Only ever upwards: what lowers the estimate is a queue or loss, a probe may just have been unlucky.
    if (delay_.draining() || delay_.usage() == BandwidthUsage::kOverusing) continue;
    if (measured->saturated) {
      probes_.HandleSaturated(measured->cluster, measured->bitrate_bps, now);
      continue;
    }
    if (measured->bitrate_bps > estimate_bps()) {
      delay_.Raise(measured->bitrate_bps, now);
      loss_.Raise(measured->bitrate_bps);
      confirmed_at_ = now;
    }
    UpdateProbes(now);
    probes_.HandleSuccess(measured->cluster, now);
  }
}

void BandwidthEstimator::NoteUse(Time now) {
  const auto arrives = delay_.acknowledged_bps();
  if (confirmed_at_ == Time::min() || (arrives && *arrives >= Times(delay_.bitrate_bps(), kInUse))) confirmed_at_ = now;
  if (now - confirmed_at_ < kStale) return;
  delay_.Lower(std::max(kStartBitrateBps, Times(arrives.value_or(0), 1 / kInUse)));
  confirmed_at_ = now;
}

void BandwidthEstimator::HandleRemb(std::uint64_t bitrate_bps, Time now) {
  if (kind_ != FeedbackKind::kRemb) return;
  heard_ = true;
  silence_step_at_ = kNever;
  remb_ = std::max(bitrate_bps, kMinBitrateBps);
  UpdateProbes(now);
}

void BandwidthEstimator::SetUsefulBitrate(std::uint64_t bps, Time now) {
  useful_ = bps;
  UpdateProbes(now);
}

std::optional<Time> BandwidthEstimator::NextDeadline() const {
  Time next = std::min(silence_step_at_, probes_.NextDeadline().value_or(kNever));
  if (next == kNever) return std::nullopt;
  return next;
}

void BandwidthEstimator::HandleTimeout(Time now) {
  if (silence_step_at_ <= now) HandleSilence(now);
  probes_.HandleTimeout(now);
}

void BandwidthEstimator::HandleSilence(Time now) {
  if (now - last_sent_at_ > kSilence) {  // we are the ones who are silent
    silence_step_at_ = kNever;
    return;
  }
  met_limit_ = true;
  delay_.Lower(Times(delay_.bitrate_bps(), kSilenceFactor));
  if (remb_) remb_ = std::max(kMinBitrateBps, Times(*remb_, kSilenceFactor));
  probes_.HandleOveruse(now);
  silence_step_at_ = now + kSilenceStep;
  UpdateProbes(now);
}

std::size_t BandwidthEstimator::PollPadding(Time now) {
  const std::size_t due = probes_.PaddingDue(now);
  if (due == 0 && probes_.active_cluster() != 0) probes_.HandleTimeout(now);
  return due;
}

std::uint64_t BandwidthEstimator::estimate_bps() const {
  if (kind_ == FeedbackKind::kRemb) return remb_.value_or(delay_.bitrate_bps());
  return std::min(delay_.bitrate_bps(), loss_.bound_bps().value_or(delay_.bitrate_bps()));
}

std::uint64_t BandwidthEstimator::target_bps() const {
  if (!heard_) return std::max(kMinBitrateBps, Times(estimate_bps(), kUnproven));
  return kind_ == FeedbackKind::kRemb ? estimate_bps() : std::min(estimate_bps(), delay_.target_bps());
}

}  // namespace jb::media
