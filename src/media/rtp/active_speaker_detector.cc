// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/active_speaker_detector.h"

#include <algorithm>
#include <cmath>

namespace jb::media {
namespace {

constexpr Duration kFrame = std::chrono::milliseconds(20);      // one level per Opus packet of the usual length
constexpr Duration kLevelIdle = std::chrono::milliseconds(40);  // no level for that long is silence
constexpr std::uint8_t kMaxLevel = 127;

// Volfin and Cohen, section 3: a level is cut into N1 sub-bands, of which those below the speaker's
// level are active; N2 levels make a medium, N3 mediums a long. Numbers as other conferencing
// servers have tuned them.
constexpr int kN1 = 13;
constexpr int kN2 = 5;
constexpr int kN3 = 10;
constexpr int kSubBand = (kMaxLevel + kN1 - 1) / kN1;  // 10 dB
constexpr int kMediumThreshold = 7;                    // active sub-bands that make a level active
constexpr int kLongThreshold = 4;                      // active levels that make a medium active
constexpr double kImmediateLambda = 0.78;
constexpr double kMediumLambda = 24;
constexpr double kLongLambda = 47;
constexpr double kMinScore = 1e-10;

// Section 4: a challenger takes the floor when log(challenger / dominant) exceeds all three.
constexpr double kImmediateMargin = 3;
constexpr double kMediumMargin = 2;
constexpr double kLongMargin = 0;

constexpr int kFloorLevels = 15 * 1000 / 20;  // the noise floor is revised every 15 s

double Binomial(int n, int k) {
  double result = 1;
  for (int i = 1; i <= k; ++i) result = result * (n - k + i) / i;
  return result;
}

// Section 3.2: the log-likelihood ratio of speech against silence when `active` of `n` parts are
// active; each is active with probability one half during speech, and silence has an exponential
// law with `lambda`.
double Score(int active, int n, double lambda) {
  const double score = std::log(Binomial(n, active)) + n * std::log(0.5) - std::log(lambda) + lambda * active;
  return std::max(score, kMinScore);
}

double Margin(double challenger, double dominant) { return std::log(challenger / dominant); }

}  // namespace

ActiveSpeakerDetector::ActiveSpeakerDetector(Time now, Duration interval)
    : interval_(interval), next_(now + interval) {}

void ActiveSpeakerDetector::Add(AudioSourceId source, Time now) {
  speakers_.try_emplace(source).first->second.last_level_at = now;
}

void ActiveSpeakerDetector::Remove(AudioSourceId source) {
  speakers_.erase(source);
  if (dominant_ == source) dominant_.reset();
}

void ActiveSpeakerDetector::HandleLevel(AudioSourceId source, std::uint8_t level, bool voice, Time now) {
  const auto at = speakers_.find(source);
  if (at == speakers_.end()) return;
  Speaker& speaker = at->second;
  const auto loudness = static_cast<std::uint8_t>(kMaxLevel - std::min(level, kMaxLevel));
  speaker.flags_voice = speaker.flags_voice || voice;
  TrackFloor(speaker, loudness);
  Push(speaker, speaker.flags_voice && !voice ? 0 : loudness, now);
}

// A level stands for the time since the one before, so that other packet lengths weigh alike.
void ActiveSpeakerDetector::Push(Speaker& speaker, std::uint8_t loudness, Time now) {
  if (now < speaker.last_level_at) return;
  const auto frames =
      static_cast<std::size_t>(std::clamp<std::int64_t>((now - speaker.last_level_at) / kFrame, 1, kLevels));
  speaker.last_level_at = now;
  std::move_backward(speaker.levels.begin(), speaker.levels.end() - static_cast<std::ptrdiff_t>(frames),
                     speaker.levels.end());
  std::fill_n(speaker.levels.begin(), frames, loudness);
}

// The quietest level heard is the background; it drops at once and rises by geometric mean every 15
// s.
void ActiveSpeakerDetector::TrackFloor(Speaker& speaker, std::uint8_t loudness) {
  if (loudness == 0) return;
  if (speaker.floor == 0 || loudness < speaker.floor) {
    speaker.floor = loudness;
    speaker.next_floor = 0;
    speaker.next_floor_levels = 0;
    return;
  }
  speaker.next_floor = speaker.next_floor == 0 ? loudness : std::min(speaker.next_floor, loudness);
  if (++speaker.next_floor_levels < kFloorLevels) return;
  speaker.floor = static_cast<std::uint8_t>(std::sqrt(double{1} * speaker.floor * speaker.next_floor));
  speaker.next_floor = 0;
  speaker.next_floor_levels = 0;
}

ActiveSpeakerDetector::Scores ActiveSpeakerDetector::Evaluate(const Speaker& speaker) {
  const int threshold = speaker.floor + kSubBand;
  const auto sub_bands = [&](std::uint8_t level) { return level < threshold ? 0 : level / kSubBand; };
  std::array<int, kMediums> mediums{};
  for (std::size_t i = 0; i < kLevels; ++i) {
    if (sub_bands(speaker.levels[i]) > kMediumThreshold) ++mediums[i / kLevelsPerMedium];
  }
  const auto longer = static_cast<int>(
      std::count_if(mediums.begin(), mediums.end(), [](int active) { return active > kLongThreshold; }));
  return {Score(sub_bands(speaker.levels[0]), kN1, kImmediateLambda), Score(mediums[0], kN2, kMediumLambda),
          Score(longer, kN3, kLongLambda)};
}

bool ActiveSpeakerDetector::HandleTimeout(Time now) {
  if (now < next_) return false;
  next_ = now + interval_;
  for (auto& [source, speaker] : speakers_) {
    if (now - speaker.last_level_at > kLevelIdle) Push(speaker, 0, now);
    speaker.scores = Evaluate(speaker);
  }
  const std::optional<AudioSourceId> chosen = Decide();
  if (!chosen || chosen == dominant_) return false;
  dominant_ = chosen;
  return true;
}

// Of those that beat the dominant speaker by all three margins, the one with the widest medium
// margin. Without a dominant speaker everybody is compared with silence.
std::optional<AudioSourceId> ActiveSpeakerDetector::Decide() const {
  const Scores silence{kMinScore, kMinScore, kMinScore};
  const Scores& reference = dominant_ ? speakers_.at(*dominant_).scores : silence;
  std::optional<AudioSourceId> best;
  double best_margin = kMediumMargin;
  for (const auto& [source, speaker] : speakers_) {
    if (source == dominant_) continue;
    const double medium = Margin(speaker.scores.medium, reference.medium);
    if (Margin(speaker.scores.immediate, reference.immediate) > kImmediateMargin && medium > best_margin &&
        Margin(speaker.scores.longer, reference.longer) > kLongMargin) {
      best = source;
      best_margin = medium;
    }
  }
  return best;
}

}  // namespace jb::media
