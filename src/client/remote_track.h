// SPDX-License-Identifier: Apache-2.0
// One consumer's stream as it arrives: reception statistics, and for audio the sound itself, put in
// order, decoded, timed and recorded. Core: no clock, single-threaded. Borrows the Recorder, if any.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "client/consumer_info.h"
#include "client/recorder.h"
#include "client/speech_meter.h"
#include "media/audio/jitter_buffer.h"
#include "media/audio/opus_decoder.h"
#include "media/rtp/stream_receiver.h"
#include "proto/rtp/packet.h"

namespace jb::client {

class RemoteTrack {
 public:
  // `began`: the recording's position 0. `recorder` may be null.
  RemoteTrack(ConsumerInfo info, Time began, Recorder* recorder);

  const ConsumerInfo& info() const { return info_; }
  media::StreamReceiver& receiver() { return receiver_; }
  const media::StreamReceiver& receiver() const { return receiver_; }

  void HandlePacket(const rtp::PacketView& packet, Time now);
  // Call about every 20 ms.
  void HandleTimeout(Time now);

  // Talk spurts heard since the last call, in order of time.
  std::vector<SpeechEvent> TakeSpeechEvents() { return std::exchange(events_, {}); }

 private:
  void Play(Time now);
  void Hear(std::span<const std::int16_t> pcm, std::uint32_t timestamp, Time now);

  const ConsumerInfo info_;
  const Time began_;
  Recorder* const recorder_;
  media::StreamReceiver receiver_;
  media::JitterBuffer jitter_;
  media::OpusDecoder decoder_{Recorder::kSampleRate};
  std::vector<std::int16_t> pcm_;
  // Where on the recording a timestamp lies; set anew when the stream pauses or drifts.
  std::optional<std::int64_t> anchor_position_;
  std::uint32_t anchor_timestamp_ = 0;
  SpeechMeter speech_;
  std::vector<SpeechEvent> events_;
};

}  // namespace jb::client
