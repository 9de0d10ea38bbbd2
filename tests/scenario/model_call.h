// SPDX-License-Identifier: Apache-2.0
// The estimator and the allocator alone, with a model of everything around them: a camera that sends three
// encodings of three temporal layers each, an audio track, a link of links.json, a receiver that reports arrivals.
// No SFU, no cryptography: an hour of it takes seconds. Virtual time, seeded.
#pragma once

#include <deque>
#include <memory>

#include "media/bwe/bandwidth_estimator.h"
#include "media/bwe/layer_allocator.h"
#include "media/bwe/link_budget.h"
#include "media/rtp/twcc_receiver.h"
#include "scenario/link_recording.h"
#include "scenario/link_table.h"
#include "testing/seeded_random.h"

namespace jb::scenario {

// Three encodings as mediasoup-client's demos use them, in steps of smoothness and size by turns.
media::LayerLadder CameraLadder();

class ModelCall {
 public:
  ModelCall(const LinkRow& row, std::uint64_t seed);
  LinkRecording Run();
  const media::BandwidthEstimator& estimator() const { return estimator_; }

 private:
  struct Packet {
    Time at{};
    std::size_t size = 0;
    int spatial = 0, temporal = 0;
    bool starts_frame = false, key = false;
  };
  void CaptureFrame(Time now);
  void AddFrame(int spatial, int temporal, bool key, Time now);
  void Forward(Time now);
  void SendVideo(const Packet& packet, Time now);
  void SendAudio(Time now);
  void SendPadding(Time now);
  void Receive(Time now);
  void Allocate(Time now);
  void Record(Time now);

  const LinkRow& row_;
  const Time began_{std::chrono::seconds(1000)};
  testing::SeededRandom random_;
  testing::SharedLink down_, up_;
  media::BandwidthEstimator estimator_;
  media::LinkBudget budget_;
  media::StepMemory memory_;
  media::TwccReceiver receiver_;
  media::LayerLadder ladder_;

  std::deque<Packet> captured_;  // on the way from the camera to us, by time
  int frame_ = 0;
  std::optional<media::Layers> target_, sending_;
  Time key_frame_due_ = kNever;  // of the target's encoding
  Time allocated_at_{};
  media::RateMeter sent_;
  LinkRecording recording_;
};

}  // namespace jb::scenario
