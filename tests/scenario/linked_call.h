// SPDX-License-Identifier: Apache-2.0
// A whole call over links of links.json: a layered camera and a microphone, through the real SFU with its ICE, DTLS
// and SRTP, to viewers who each sit behind a link of their own that changes. Virtual time, seeded.
#pragma once

#include <deque>
#include <memory>

#include "media/bwe/rate_meter.h"
#include "scenario/layered_viewer.h"
#include "scenario/link_recording.h"

namespace jb::scenario {

// 150, 470 and 1550 kbit/s in three encodings of three temporal layers each.
CameraOptions LinkedCamera();

// One who watches and listens at the far end of a row's link.
class LinkedViewer {
 public:
  LinkedViewer(Call& call, const LinkRow& row, std::size_t index, std::uint64_t seed);
  LinkedViewer(const LinkedViewer&) = delete;
  LinkedViewer& operator=(const LinkedViewer&) = delete;

  void Connect() { peer_.Connect(); }
  // The row begins: its link, and what comes over it.
  void Begin(const ProducerId& camera, const ProducerId& microphone, BandwidthFeedback feedback);
  // Every 10 ms, and every 100 ms with the rest.
  void Look();
  void Record();
  void HandleAudioSent() { ++recording_.audio_sent; }
  void HandleEvent(const sfu::ConsumerLayersChanged& event);
  // `publisher_loss`: share of what was sent to the SFU that never got there.
  const LinkRecording& Finish(double publisher_loss);

  TestPeer& peer() { return peer_; }
  const LinkRow& row() const { return row_; }
  MediaReceiver& video() { return *video_; }
  const LayeredViewer& viewer() const { return *viewer_; }
  std::size_t probation_packets = 0;
  std::size_t strangers = 0;  // packets of no stream that it knows of

 private:
  json::value Consume(const ConsumerId& id, const ProducerId& producer, BandwidthFeedback feedback);
  void HandleRtp(const ReceivedRtp& packet);

  Call& call_;
  const LinkRow& row_;
  const std::string name_;
  const std::uint64_t seed_;
  TestPeer peer_;
  Time began_{};
  std::unique_ptr<testing::SharedLink> up_, down_;
  std::unique_ptr<MediaReceiver> video_, audio_;
  std::unique_ptr<LayeredViewer> viewer_;
  Time report_due_{};
  std::optional<media::Layers> layers_;  // as last told of
  media::RateMeter sent_;
  std::size_t bytes_before_ = 0;
  LinkRecording recording_;
};

class LinkedCall {
 public:
  // The publisher's link is the first row's.
  LinkedCall(std::vector<LinkRow> rows, std::uint64_t seed, BandwidthFeedback feedback = BandwidthFeedback::kTransportWide);
  LinkedCall(const LinkRow& row, std::uint64_t seed, BandwidthFeedback feedback = BandwidthFeedback::kTransportWide)
      : LinkedCall(std::vector<LinkRow>{row}, seed, feedback) {}

  // The rows' whole time, or the next part of it.
  void Run();
  void RunFor(Duration span);
  LinkRecording Finish(std::size_t viewer = 0);
  LinkedViewer& viewer(std::size_t index = 0) { return viewers_[index]; }
  // What all links are believed to carry, together.
  std::uint64_t estimate_bps() { return call.world.worker().stats().available_outgoing_bps; }

  Call call;
  LayeredCamera camera;

 private:
  void Begin();
  void HandleEvents();

  const std::vector<LinkRow> rows_;
  const BandwidthFeedback feedback_;
  testing::SharedLink publisher_up_, publisher_down_;
  MediaSender& microphone_;
  std::deque<LinkedViewer> viewers_;
  Time began_{}, picture_due_{}, sound_due_{};
  std::size_t events_seen_ = 0;
};

}  // namespace jb::scenario
