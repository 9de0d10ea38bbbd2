// SPDX-License-Identifier: Apache-2.0
// Repeatable sounds for tests: sines, noise, and something a voice detector takes for speech.
// For tests only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <random>
#include <span>
#include <vector>

namespace jb::media::testing {

inline std::vector<std::int16_t> Sine(int rate_hz, double hz, double seconds, double amplitude = 0.3) {
  std::vector<std::int16_t> out(static_cast<std::size_t>(rate_hz * seconds));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double phase = 2 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz;
    out[i] = static_cast<std::int16_t>(amplitude * 32767 * std::sin(phase));
  }
  return out;
}

inline std::vector<std::int16_t> Noise(int rate_hz, double seconds, double amplitude, std::uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> dist(-amplitude, amplitude);
  std::vector<std::int16_t> out(static_cast<std::size_t>(rate_hz * seconds));
  for (auto& s : out) s = static_cast<std::int16_t>(32767 * dist(random));
  return out;
}

// Glottal pulses at about 120 Hz through three moving formants, in syllables of 4 per second.
inline std::vector<std::int16_t> SpeechLike(int rate_hz, double seconds, double amplitude = 0.5) {
  const std::size_t n = static_cast<std::size_t>(rate_hz * seconds);
  std::vector<double> x(n);
  double phase = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double t = static_cast<double>(i) / rate_hz;
    phase += (120 + 15 * std::sin(2 * std::numbers::pi * 1.3 * t)) / rate_hz;
    if (phase >= 1) {
      phase -= 1;
      x[i] = 1;
    }
  }
  for (const double center : {600.0, 1400.0, 2600.0}) {
    double y1 = 0;
    double y2 = 0;
    const double r = std::exp(-std::numbers::pi * 90 / rate_hz);
    for (std::size_t i = 0; i < n; ++i) {
      const double t = static_cast<double>(i) / rate_hz;
      const double f = center * (1 + 0.2 * std::sin(2 * std::numbers::pi * 0.9 * t + center));
      const double y = x[i] * (1 - r) + 2 * r * std::cos(2 * std::numbers::pi * f / rate_hz) * y1 - r * r * y2;
      y2 = y1;
      y1 = y;
      x[i] = y;
    }
  }
  double peak = 1e-9;
  for (const double v : x) peak = std::max(peak, std::abs(v));
  std::vector<std::int16_t> out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double t = static_cast<double>(i) / rate_hz;
    const double syllable = 0.55 + 0.45 * std::sin(2 * std::numbers::pi * 4 * t - 1.5);
    out[i] = static_cast<std::int16_t>(32000 * amplitude * syllable * x[i] / peak);
  }
  return out;
}

inline double Rms(std::span<const std::int16_t> pcm) {
  double energy = 0;
  for (const std::int16_t s : pcm) energy += static_cast<double>(s) * s;
  return pcm.empty() ? 0 : std::sqrt(energy / static_cast<double>(pcm.size())) / 32768;
}

// How much of the signal is a sine of that frequency: 1 for a pure one, near 0 for another.
inline double Purity(std::span<const std::int16_t> pcm, int rate_hz, double hz) {
  double re = 0;
  double im = 0;
  double energy = 1e-9;
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    const double phase = 2 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz;
    re += pcm[i] * std::cos(phase);
    im += pcm[i] * std::sin(phase);
    energy += static_cast<double>(pcm[i]) * pcm[i];
  }
  return 2 * (re * re + im * im) / (energy * static_cast<double>(pcm.size()));
}

// Pitch by counting upward zero crossings.
inline double ZeroCrossingHz(std::span<const std::int16_t> pcm, int rate_hz) {
  std::size_t crossings = 0;
  for (std::size_t i = 1; i < pcm.size(); ++i) crossings += pcm[i - 1] < 0 && pcm[i] >= 0;
  return static_cast<double>(crossings) * rate_hz / static_cast<double>(pcm.size());
}

}  // namespace jb::media::testing
