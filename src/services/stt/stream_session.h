// SPDX-License-Identifier: Apache-2.0
// One live stream to the recogniser: sound of any rate in, JSON messages out. The WebSocket and the chunked
// POST share it. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "media/audio/resampler.h"
#include "speech/recognizer.h"

namespace jb::services {

class StreamSession {
 public:
  struct Handlers {
    std::function<void(std::string json)> on_message;
    std::function<void(Status<>)> on_done;  // the last message was given
  };
  // Errors are the recogniser's: "busy", "unsupported_language".
  static Result<std::shared_ptr<StreamSession>> Open(speech::Recognizer& recognizer, std::string_view language,
                                                     int sample_rate_hz, const speech::RecognitionOptions& options,
                                                     Handlers handlers);

  // s16le mono; a sample may be split between two calls.
  void PushAudio(ByteView bytes);
  void Flush() { session_->Flush(); }
  void Finish() { session_->Finish(); }
  std::size_t backlog_samples() const { return session_->backlog_samples(); }

 private:
  std::unique_ptr<speech::RecognitionSession> session_;
  std::optional<media::Resampler> resampler_;
  std::optional<std::uint8_t> odd_;
};

}  // namespace jb::services
