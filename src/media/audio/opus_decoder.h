// SPDX-License-Identifier: Apache-2.0
// One Opus stream to mono PCM at any rate Opus knows, decoded directly at that rate (no resampler).
// Adapter over libopus, whose types stay in opus_decoder.cc. Packets come from strangers: a broken one
// is an error value, never a crash. No clock, no allocation after construction. Single-threaded,
// whoever drives it. RFC 6716; concealment and in-band FEC as RFC 6716 sections 4.4 and 2.1.7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace jb::media {

enum class OpusError : std::uint8_t {
  kBadPacket,       // not an Opus packet, or longer than kMaxOpusPacketBytes
  kBufferTooSmall,  // the packet holds more samples than the caller has room for
};

inline constexpr std::size_t kMaxOpusPacketBytes = 1275 * 3 + 7;  // RFC 6716 section 3.2.5, three full frames
inline constexpr int kOpusClockRate = 48000;                      // RFC 7587 section 4.1

class OpusDecoder {
 public:
  // `sample_rate_hz`: 8000, 12000, 16000, 24000 or 48000 (checked).
  explicit OpusDecoder(int sample_rate_hz);
  ~OpusDecoder();
  OpusDecoder(OpusDecoder&&) noexcept;
  OpusDecoder& operator=(OpusDecoder&&) noexcept;

  int sample_rate_hz() const { return sample_rate_hz_; }
  // Room that any packet fits in: 120 ms.
  std::size_t max_samples() const { return static_cast<std::size_t>(sample_rate_hz_) * 120 / 1000; }

  // Number of samples written. Stereo is mixed down.
  Result<std::size_t, OpusError> Decode(ByteView packet, std::span<std::int16_t> pcm);

  // Fills all of `pcm` for a packet that is lost while the packet right after it is here: uses its
  // in-band redundancy when it has some, else conceals. pcm.size() is the lost duration; what
  // exceeds a multiple of 2.5 ms is silence. Afterwards Decode(next) as usual.
  void DecodeLost(ByteView next, std::span<std::int16_t> pcm);
  // Fills all of `pcm` by concealment, with the same rule.
  void Conceal(std::span<std::int16_t> pcm);
  void Reset();

  // How much audio a packet holds, from its first bytes (RFC 6716 section 3.1); nullopt when malformed.
  static std::optional<Duration> PacketDuration(ByteView packet);

 private:
  struct Impl;
  int sample_rate_hz_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jb::media
