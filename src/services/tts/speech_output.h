// SPDX-License-Identifier: Apache-2.0
// Synthesized sound on its way into an HTTP response: whole or in chunks, as WAV, raw PCM, Ogg Opus or, by
// the ffmpeg program, MP3, AAC and FLAC. A listener slower than the voice gets all of it: what the
// connection does not take yet waits here, and is_behind() says that the voice should wait too. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/byte_queue.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "services/tts/ffmpeg_encoder.h"
#include "services/tts/ogg_opus_writer.h"

namespace jb::services {

enum class SpeechFormat : std::uint8_t { kWav, kPcm, kOpus, kMp3, kAac, kFlac };
// Of our own requests: "wav", "pcm" and "opus".
std::optional<SpeechFormat> ParseSpeechFormat(std::string_view text);
// Of OpenAI's: these and "mp3", "aac" and "flac".
std::optional<SpeechFormat> ParseOpenAiSpeechFormat(std::string_view text);

class SpeechOutput {
 public:
  struct Options {
    SpeechFormat format = SpeechFormat::kWav;
    int sample_rate_hz = 24000;  // of the sound given; Opus is given 48 kHz
    bool streamed = false;
    std::string content_type;
  };
  struct Handlers {
    std::function<void()> on_caught_up;  // is_behind() ended
    // Once: the whole answer is with the connection, or the encoder failed. Never within Write() or
    // Finish(); may destroy this.
    std::function<void(Status<>)> on_finished;
  };
  SpeechOutput(io::Loop& loop, std::shared_ptr<io::HttpResponder> to, Options options, Handlers handlers);
  // Starts the encoder, where the format needs one. "backend_failed".
  Status<> Prepare();

  // Whether a part of the answer is on its way, so that no error can be sent any more.
  bool begun() const { return started_; }
  bool has_sound() const { return has_sound_; }
  // So much waits that no more should be made now.
  bool is_behind() const { return behind_; }
  void Write(std::span<const std::int16_t> pcm);
  void Finish();

 private:
  void Encoded(ByteView bytes);
  void EncoderEnded(const Status<>& status);
  bool HasTooMuch() const;
  // All the bytes there will be are known.
  void Complete();
  void Pump();
  void StartStream();
  void TellFinished(const Status<>& status);

  io::Loop& loop_;
  const std::shared_ptr<io::HttpResponder> to_;
  const Options options_;
  const Handlers handlers_;
  bool started_ = false;  // the head of a streamed answer is out
  bool has_sound_ = false;
  bool complete_ = false;
  bool behind_ = false;
  std::optional<OggOpusWriter> opus_;
  std::unique_ptr<FfmpegEncoder> encoder_;
  io::ByteQueue waiting_;  // encoded, not given to the connection yet
  io::Timer pump_;
};

}  // namespace jb::services
