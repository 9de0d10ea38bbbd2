// SPDX-License-Identifier: Apache-2.0
#include "scenario/linked_call.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "proto/rtp/extensions.h"

namespace jb::scenario {
namespace {

constexpr Duration kTick = 10ms;
constexpr Duration kRecordEvery = 100ms;
constexpr Duration kReportEvery = 1s;
constexpr Duration kSoundEvery = 20ms;
constexpr std::uint32_t kProbationSsrc = 1234;

Tuple ViewerTuple(std::size_t index) {
  return UdpTuple("198.51.100." + std::to_string(10 + index), static_cast<std::uint16_t>(51'000 + index));
}

// Of what was sent, without what found the queue full.
double LossShare(const testing::SharedLink& link) {
  const auto& counters = link.netem().counters();
  return static_cast<double>(counters.lost) / static_cast<double>(std::max<std::uint64_t>(1, counters.sent));
}

double Milliseconds(Duration span) { return ToSeconds(span) * 1000; }

}  // namespace

CameraOptions LinkedCamera() {
  CameraOptions options;
  options.packets = {1, 3, 10};
  options.packet_size = 600;
  return options;
}

// --- a viewer ---

LinkedViewer::LinkedViewer(Call& call, const LinkRow& row, std::size_t index, std::uint64_t seed)
    : call_(call),
      row_(row),
      name_("viewer" + std::to_string(index)),
      seed_(seed),
      peer_(call.world, name_, sfu::TransportDirection::kRecv, ViewerTuple(index)) {
  peer_.keep_received = false;
  peer_.gives_feedback = row.feedback;
}

void LinkedViewer::Begin(const ProducerId& camera, const ProducerId& microphone, BandwidthFeedback feedback) {
  began_ = call_.world.now();
  down_ = std::make_unique<testing::SharedLink>(MakeDownlink(row_, began_, 2 * seed_));
  up_ = std::make_unique<testing::SharedLink>(row_.up, began_, 2 * seed_ + 1);
  call_.world.SetLink(peer_.local(), *up_, *down_);
  audio_ = std::make_unique<MediaReceiver>(peer_, Consume(ConsumerId(name_ + "-audio"), microphone, feedback));
  audio_->nack = false;
  video_ = std::make_unique<MediaReceiver>(peer_, Consume(ConsumerId(name_ + "-video"), camera, feedback));
  viewer_ = std::make_unique<LayeredViewer>(*video_, Vp8Simulcast());
  peer_.on_rtp = [this](const ReceivedRtp& packet) { HandleRtp(packet); };
  peer_.on_rtcp = [this](ByteView compound) {
    video_->HandleRtcp(compound);
    audio_->HandleRtcp(compound);
  };
}

json::value LinkedViewer::Consume(const ConsumerId& id, const ProducerId& producer, BandwidthFeedback feedback) {
  sfu::Worker& worker = call_.world.worker();
  auto consumed = worker.Consume(peer_.id(), id, producer, RecvCapabilities(worker, feedback), call_.world.now());
  EXPECT_TRUE(consumed.ok());
  EXPECT_TRUE(worker.ResumeConsumer(id, call_.world.now()).ok());
  return *consumed;
}

void LinkedViewer::HandleRtp(const ReceivedRtp& packet) {
  const std::uint32_t ssrc = packet.view().ssrc().value();
  video_->HandlePacket(packet);
  audio_->HandlePacket(packet);
  if (ssrc == kProbationSsrc) {
    const auto mid = packet.view().FindExtension(1);
    EXPECT_TRUE(mid && rtp::ParseStreamIdText(*mid) == "probator");
    ++probation_packets;
  } else if (ssrc != video_->ssrc && ssrc != video_->rtx_ssrc && ssrc != audio_->ssrc) {
    ++strangers;
  }
}

void LinkedViewer::HandleEvent(const sfu::ConsumerLayersChanged& event) {
  if (event.consumer != ConsumerId(name_ + "-video")) return;
  std::optional<media::Layers> now;
  if (event.spatial_layer) now = media::Layers{*event.spatial_layer, event.temporal_layer.value_or(0)};
  const bool same_size = now.has_value() == layers_.has_value() && (!now || now->spatial == layers_->spatial);
  if (!same_size) recording_.switches.push_back(call_.world.now() - began_);
  layers_ = now;
}

void LinkedViewer::Look() {
  const Time now = call_.world.now();
  video_->Poll();
  viewer_->Look(now);
  recording_.queue_ms.push_back(Milliseconds(down_->netem().queueing_delay(now)));
  if (now < report_due_) return;
  report_due_ = now + kReportEvery;
  video_->SendReceiverReport();
  audio_->SendReceiverReport();
}

void LinkedViewer::Record() {
  const Time now = call_.world.now();
  const std::size_t bytes = call_.world.bytes_to[peer_.local()];
  sent_.Add(bytes - bytes_before_, now);
  bytes_before_ = bytes;
  LinkSample sample;
  sample.at = now - began_;
  const testing::NetemProfile& profile = down_->netem().profile();
  sample.capacity_kbps = profile.down ? 0 : static_cast<double>(profile.rate_bps) / 1000;
  sample.estimate_kbps = static_cast<double>(call_.world.worker().stats().available_outgoing_bps) / 1000;
  sample.target_kbps = sample.estimate_kbps;
  sample.sent_kbps = static_cast<double>(sent_.bitrate_bps(now)) / 1000;
  sample.queue_ms = Milliseconds(down_->netem().queueing_delay(now));
  sample.spatial = layers_ ? layers_->spatial : -1;
  sample.temporal = layers_ ? layers_->temporal : -1;
  recording_.samples.push_back(sample);
}

const LinkRecording& LinkedViewer::Finish(double publisher_loss) {
  recording_.link_loss = 1 - (1 - LossShare(*down_)) * (1 - publisher_loss);
  recording_.audio_received = audio_->packets;
  return recording_;
}

// --- the call ---

LinkedCall::LinkedCall(std::vector<LinkRow> rows, std::uint64_t seed, BandwidthFeedback feedback)
    : call(seed),
      camera(call, Vp8Simulcast(), LinkedCamera()),
      rows_(std::move(rows)),
      feedback_(feedback),
      publisher_up_(rows_.front().publisher, call.world.now(), 1000 + seed),
      publisher_down_({{Duration(0), {.latency = 10ms}}}, call.world.now(), 2000 + seed),
      microphone_(call.Microphone()) {
  for (std::size_t i = 0; i < rows_.size(); ++i) viewers_.emplace_back(call, rows_[i], i, seed + i);
  for (LinkedViewer& viewer : viewers_) viewer.Connect();
  call.Connect();
  EXPECT_TRUE(call.world.RunUntil(
      [this] { return std::ranges::all_of(viewers_, [](LinkedViewer& viewer) { return viewer.peer().connected(); }); }, 5s));
  call.world.Run(100ms);
  Begin();
}

void LinkedCall::Begin() {
  began_ = picture_due_ = sound_due_ = call.world.now();
  call.world.SetLink(call.alice.local(), publisher_up_, publisher_down_);
  for (LinkedViewer& viewer : viewers_) viewer.Begin(camera.producer(), ProducerId("mic"), feedback_);
}

LinkRecording LinkedCall::Finish(std::size_t viewer) { return viewers_[viewer].Finish(LossShare(publisher_up_)); }

void LinkedCall::Run() {
  Duration longest{};
  for (const LinkRow& row : rows_) longest = std::max(longest, row.duration);
  RunFor(longest);
}

void LinkedCall::RunFor(Duration span) {
  for (const Time end = call.world.now() + span; call.world.now() < end;) {
    if (call.world.now() >= picture_due_) {
      camera.Capture();
      picture_due_ += LayeredCamera::kInterval;
    }
    if (call.world.now() >= sound_due_) {
      microphone_.SendOpus();
      for (LinkedViewer& viewer : viewers_) viewer.HandleAudioSent();
      sound_due_ += kSoundEvery;
    }
    call.world.Run(kTick);
    HandleEvents();
    const bool records = (call.world.now() - began_) % kRecordEvery == Duration(0);
    for (LinkedViewer& viewer : viewers_) {
      viewer.Look();
      if (records) viewer.Record();
    }
  }
}

void LinkedCall::HandleEvents() {
  for (; events_seen_ < call.world.events.size(); ++events_seen_) {
    const auto* changed = std::get_if<sfu::ConsumerLayersChanged>(&call.world.events[events_seen_]);
    if (!changed) continue;
    for (LinkedViewer& viewer : viewers_) viewer.HandleEvent(*changed);
  }
}

}  // namespace jb::scenario
