// SPDX-License-Identifier: Apache-2.0
// A microphone made of recorded sound: each 20 ms one RTP packet of Opus with the client's mid and the
// loudness (RFC 6464), DTX off. After the recording comes silence, as from an open microphone.
// Core: no clock; the owner asks once per 20 ms. Single-threaded.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/random.h"
#include "base/time.h"
#include "media/audio/opus_encoder.h"
#include "proto/rtp/header_layout.h"
#include "proto/rtp/types.h"

namespace jb::client {

inline constexpr Duration kAudioFrame = std::chrono::milliseconds(20);
// Room for the largest packet of a track and what SRTP adds.
inline constexpr std::size_t kPacketBuffer = 1500;

class AudioTrack {
 public:
  // `pcm`: 48 kHz mono; shared, since many participants may play one recording.
  AudioTrack(std::shared_ptr<const std::vector<std::int16_t>> pcm, bool loop, std::string cname, Random& random);

  // For `produce`, as a browser writes it.
  json::object RtpParameters() const;
  rtp::Ssrc ssrc() const { return ssrc_; }

  struct Packet {
    std::size_t size = 0;
    std::size_t payload_size = 0;
    rtp::Timestamp timestamp;
    std::uint8_t level = 127;  // RFC 6464 magnitude
  };
  // The next 20 ms. `buffer` has kPacketBuffer bytes.
  Packet Next(ByteSpan buffer);
  // The recording was played to its end (never when it loops).
  bool finished() const { return !loop_ && at_ >= pcm_->size(); }

 private:
  void TakeFrame(std::array<std::int16_t, media::kOpusFrameSamples>& frame);

  const std::shared_ptr<const std::vector<std::int16_t>> pcm_;
  const bool loop_;
  const std::string cname_;
  const rtp::Ssrc ssrc_;
  rtp::SeqNum seq_;
  rtp::Timestamp timestamp_;
  bool first_ = true;
  std::size_t at_ = 0;
  media::OpusEncoder encoder_;
  rtp::HeaderLayout layout_;
};

}  // namespace jb::client
