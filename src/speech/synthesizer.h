// SPDX-License-Identifier: Apache-2.0
// Synthesizer: text in, speech out as it is produced.
//
// Audio contract: mono signed 16-bit native-endian samples at the rate asked for, in chunks of any size.
// Text contract: plain UTF-8, never markup; control, bidi and zero-width characters are dropped; at most
// kMaxSynthesisBytes. Long text is spoken in pieces of at most 500 characters, cut at sentences.
//
// Thread: called on the backend's io::Loop; handlers are called on it, never from inside Start().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jb::speech {

inline constexpr std::size_t kMaxSynthesisBytes = 16 * 1024;  // 4096 characters, OpenAI's limit, in any script

struct SynthesisRequest {
  std::string text;
  std::string language;  // BCP-47: "vi", "es", "en-GB"
  // Empty: the language's own voice. A name of voices(), or any other text such as "speaker:ab12": a voice
  // chosen from it, always the same for the same text, and different ones mostly differ; of "speaker-1",
  // "speaker-2" and so on no two sound alike, up to the number of voices that the backend can tell apart.
  std::string voice;
  int sample_rate_hz = 48000;  // 8000..48000
  double speed = 1.0;          // 0.25..4
};

struct SynthesisHandlers {
  std::function<void(std::span<const std::int16_t>)> on_audio;
  std::function<void(Status<>)> on_done;  // once, last
};

struct Voice {
  std::string id;
  std::string name;
  std::string language;  // BCP-47
  std::string gender;    // "female", "male" or ""
};

// Destroying it stops the work; nothing is called any more.
class SynthesisJob {
 public:
  virtual ~SynthesisJob() = default;
  // While paused no further piece of the text is begun; what is being spoken is still delivered.
  virtual void Pause(bool paused) = 0;
};

// Error codes: "busy", "unsupported_language", "too_long", "invalid_text", "backend_failed".
class Synthesizer {
 public:
  virtual ~Synthesizer() = default;
  virtual std::string_view name() const = 0;
  virtual const std::vector<Voice>& voices() const = 0;
  virtual std::vector<std::string> languages() const = 0;  // BCP-47 primary subtags
  virtual bool can_clone() const = 0;                      // speaks in an enrolled voice
  virtual Result<std::unique_ptr<SynthesisJob>> Start(SynthesisRequest request, SynthesisHandlers handlers) = 0;
};

}  // namespace jb::speech
