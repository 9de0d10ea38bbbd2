// SPDX-License-Identifier: Apache-2.0
// Sound → MP3, AAC or FLAC, by the ffmpeg program as a child: its encoders are GPL and never linked. The
// input is ours, so it gets fewer limits than an upload's decoder. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "io/child_process.h"
#include "io/loop.h"

namespace jb::services {

// Destroying it ends the child; nothing is called any more.
class FfmpegEncoder {
 public:
  struct Handlers {
    std::function<void(ByteView)> on_bytes;
    std::function<void(Status<>)> on_end;  // once, last; may destroy the encoder. "backend_failed"
  };
  // `format` is a muxer of ffmpeg: "mp3", "adts", "flac". "backend_failed" when the program does not start.
  static Result<std::unique_ptr<FfmpegEncoder>> Start(io::Loop& loop, const std::string& format, int sample_rate_hz,
                                                      Handlers handlers);
  // s16le mono.
  void Write(ByteView pcm);
  void Finish() { child_->CloseStdin(); }
  std::size_t queued_bytes() const { return child_->queued_bytes(); }

 private:
  bool lost_ = false;  // some sound did not fit
  std::unique_ptr<io::ChildProcess> child_;
};

}  // namespace jb::services
