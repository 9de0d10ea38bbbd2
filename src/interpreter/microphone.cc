// SPDX-License-Identifier: Apache-2.0
#include "interpreter/microphone.h"

#include <algorithm>

#include "media/audio/level.h"

namespace jb::interpreter {
namespace {

using media::JitterBuffer;
using media::kVoiceFrameSamples;
using media::kVoiceRateHz;

// A sender whose track is muted sends such packets all the time: they are not worth decoding.
constexpr std::int8_t kMutedLevel = -100;
constexpr std::int8_t kUnknownLevel = 0;
// A sender's pause is fed to the gate as silence up to this; nothing in here remembers longer.
constexpr Duration kMostSilenceFed = 500ms;
// Packets that do not come are silence (the sender's DTX), but for what the network may hold them back.
constexpr Duration kPacketPatience = 60ms;
constexpr std::size_t kMostDecoded = kVoiceRateHz * 120 / 1000;

std::size_t Samples(Duration d) { return static_cast<std::size_t>(d.count() * kVoiceRateHz / 1'000'000); }

}  // namespace

Microphone::Microphone(ParticipantId speaker, const InterpreterOptions& options, InterpreterStats& stats,
                       MicrophoneListener& listener)
    : speaker_(std::move(speaker)),
      options_(options),
      stats_(stats),
      listener_(listener),
      decoder_(kVoiceRateHz),
      detector_(media::VoiceLikelihood::kLow),
      gate_(options),
      decoded_(kMostDecoded),
      pre_roll_(std::max(Samples(options.pre_roll) / kVoiceFrameSamples, std::size_t{1}) * kVoiceFrameSamples) {
  speech_.reserve(pre_roll_.size() + 2 * kMostDecoded);
}

void Microphone::HandlePacket(const TappedAudio& packet, Time now) {
  levels_[packet.sequence % levels_.size()] = packet.level_dbov.value_or(kUnknownLevel);
  jitter_.Insert(packet.sequence, packet.timestamp, packet.payload, now);
  Drain(packet.arrival, now);
}

void Microphone::HandleTimeout(Time now) {
  Drain(now, now);
  if (gate_.open() && now >= SilenceDeadline()) {
    gate_.Close();
    EndClause(now);
  }
}

Time Microphone::SilenceDeadline() const { return last_frame_ + gate_.UntilEnd() + kPacketPatience; }

std::optional<Time> Microphone::NextDeadline() const {
  std::optional<Time> deadline = jitter_.NextDeadline();
  if (gate_.open()) deadline = std::min(deadline.value_or(kNever), SilenceDeadline());
  return deadline;
}

void Microphone::Stop(Time now) {
  if (gate_.Close()) EndClause(now);
  jitter_.Reset();
  decoder_stale_ = true;
  frame_fill_ = 0;
  pre_roll_fill_ = 0;
}

void Microphone::Drain(Time arrival, Time now) {
  while (const auto frame = jitter_.Pop(now)) HandleFrame(*frame, arrival, now);
  SendSpeech(arrival, now);
}

void Microphone::HandleFrame(const JitterBuffer::Frame& frame, Time arrival, Time now) {
  last_frame_ = now;
  if (frame.restarted) decoder_stale_ = true;
  switch (frame.kind) {
    case JitterBuffer::Kind::kSilence: return FeedSilence(frame.duration, arrival, now);
    case JitterBuffer::Kind::kPacket:
      if (!gate_.open() && levels_[frame.sequence % levels_.size()] <= kMutedLevel) {
        decoder_stale_ = true;
        return FeedSilence(frame.duration, arrival, now);
      }
      return Decode(frame, arrival, now);
    case JitterBuffer::Kind::kLost: {
      const std::span<std::int16_t> pcm = std::span(decoded_).first(std::min(Samples(frame.duration), kMostDecoded));
      decoder_.DecodeLost(frame.payload, pcm);
      stats_.concealed_ms += static_cast<std::uint64_t>(ToMs(frame.duration));
      return Feed(pcm, /*may_be_voice=*/true, arrival, now);
    }
  }
}

void Microphone::Decode(const JitterBuffer::Frame& frame, Time arrival, Time now) {
  if (std::exchange(decoder_stale_, false)) decoder_.Reset();
  const auto decoded = decoder_.Decode(frame.payload, decoded_);
  if (decoded.ok()) Feed(std::span(decoded_).first(*decoded), /*may_be_voice=*/true, arrival, now);
}

void Microphone::FeedSilence(Duration duration, Time arrival, Time now) {
  static constexpr std::array<std::int16_t, kVoiceFrameSamples> kZeros{};
  std::size_t left = Samples(std::min(duration, kMostSilenceFed));
  while (left > 0) {
    const std::size_t n = std::min(left, kZeros.size());
    Feed(std::span(kZeros).first(n), /*may_be_voice=*/false, arrival, now);
    left -= n;
  }
}

void Microphone::Feed(std::span<const std::int16_t> pcm, bool may_be_voice, Time arrival, Time now) {
  while (!pcm.empty()) {
    const std::size_t n = std::min(pcm.size(), frame_.size() - frame_fill_);
    std::copy_n(pcm.begin(), n, frame_.begin() + static_cast<std::ptrdiff_t>(frame_fill_));
    frame_fill_ += n;
    pcm = pcm.subspan(n);
    if (frame_fill_ < frame_.size()) return;
    frame_fill_ = 0;
    HandleVoiceFrame(may_be_voice, arrival, now);
  }
}

bool Microphone::IsVoice() {
  const bool voice = detector_.Process(frame_);
  return voice && media::AudioLevel(frame_) <= -options_.gate_level_dbov;
}

void Microphone::HandleVoiceFrame(bool may_be_voice, Time arrival, Time now) {
  const bool was_open = gate_.open();
  const bool voiced = may_be_voice && IsVoice();
  if (voiced) last_voice_ = arrival;
  else if (was_voiced_ && may_be_voice) last_voice_ -= options_.detector_tail;
  was_voiced_ = voiced;
  const SpeechGate::Edge edge = gate_.HandleFrame(voiced);
  if (edge == SpeechGate::Edge::kOpened) OpenWithPreRoll();
  if (was_open || edge == SpeechGate::Edge::kOpened) {
    speech_.insert(speech_.end(), frame_.begin(), frame_.end());
    if (speech_.size() >= speech_.capacity() - frame_.size()) SendSpeech(arrival, now);
  } else {
    KeepForPreRoll();
  }
  if (edge == SpeechGate::Edge::kClosed || edge == SpeechGate::Edge::kSplit) {
    SendSpeech(arrival, now);
    EndClause(now);
  }
}

void Microphone::KeepForPreRoll() {
  std::copy(frame_.begin(), frame_.end(), pre_roll_.begin() + static_cast<std::ptrdiff_t>(pre_roll_at_));
  pre_roll_at_ = (pre_roll_at_ + frame_.size()) % pre_roll_.size();
  pre_roll_fill_ = std::min(pre_roll_fill_ + frame_.size(), pre_roll_.size());
}

void Microphone::OpenWithPreRoll() {
  const std::size_t start = (pre_roll_at_ + pre_roll_.size() - pre_roll_fill_) % pre_roll_.size();
  for (std::size_t i = 0; i < pre_roll_fill_; ++i) speech_.push_back(pre_roll_[(start + i) % pre_roll_.size()]);
  pre_roll_fill_ = 0;
}

void Microphone::SendSpeech(Time arrival, Time now) {
  if (speech_.empty()) return;
  listener_.OnSpeech(speaker_, speech_, arrival, now);
  speech_.clear();
}

void Microphone::EndClause(Time now) {
  SendSpeech(now, now);
  ++stats_.clauses;
  listener_.OnClauseEnd(speaker_, last_voice_, now);
}

}  // namespace jb::interpreter
