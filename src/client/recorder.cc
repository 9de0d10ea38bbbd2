// SPDX-License-Identifier: Apache-2.0
#include "client/recorder.h"

#include <algorithm>

namespace jb::client {

void Recorder::Mix(std::int64_t position, std::span<const std::int16_t> pcm) {
  if (position < 0) {
    const auto before = std::min<std::uint64_t>(static_cast<std::uint64_t>(-position), pcm.size());
    pcm = pcm.subspan(before);
    position = 0;
  }
  const auto begin = static_cast<std::size_t>(position);
  if (begin >= max_samples_) return;
  pcm = pcm.first(std::min(pcm.size(), max_samples_ - begin));
  ExtendTo(position + static_cast<std::int64_t>(pcm.size()));
  for (std::size_t i = 0; i < pcm.size(); ++i) {
    const int sum = samples_[begin + i] + pcm[i];
    samples_[begin + i] = static_cast<std::int16_t>(std::clamp(sum, -32768, 32767));
  }
}

void Recorder::ExtendTo(std::int64_t position) {
  if (position <= 0) return;
  const std::size_t size = std::min(static_cast<std::size_t>(position), max_samples_);
  if (size > samples_.size()) samples_.resize(size, 0);
}

}  // namespace jb::client
