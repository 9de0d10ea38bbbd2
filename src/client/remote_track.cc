// SPDX-License-Identifier: Apache-2.0
#include "client/remote_track.h"

#include <algorithm>
#include <utility>

#include "media/audio/level.h"

namespace jb::client {
namespace {

// A voice that is this far from where its timestamps say was not sent without a break.
constexpr std::int64_t kMaxDrift = Recorder::kSampleRate * 3 / 10;  // samples: 300 ms

std::int64_t ToSamples(Duration d) { return d.count() * Recorder::kSampleRate / 1'000'000; }

}  // namespace

RemoteTrack::RemoteTrack(ConsumerInfo info, Time began, Recorder* recorder)
    : info_(std::move(info)),
      began_(began),
      recorder_(recorder),
      receiver_(info_.ssrc, info_.clock_rate),
      pcm_(decoder_.max_samples()) {}

void RemoteTrack::HandlePacket(const rtp::PacketView& packet, Time now) {
  receiver_.HandlePacket(packet.sequence_number(), packet.timestamp(), packet.payload().size(), now);
  if (!info_.audio || packet.payload_type().value() != info_.payload_type) return;
  jitter_.Insert(packet.sequence_number().value(), packet.timestamp().value(), packet.payload(), now);
  Play(now);
}

void RemoteTrack::HandleTimeout(Time now) {
  if (!info_.audio) return;
  Play(now);
  if (const auto event = speech_.HandleTimeout(now)) events_.push_back(*event);
}

void RemoteTrack::Play(Time now) {
  using Kind = media::JitterBuffer::Kind;
  while (const auto frame = jitter_.Pop(now)) {
    if (frame->restarted) {
      decoder_.Reset();
      anchor_position_.reset();
    }
    if (frame->kind == Kind::kSilence) continue;
    if (frame->kind == Kind::kLost) {
      const auto wanted = static_cast<std::size_t>(ToSamples(frame->duration));
      const std::span<std::int16_t> pcm(pcm_.data(), std::min(wanted, pcm_.size()));
      frame->payload.empty() ? decoder_.Conceal(pcm) : decoder_.DecodeLost(frame->payload, pcm);
      Hear(pcm, frame->timestamp, now);
      continue;
    }
    const auto decoded = decoder_.Decode(frame->payload, pcm_);
    if (decoded.ok()) Hear({pcm_.data(), *decoded}, frame->timestamp, now);
  }
}

void RemoteTrack::Hear(std::span<const std::int16_t> pcm, std::uint32_t timestamp, Time now) {
  const std::int64_t arrived = ToSamples(now - began_);
  const auto since_anchor = static_cast<std::int32_t>(timestamp - anchor_timestamp_);
  std::int64_t position = anchor_position_.value_or(0) + since_anchor;
  if (!anchor_position_ || position > arrived + kMaxDrift || position < arrived - kMaxDrift) {
    position = arrived;
    anchor_position_ = arrived;
    anchor_timestamp_ = timestamp;
  }
  if (recorder_ != nullptr) recorder_->Mix(position, pcm);
  const auto duration =
      std::chrono::microseconds(static_cast<std::int64_t>(pcm.size()) * 1'000'000 / Recorder::kSampleRate);
  const auto event = speech_.HandleFrame(media::AudioLevel(pcm), now, duration);
  if (event) events_.push_back(*event);
}

}  // namespace jb::client
