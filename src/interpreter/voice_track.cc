// SPDX-License-Identifier: Apache-2.0
#include "interpreter/voice_track.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "interpreter/speech_text.h"
#include "media/audio/level.h"

namespace jb::interpreter {
namespace {

using media::kOpusFrameSamples;

constexpr std::size_t kRateHz = 48000;
constexpr Duration kFrame = 20ms;
// Shorter than one look of a browser's jitter buffer; a stream that arrives in time needs no more.
constexpr Duration kStartBuffer = 40ms;
constexpr Duration kBufferAfterUnderrun = 200ms;  // doubled each time
constexpr Duration kMostBuffer = 1600ms;
// Sound after which the encoder's look-ahead is out and the listener's concealment starts from silence.
constexpr int kTailFrames = 3;
constexpr Duration kMostLate = 100ms;  // later than this the cadence starts anew
constexpr int kAudibleLevel = 60;      // -dBov
constexpr std::size_t kMaxPending = 64;
// reliability.md 2.11: no more than three times what is expected, and 2 s for short texts.
constexpr Duration kRunawayGrace = 2s;
constexpr int kRunawayFactor = 3;

Duration LengthOf(std::size_t samples) {
  return Duration(static_cast<std::int64_t>(samples) * 1'000'000 / static_cast<std::int64_t>(kRateHz));
}
std::uint64_t SamplesIn(Duration d) { return static_cast<std::uint64_t>(d.count()) * kRateHz / 1'000'000; }

}  // namespace

VoiceTrack::VoiceTrack(ParticipantId speaker, Language lang, const InterpreterOptions& options, InterpreterStats& stats,
                       VoiceTrackListener& listener)
    : speaker_(std::move(speaker)),
      lang_(std::move(lang)),
      options_(options),
      stats_(stats),
      listener_(listener),
      characters_left_(static_cast<double>(options.chars_per_minute)),
      stretch_(4 * kOpusFrameSamples),
      start_buffer_(kStartBuffer) {}

// ------------------------------------------------------------------------------------------- text

void VoiceTrack::Say(std::string text, Time spoken, Time now) {
  if (text.empty()) return;
  if (!SpendCharacters(CountCodePoints(text), now)) {
    ++stats_.clauses_dropped;
    return;
  }
  const Duration length = SpokenLength(text);
  pending_.push_back({std::move(text), spoken, length});
  DropBeyondBound();
}

bool VoiceTrack::SpendCharacters(std::size_t n, Time now) {
  const double most = static_cast<double>(options_.chars_per_minute);
  characters_left_ = std::min(most, characters_left_ + ToSeconds(now - characters_at_) * most / 60);
  characters_at_ = now;
  if (static_cast<double>(n) > characters_left_) return false;
  characters_left_ -= static_cast<double>(n);
  return true;
}

Duration VoiceTrack::Waiting() const {
  Duration sum{};
  for (const Clause& clause : pending_) sum += clause.length;
  return sum;
}

Duration VoiceTrack::Ready() const { return LengthOf(ready_); }

void VoiceTrack::DropOldest() {
  pending_.pop_front();
  ++stats_.clauses_dropped;
}

// What was said last is worth more than what was said first.
void VoiceTrack::DropBeyondBound() {
  while (pending_.size() > 1 && (pending_.size() > kMaxPending || Waiting() + Ready() > options_.most_unspoken)) {
    DropOldest();
  }
}

void VoiceTrack::DropStale(Time now) {
  while (!pending_.empty() && now > pending_.front().spoken + options_.most_age) DropOldest();
}

bool VoiceTrack::WantsSynthesis(Time now) {
  if (in_flight_) return false;
  DropStale(now);
  return !pending_.empty() && Ready() < options_.synthesize_ahead;
}

std::string VoiceTrack::NextUtterance(RequestId request, Time now) {
  Clause joined = std::move(pending_.front());
  pending_.pop_front();
  std::size_t length = CountCodePoints(joined.text);
  if (length > options_.utterance_chars) {
    Clause rest = joined;
    joined.text = TakeUtterance(rest.text, options_.utterance_chars);
    rest.length = SpokenLength(rest.text);
    if (!rest.text.empty()) pending_.push_front(std::move(rest));
  } else {
    while (!pending_.empty()) {
      const std::size_t more = CountCodePoints(pending_.front().text) + 1;
      if (length + more > options_.utterance_chars) break;
      length += more;
      joined.text += ' ' + pending_.front().text;
      pending_.pop_front();
      ++stats_.clauses_coalesced;
    }
  }
  joined.length = SpokenLength(joined.text);
  std::string text = joined.text;
  in_flight_ = InFlight{.request = request, .clause = std::move(joined), .asked = now, .last_news = now};
  return text;
}

std::optional<RequestId> VoiceTrack::request() const {
  if (!in_flight_) return std::nullopt;
  return in_flight_->request;
}

std::optional<Time> VoiceTrack::request_deadline() const {
  if (!in_flight_) return std::nullopt;
  return in_flight_->last_news + options_.tts_timeout;
}

// ------------------------------------------------------------------------------------------ sound

void VoiceTrack::SetExpectedLoss(int percent) {
  expected_loss_percent_ = percent;
  if (encoder_) encoder_->SetExpectedLoss(percent);
}

bool VoiceTrack::HandleSound(std::vector<std::int16_t> pcm, bool last, Time now) {
  if (!in_flight_) return true;
  InFlight& f = *in_flight_;
  f.last_news = now;
  const std::uint64_t most = SamplesIn(f.clause.length * kRunawayFactor + kRunawayGrace);
  const bool runaway = f.samples + pcm.size() > most;
  if (runaway) pcm.resize(static_cast<std::size_t>(most - f.samples));
  if (!pcm.empty()) {
    if (!std::exchange(f.got_sound, true)) marks_.push_back({received_, f.clause.spoken});
    f.samples += pcm.size();
    received_ += pcm.size();
    ready_ += pcm.size();
    chunks_.push_back(std::move(pcm));
  }
  if (last || runaway) in_flight_.reset();
  StartIfReady(now);
  return !runaway;
}

void VoiceTrack::HandleFailure(bool service_down, Time now) {
  if (!in_flight_) return;
  InFlight failed = std::move(*in_flight_);
  in_flight_.reset();
  if (!failed.got_sound && (service_down || !failed.clause.retried)) {
    failed.clause.retried = true;
    pending_.push_front(std::move(failed.clause));
    DropBeyondBound();
  } else if (!failed.got_sound) {
    ++stats_.clauses_dropped;
  }
  StartIfReady(now);
}

void VoiceTrack::StartIfReady(Time now) {
  if (playing_ || ready_ == 0) return;
  if (in_flight_ && in_flight_->got_sound && Ready() < start_buffer_) return;
  if (!encoder_) {
    encoder_ = std::make_unique<media::OpusEncoder>(
        media::OpusEncoderOptions{.bitrate_bps = options_.opus_bitrate_bps,
                                  .complexity = options_.opus_complexity,
                                  .expected_loss_percent = expected_loss_percent_});
  }
  playing_ = true;
  marker_ = true;
  tail_frames_ = 0;
  next_frame_ = std::max(now, next_frame_);  // never faster than the cadence, even after a short pause
  HandleTimeout(now);
}

void VoiceTrack::FillStretch() {
  while (!chunks_.empty() && stretch_.room() > 0) {
    const std::vector<std::int16_t>& front = chunks_.front();
    chunk_at_ += stretch_.Push(std::span(front).subspan(chunk_at_));
    if (chunk_at_ < front.size()) return;
    chunks_.pop_front();
    chunk_at_ = 0;
  }
}

// Faster only while something else waits to be said.
double VoiceTrack::Speed() const {
  const bool queued = !marks_.empty() && marks_.back().at > received_ - ready_;
  const bool behind = !pending_.empty() || queued || (in_flight_ && !in_flight_->got_sound);
  if (!behind) return 1.0;
  const double lag = ToSeconds(Ready() + Waiting());
  return 1.0 + (options_.most_speed - 1.0) * std::clamp(lag - 1.0, 0.0, 2.0) / 2.0;
}

void VoiceTrack::HandleTimeout(Time now) {
  while (playing_ && next_frame_ <= now) {
    if (now - next_frame_ > kMostLate) {
      ++stats_.cadence_slips;
      next_frame_ = now;
    }
    SendFrame(now);
  }
}

void VoiceTrack::SendFrame(Time now) {
  std::array<std::int16_t, kOpusFrameSamples> pcm{};
  FillStretch();
  if (in_flight_ && in_flight_->got_sound && ready_ < kOpusFrameSamples) {
    ++stats_.underruns;  // in the middle of an utterance: a pause, not a cut
    start_buffer_ = std::clamp(start_buffer_ * 2, kBufferAfterUnderrun, kMostBuffer);
    return Stop();
  }
  const std::uint64_t skipped = stretch_.skipped();
  const std::size_t got = stretch_.Pull(pcm, Speed());
  const auto saved = static_cast<std::size_t>(stretch_.skipped() - skipped);
  ready_ -= got + saved;
  stats_.stretched_ms += saved * 1000 / kRateHz;
  tail_frames_ = got == 0 ? tail_frames_ + 1 : 0;

  std::array<std::uint8_t, media::kMaxOpusFrameBytes> packet;
  const std::size_t size = encoder_->Encode(pcm, packet);
  const std::uint8_t level = media::AudioLevel(pcm);
  const bool audible = level <= kAudibleLevel;
  if (audible) ReportFirstSound(now);
  const auto timestamp =
      static_cast<std::uint32_t>(next_frame_.time_since_epoch().count() * 6 / 125);  // µs × 48 / 1000
  ++stats_.frames_injected;
  listener_.OnFrame(speaker_, lang_,
                    {.opus = ByteView(packet).first(size),
                     .timestamp = timestamp,
                     .marker = std::exchange(marker_, false),
                     .level_dbov = static_cast<std::int8_t>(-static_cast<int>(level)),
                     .voice = audible});
  next_frame_ += kFrame;
  if (tail_frames_ >= kTailFrames) Stop();
}

// The sound of an utterance has begun when reading has passed its first sample.
void VoiceTrack::ReportFirstSound(Time now) {
  const std::uint64_t read = received_ - ready_;
  while (!marks_.empty() && marks_.front().at < read) {
    listener_.OnFirstSound(std::max(now - marks_.front().spoken, Duration{}));
    marks_.pop_front();
  }
}

void VoiceTrack::Stop() {
  playing_ = false;
  if (!in_flight_ && ready_ == 0) {
    start_buffer_ = kStartBuffer;
    marks_.clear();
  }
}

std::optional<Time> VoiceTrack::NextDeadline() const {
  if (!playing_) return std::nullopt;
  return next_frame_;
}

}  // namespace jb::interpreter
