// SPDX-License-Identifier: Apache-2.0
#include "sfu/speaker_group.h"

#include <algorithm>

#include "sfu/producer.h"

namespace jb::sfu {

SpeakerGroup::SpeakerGroup(Context& context, RoomCode room, Time now)
    : Timed(context.deadlines), context_(context), room_(std::move(room)), detector_(now) {
  SetDeadline(detector_.NextDeadline());
}

void SpeakerGroup::Add(Producer& producer, Time now) {
  const media::AudioSourceId id = next_id_++;
  if (!ids_.emplace(&producer, id).second) return;
  names_.emplace(id, producer.id());
  detector_.Add(id, now);
}

void SpeakerGroup::Remove(Producer& producer) {
  const auto found = ids_.find(&producer);
  if (found == ids_.end()) return;
  detector_.Remove(found->second);
  names_.erase(found->second);
  ids_.erase(found);
  Announce();
}

void SpeakerGroup::HandleLevel(const Producer& producer, std::int8_t level_dbov, bool voice, Time now) {
  const auto found = ids_.find(&producer);
  if (found == ids_.end()) return;
  const int level = std::clamp(-static_cast<int>(level_dbov), 0, 127);
  detector_.HandleLevel(found->second, static_cast<std::uint8_t>(level), voice, now);
}

void SpeakerGroup::HandleDeadline(Time now) {
  if (detector_.HandleTimeout(now)) Announce();
  SetDeadline(detector_.NextDeadline());
}

void SpeakerGroup::Announce() {
  std::optional<ProducerId> speaker;
  if (const auto dominant = detector_.dominant()) {
    const auto found = names_.find(*dominant);
    if (found != names_.end()) speaker = found->second;
  }
  if (speaker == announced_) return;
  announced_ = speaker;
  context_.output.HandleEvent(ActiveSpeaker{room_, std::move(speaker)});
}

}  // namespace jb::sfu
