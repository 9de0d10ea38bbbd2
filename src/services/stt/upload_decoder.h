// SPDX-License-Identifier: Apache-2.0
// A recording somebody uploaded → 16 kHz mono. WAV by our own strict parser; mp3, m4a, webm, ogg, flac and
// the rarer kinds of WAV by the ffmpeg program in a child with limits on time, memory and size and, where
// permitted, without network. The type is told by the bytes, never by a name. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/loop.h"

namespace jb::services {

inline constexpr std::size_t kMaxUploadBytes = 25u << 20;  // OpenAI's limit too
inline constexpr int kMaxUploadSeconds = 600;

enum class UploadType : std::uint8_t { kUnknown, kWav, kMp3, kM4a, kWebm, kOgg, kFlac };
UploadType SniffUpload(std::string_view bytes);

// Of the decoder's process.
struct DecodeLimits {
  Duration wall_time = std::chrono::seconds(60);
  std::uint64_t cpu_seconds = 30;
  std::uint64_t address_space = 512u << 20;  // bytes
};

// Removes what processes that are no more (killed in the middle of an upload) left in the temporary folder.
// Before the first upload: an earlier process may have had our number.
void RemoveAbandonedUploads();

// Destroying it stops the work and removes what was written.
class UploadDecoder {
 public:
  using Done = std::function<void(Result<std::vector<std::int16_t>>)>;
  // Errors: "unsupported_media" (415), "broken_media" (400), "too_long", "decode_limit" (413), "decoder_failed"
  // (500). `done` is called once, never within this call.
  static std::unique_ptr<UploadDecoder> Start(io::Loop& loop, std::string bytes, Done done,
                                              const DecodeLimits& limits = {});
  virtual ~UploadDecoder() = default;
};

}  // namespace jb::services
