// SPDX-License-Identifier: Apache-2.0
// The dominant speaker among the audio producers of one room. Sans-IO, single-threaded; owned by the worker.
#pragma once

#include <map>
#include <optional>

#include "media/rtp/active_speaker_detector.h"
#include "sfu/context.h"

namespace jb::sfu {

class Producer;

class SpeakerGroup : public Timed {
 public:
  SpeakerGroup(Context& context, RoomCode room, Time now);
  ~SpeakerGroup() override = default;

  void Add(Producer& producer, Time now);
  void Remove(Producer& producer);
  bool empty() const { return ids_.empty(); }
  const RoomCode& room() const { return room_; }
  void HandleLevel(const Producer& producer, std::int8_t level_dbov, bool voice, Time now);

 private:
  void HandleDeadline(Time now) override;
  void Announce();

  Context& context_;
  RoomCode room_;
  media::ActiveSpeakerDetector detector_;
  std::map<const Producer*, media::AudioSourceId> ids_;
  std::map<media::AudioSourceId, ProducerId> names_;
  media::AudioSourceId next_id_ = 1;
  std::optional<ProducerId> announced_;
};

}  // namespace jb::sfu
