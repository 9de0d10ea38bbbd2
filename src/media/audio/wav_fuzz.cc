// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "media/audio/wav.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const jb::media::WavLimits limits{.max_samples = 100'000};
  const auto audio = jb::media::ParseWav({data, size}, limits);
  if (!audio.ok()) return 0;
  JB_CHECK(audio->samples.size() <= limits.max_samples && !audio->samples.empty());
  JB_CHECK(audio->Mono().size() == audio->frames());
  const auto again =
      jb::media::ParseWav(jb::media::WriteWav(audio->samples, audio->sample_rate_hz, audio->channels), limits);
  JB_CHECK(again.ok() && again->samples == audio->samples);
  return 0;
}
