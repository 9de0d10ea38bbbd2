// SPDX-License-Identifier: Apache-2.0
#include "scenario/model_call.h"

#include <algorithm>
#include <array>

namespace jb::scenario {
namespace {

using std::chrono::milliseconds;

constexpr std::array<double, 3> kEncodingBps = {150'000, 500'000, 1'500'000};
constexpr std::array<int, 4> kTemporalPattern = {0, 2, 1, 2};     // L1T3
constexpr std::array<double, 3> kTemporalShare = {0.4, 0.2, 0.4};  // of an encoding's bitrate
constexpr std::array<double, 3> kFramesOfFour = {1, 1, 2};
constexpr int kFramesPerSecond = 30;
constexpr double kKeyFrameSize = 4;      // times an average frame
constexpr double kSizeNoise = 0.2;       // of a frame's size, either way
constexpr std::size_t kPacketSize = 1150;
constexpr double kPacerFactor = 2.5;     // a browser sends a frame at this times its bitrate
constexpr Duration kKeyFrameDelay = milliseconds(90);  // asked, answered, encoded
constexpr std::size_t kAudioSize = 100;
constexpr Duration kAudioInterval = milliseconds(20);
constexpr Duration kTick = milliseconds(1);
constexpr Duration kAllocateEvery = milliseconds(100);

// Packets start with a kind, so that the receiver can count.
enum Kind : std::uint8_t { kAudio, kTracked };

}  // namespace

media::LayerLadder CameraLadder() {
  media::LayerLadder ladder;
  for (std::uint8_t spatial = 0; spatial < 3; ++spatial) {
    double share = 0;
    for (std::uint8_t temporal = 0; temporal < 3; ++temporal) {
      share += kTemporalShare[temporal];
      ladder.Add({{spatial, temporal}, static_cast<std::uint64_t>(share * kEncodingBps[spatial])});
    }
  }
  return ladder;
}

ModelCall::ModelCall(const LinkRow& row, std::uint64_t seed)
    : row_(row),
      random_(seed),
      down_(MakeDownlink(row, began_, 2 * seed)),
      up_(row.up, began_, 2 * seed + 1),
      estimator_(media::FeedbackKind::kTransportWide, static_cast<std::uint16_t>(random_.U32())),
      ladder_(CameraLadder()) {}

LinkRecording ModelCall::Run() {
  const Time end = began_ + row_.duration;
  for (Time now = began_; now < end; now += kTick) {
    const Duration since = now - began_;
    if (since.count() * kFramesPerSecond / 1'000'000 >= frame_) CaptureFrame(now);
    if (since % kAudioInterval == Duration(0)) SendAudio(now);
    Forward(now);
    Receive(now);
    if (const auto due = estimator_.NextDeadline(); due && *due <= now) estimator_.HandleTimeout(now);
    SendPadding(now);
    if (now - allocated_at_ >= kAllocateEvery) Allocate(now);
    if (since % milliseconds(10) == Duration(0)) {
      recording_.queue_ms.push_back(ToSeconds(down_.netem().queueing_delay(now)) * 1000);
    }
    if (since % milliseconds(100) == Duration(0)) Record(now);
  }
  const auto& counters = down_.netem().counters();
  recording_.link_loss = static_cast<double>(counters.lost) / static_cast<double>(std::max<std::uint64_t>(1, counters.sent));
  return recording_;
}

void ModelCall::CaptureFrame(Time now) {
  const int temporal = kTemporalPattern[static_cast<std::size_t>(frame_) % kTemporalPattern.size()];
  ++frame_;
  const bool key = target_ && now >= key_frame_due_;
  if (key) key_frame_due_ = kNever;
  for (int spatial = 0; spatial < 3; ++spatial) {
    const bool is_target = target_ && target_->spatial == spatial;
    AddFrame(spatial, key && is_target ? 0 : temporal, key && is_target, now);
  }
}

void ModelCall::AddFrame(int spatial, int temporal, bool key, Time now) {
  const auto s = static_cast<std::size_t>(spatial);
  const auto t = static_cast<std::size_t>(temporal);
  double bytes = kEncodingBps[s] * kTemporalShare[t] / kFramesOfFour[t] * 4 / kFramesPerSecond / 8;
  if (key) bytes = kKeyFrameSize * kEncodingBps[s] / kFramesPerSecond / 8;
  bytes *= 1 + kSizeNoise * (static_cast<double>(random_.U32()) / 2147483648.0 - 1);
  auto left = static_cast<std::size_t>(bytes);
  Time at = now;
  for (bool first = true; left > 0; first = false) {
    const std::size_t size = std::min(left, kPacketSize);
    const double loss = row_.publisher.front().profile.loss;
    const bool lost = static_cast<double>(random_.U32()) < loss * 4294967296.0;  // of the publisher's link
    if (!lost || first) captured_.push_back({at, size + 50, spatial, temporal, first, key});
    left -= size;
    at += Duration(static_cast<std::int64_t>(static_cast<double>(size) * 8 / (kPacerFactor * kEncodingBps[s]) * 1e6));
  }
}

void ModelCall::Forward(Time now) {
  for (auto it = captured_.begin(); it != captured_.end();) {
    if (it->at > now) {
      ++it;
      continue;
    }
    SendVideo(*it, now);
    it = captured_.erase(it);
  }
}

// As a consumer does it: another encoding begins with its key frame, temporal layers come and go at once.
void ModelCall::SendVideo(const Packet& packet, Time now) {
  if (!target_) {
    if (sending_) recording_.switches.push_back(now - began_);
    sending_.reset();
    return;
  }
  const auto spatial = static_cast<std::uint8_t>(packet.spatial);
  if (packet.key && packet.starts_frame && spatial == target_->spatial) {
    recording_.switches.push_back(now - began_);
    sending_ = target_;
  }
  if (!sending_ || sending_->spatial != spatial) return;
  if (packet.starts_frame && sending_->spatial == target_->spatial) sending_ = target_;
  // On the way to a smaller picture nothing is sent that is not needed.
  const int limit = target_->spatial < sending_->spatial ? 0 : sending_->temporal;
  if (packet.temporal > limit) return;
  Bytes bytes(packet.size);
  bytes[0] = kTracked;
  StoreU16(bytes.data() + 1, estimator_.HandleSent(packet.size, now));
  budget_.HandleVideoSent(packet.size, now);
  sent_.Add(packet.size, now);
  down_.Send({}, bytes, now);
}

void ModelCall::SendAudio(Time now) {
  Bytes bytes(kAudioSize);
  bytes[0] = kAudio;
  ++recording_.audio_sent;
  estimator_.HandleUntrackedSent(bytes.size());
  budget_.HandleAudioSent(bytes.size(), now);
  sent_.Add(bytes.size(), now);
  down_.Send({}, bytes, now);
}

void ModelCall::SendPadding(Time now) {
  while (const std::size_t size = estimator_.PollPadding(now)) {
    Bytes bytes(size);
    bytes[0] = kTracked;
    StoreU16(bytes.data() + 1, estimator_.HandleSent(size, now));
    sent_.Add(size, now);
    down_.Send({}, bytes, now);
  }
}

void ModelCall::Receive(Time now) {
  while (const auto datagram = down_.Poll(now)) {
    if (datagram->bytes[0] == kAudio) {
      ++recording_.audio_received;
    } else {
      receiver_.HandlePacket(LoadU16(datagram->bytes.data() + 1), now);
    }
  }
  std::array<std::uint8_t, rtcp::TransportFeedbackBuilder::kMaxSize> buffer;
  while (const std::size_t size = receiver_.PollFeedback(buffer, rtp::Ssrc(1), rtp::Ssrc(2), now)) {
    if (row_.feedback) up_.Send({}, ByteView(buffer).first(size), now);
  }
  while (const auto datagram = up_.Poll(now)) {
    rtcp::Compound::Parse(datagram->bytes).value().ForEach([&](const rtcp::RawPacket& packet) {
      estimator_.HandleFeedback(rtcp::TransportFeedback::Parse(packet).value(), now);
      Allocate(now);
    });
  }
}

void ModelCall::Allocate(Time now) {
  allocated_at_ = now;
  std::array<media::LayerDemand, 1> demands{{{&ladder_, 1, &memory_}}};
  estimator_.SetUsefulBitrate(budget_.Whole(media::LayerAllocator::UsefulBitrate(demands), now), now);
  const std::uint64_t lasting =
      budget_.LastingForVideo(estimator_, media::LayerAllocator::SmallestBitrate(demands), now);
  media::LayerAllocator::Allocate(demands, lasting, now);
  media::LayerAllocator::Remember(demands, lasting, now);
  media::LayerAllocator::Thin(demands, budget_.CurrentForVideo(estimator_, now));
  const std::size_t step = demands[0].step;
  std::optional<media::Layers> layers;
  if (step < ladder_.size()) layers = ladder_[step].layers;
  if (layers == target_) return;
  const bool other_picture = layers && (!sending_ || sending_->spatial != layers->spatial);
  if (other_picture && (!target_ || target_->spatial != layers->spatial)) key_frame_due_ = now + kKeyFrameDelay;
  if (!other_picture) key_frame_due_ = kNever;
  target_ = layers;
}

void ModelCall::Record(Time now) {
  LinkSample sample;
  sample.at = now - began_;
  sample.capacity_kbps = static_cast<double>(down_.netem().profile().rate_bps) / 1000;
  if (down_.netem().profile().down) sample.capacity_kbps = 0;
  sample.estimate_kbps = static_cast<double>(estimator_.estimate_bps()) / 1000;
  sample.target_kbps = static_cast<double>(estimator_.target_bps()) / 1000;
  sample.sent_kbps = static_cast<double>(sent_.bitrate_bps(now)) / 1000;
  sample.queue_ms = ToSeconds(down_.netem().queueing_delay(now)) * 1000;
  sample.spatial = sending_ ? sending_->spatial : -1;
  sample.temporal = sending_ ? sending_->temporal : -1;
  recording_.samples.push_back(sample);
}

}  // namespace jb::scenario
