// SPDX-License-Identifier: Apache-2.0
// Sound → MP3, AAC or FLAC, by the ffmpeg program as a child: its encoders are GPL and never linked. It has
// limits on memory, processor time, files and silence and, where permitted, no network. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "io/child_process.h"
#include "io/loop.h"
#include "speech/child_watchdog.h"

namespace jb::services {

struct EncodeLimits {
  std::uint64_t cpu_seconds = 120;  // the longest text in the slowest voice takes a third
  // With sound to encode and without a byte coming out: it hangs. No limit on the whole, since a voice waits
  // for a slow listener.
  Duration silence = std::chrono::seconds(30);
};

// Destroying it ends the child; nothing is called any more.
class FfmpegEncoder {
 public:
  struct Handlers {
    std::function<void(ByteView)> on_bytes;
    std::function<void(Status<>)> on_end;  // once, last; may destroy the encoder. "backend_failed"
  };
  // `format` is a muxer of ffmpeg: "mp3", "adts", "flac". "backend_failed" when the program does not start.
  static Result<std::unique_ptr<FfmpegEncoder>> Start(io::Loop& loop, const std::string& format, int sample_rate_hz,
                                                      Handlers handlers, const EncodeLimits& limits = {});
  FfmpegEncoder(io::Loop& loop, const EncodeLimits& limits) : limits_(limits), watchdog_(loop) {}
  // s16le mono.
  void Write(ByteView pcm);
  void Finish();
  std::size_t queued_bytes() const { return child_->queued_bytes(); }

 private:
  void Watch();

  const EncodeLimits limits_;
  speech::ChildWatchdog watchdog_;
  bool finished_ = false;
  bool lost_ = false;  // some sound did not fit
  std::unique_ptr<io::ChildProcess> child_;
};

}  // namespace jb::services
