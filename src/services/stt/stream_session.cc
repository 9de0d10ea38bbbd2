// SPDX-License-Identifier: Apache-2.0
#include "services/stt/stream_session.h"

#include "services/stt/transcript_formats.h"

namespace jb::services {

Result<std::shared_ptr<StreamSession>> StreamSession::Open(speech::Recognizer& recognizer, std::string_view language,
                                                           int sample_rate_hz,
                                                           const speech::RecognitionOptions& options,
                                                           Handlers handlers) {
  auto stream = std::make_shared<StreamSession>();
  if (sample_rate_hz != speech::kRecognizerRateHz) {
    stream->resampler_.emplace(sample_rate_hz, speech::kRecognizerRateHz);
  }
  JB_TRY(stream->session_,
         recognizer.Open(language, options,
                         {.on_result =
                              [on_message = std::move(handlers.on_message)](const speech::Recognition& r) {
                                on_message(json::serialize(StreamMessage(r)));
                              },
                          .on_done = std::move(handlers.on_done)}));
  return stream;
}

void StreamSession::PushAudio(ByteView bytes) {
  std::vector<std::int16_t> samples;
  samples.reserve(bytes.size() / 2 + 1);
  for (std::uint8_t b : bytes) {
    if (odd_) {
      samples.push_back(static_cast<std::int16_t>(*odd_ | (b << 8)));
      odd_.reset();
    } else {
      odd_ = b;
    }
  }
  if (!resampler_) return session_->PushAudio(samples);
  std::vector<std::int16_t> resampled;
  resampler_->Process(samples, resampled);
  session_->PushAudio(resampled);
}

}  // namespace jb::services
