// SPDX-License-Identifier: Apache-2.0
#include "services/tts/speech_output.h"

#include <algorithm>

#include "crypto/random.h"
#include "media/audio/wav.h"

namespace jb::services {
namespace {

// A WAV whose length is not known yet: players read to the end.
constexpr std::uint32_t kUnknownLength = 0xFFFFFFFF;
// The connection is given this much ahead, far below where it would be cut; 5 s of 24 kHz may wait here.
constexpr std::size_t kAhead = 128 * 1024;
constexpr std::size_t kMostWaiting = 240 * 1000;
constexpr Duration kPumpEvery = std::chrono::milliseconds(10);

Bytes LittleEndian(std::span<const std::int16_t> pcm) {
  Bytes out(pcm.size() * 2);
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    out[2 * i] = static_cast<std::uint8_t>(pcm[i]);
    out[2 * i + 1] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(pcm[i]) >> 8);
  }
  return out;
}

// What ffmpeg calls it; null where we encode ourselves.
const char* MuxerOf(SpeechFormat format) {
  switch (format) {
    case SpeechFormat::kMp3: return "mp3";
    case SpeechFormat::kAac: return "adts";
    case SpeechFormat::kFlac: return "flac";
    default: return nullptr;
  }
}

}  // namespace

std::optional<SpeechFormat> ParseSpeechFormat(std::string_view text) {
  if (text == "wav") return SpeechFormat::kWav;
  if (text == "pcm") return SpeechFormat::kPcm;
  if (text == "opus") return SpeechFormat::kOpus;
  return std::nullopt;
}

std::optional<SpeechFormat> ParseOpenAiSpeechFormat(std::string_view text) {
  if (text == "mp3") return SpeechFormat::kMp3;
  if (text == "aac") return SpeechFormat::kAac;
  if (text == "flac") return SpeechFormat::kFlac;
  return ParseSpeechFormat(text);
}

SpeechOutput::SpeechOutput(io::Loop& loop, std::shared_ptr<io::HttpResponder> to, Options options, Handlers handlers)
    : loop_(loop), to_(std::move(to)), options_(std::move(options)), handlers_(std::move(handlers)), pump_(loop) {
  if (options_.format == SpeechFormat::kOpus) opus_.emplace(crypto::SystemRandom().U32());
  if (options_.format == SpeechFormat::kWav && options_.streamed) {
    waiting_.Append(media::MakeWavHeader(options_.sample_rate_hz, 1, kUnknownLength));
  }
}

Status<> SpeechOutput::Prepare() {
  const char* muxer = MuxerOf(options_.format);
  if (!muxer) return kOk;
  JB_TRY(encoder_, FfmpegEncoder::Start(loop_, muxer, options_.sample_rate_hz,
                                        {.on_bytes = [this](ByteView bytes) { Encoded(bytes); },
                                         .on_end = [this](const Status<>& status) { EncoderEnded(status); }}));
  return kOk;
}

bool SpeechOutput::HasTooMuch() const {
  return options_.streamed && waiting_.size() + (encoder_ ? encoder_->queued_bytes() : 0) > kMostWaiting;
}

void SpeechOutput::Write(std::span<const std::int16_t> pcm) {
  has_sound_ = true;
  if (encoder_) {
    encoder_->Write(LittleEndian(pcm));
  } else {
    Encoded(opus_ ? opus_->Push(pcm) : LittleEndian(pcm));
  }
  behind_ = behind_ || HasTooMuch();
  if (behind_ && !pump_.armed()) pump_.StartIn(kPumpEvery, [this] { Pump(); });
}

void SpeechOutput::Finish() {
  if (encoder_) return encoder_->Finish();  // and comes to EncoderEnded()
  if (opus_) Encoded(opus_->Finish());
  Complete();
}

void SpeechOutput::EncoderEnded(const Status<>& status) {
  if (status.ok()) return Complete();
  pump_.Cancel();
  TellFinished(status);
}

void SpeechOutput::Encoded(ByteView bytes) {
  waiting_.Append(bytes);
  if (options_.streamed) Pump();
}

// On a later turn: whoever made the last of the sound is calling.
void SpeechOutput::Complete() {
  complete_ = true;
  if (options_.streamed) {
    pump_.StartIn(Duration::zero(), [this] { Pump(); });
    return;
  }
  std::string body;
  if (options_.format == SpeechFormat::kWav) {
    body = AsText(media::MakeWavHeader(options_.sample_rate_hz, 1, static_cast<std::uint32_t>(waiting_.size())));
  }
  body += AsText(waiting_.waiting());
  to_->Send({200, options_.content_type, {}, std::move(body)});
  pump_.StartIn(Duration::zero(), [this] { TellFinished(kOk); });
}

void SpeechOutput::Pump() {
  if (!started_ && (!waiting_.empty() && (has_sound_ || complete_))) StartStream();
  while (started_ && !waiting_.empty() && to_->queued_bytes() < kAhead) {
    const ByteView next = waiting_.waiting().first(std::min(kAhead / 4, waiting_.size()));
    to_->Write(next);
    waiting_.Take(next.size());
  }
  if (complete_ && waiting_.empty()) {
    if (!started_) StartStream();
    to_->Finish();
    return TellFinished(kOk);
  }
  if (!waiting_.empty() || behind_) pump_.StartIn(kPumpEvery, [this] { Pump(); });
  if (behind_ && !HasTooMuch()) {
    behind_ = false;
    handlers_.on_caught_up();
  }
}

void SpeechOutput::TellFinished(const Status<>& status) {
  const auto on_finished = handlers_.on_finished;  // a copy: it may destroy this
  on_finished(status);
}

void SpeechOutput::StartStream() {
  started_ = true;
  to_->StartChunked(200, options_.content_type);
}

}  // namespace jb::services
