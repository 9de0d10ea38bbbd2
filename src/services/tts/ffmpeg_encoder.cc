// SPDX-License-Identifier: Apache-2.0
#include "services/tts/ffmpeg_encoder.h"

#include <csignal>

namespace jb::services {

Result<std::unique_ptr<FfmpegEncoder>> FfmpegEncoder::Start(io::Loop& loop, const std::string& format,
                                                            int sample_rate_hz, Handlers handlers,
                                                            const EncodeLimits& limits) {
  auto encoder = std::make_unique<FfmpegEncoder>(loop, limits);
  io::ChildOptions options;
  options.argv = {"ffmpeg",
                  "-nostdin",
                  "-hide_banner",
                  "-loglevel",
                  "error",
                  "-f",
                  "s16le",
                  "-ar",
                  std::to_string(sample_rate_hz),
                  "-ac",
                  "1",
                  "-i",
                  "pipe:0",
                  "-threads",
                  "1",
                  "-flush_packets",
                  "1",
                  "-f",
                  format,
                  "pipe:1"};
  options.limits.address_space = std::uint64_t{512} << 20;
  options.limits.cpu_seconds = limits.cpu_seconds;
  options.limits.file_size = 0;
  options.no_network = true;
  options.max_queued_bytes = std::size_t{64} << 20;  // an utterance in its slowest speech
  options.log_name = "ffmpeg";
  auto child = io::ChildProcess::Spawn(
      loop, std::move(options),
      {.on_stdout =
           [self = encoder.get(), on_bytes = std::move(handlers.on_bytes)](ByteView bytes) {
             self->Watch();
             on_bytes(bytes);
           },
       .on_exit = [self = encoder.get(), on_end = std::move(handlers.on_end)](io::ChildExit exit) {
         self->watchdog_.Cancel();
         if (exit.ok() && !self->lost_) return on_end(kOk);
         on_end(Fail("backend_failed", "The encoder ended with " + exit.text() + "."));
       }});
  if (!child.ok()) {
    return Fail("backend_failed", child.error().message + ". Install it: apt-get install ffmpeg");
  }
  encoder->child_ = *std::move(child);
  return encoder;
}

void FfmpegEncoder::Write(ByteView pcm) {
  lost_ = !child_->Write(pcm) || lost_;
  Watch();
}

void FfmpegEncoder::Finish() {
  finished_ = true;
  child_->CloseStdin();
  Watch();
}

void FfmpegEncoder::Watch() {
  watchdog_.Watch(child_->pid(), limits_.silence, [this] {
    const bool waits_for_us = !finished_ && queued_bytes() == 0;
    if (!waits_for_us) child_->Kill(SIGKILL);
  });
}

}  // namespace jb::services
