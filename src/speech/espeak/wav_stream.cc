// SPDX-License-Identifier: Apache-2.0
#include "speech/espeak/wav_stream.h"

#include <algorithm>

#include "media/audio/wav.h"

namespace jb::speech {

bool WavStream::ParseHeader() {
  const auto u16 = [&](std::size_t at) { return header_[at] | header_[at + 1] << 8; };
  const std::string_view text = AsText(header_);
  if (!text.starts_with("RIFF") || text.substr(8, 8) != "WAVEfmt " || text.substr(36, 4) != "data") return false;
  const int rate = u16(24) | u16(26) << 16;
  if (u16(20) != 1 || u16(22) != 1 || u16(34) != 16 || rate < 4000 || rate > 192000) return false;
  sample_rate_hz_ = rate;
  return true;
}

bool WavStream::Push(ByteView bytes, std::vector<std::int16_t>& out) {
  if (!has_header()) {
    const std::size_t need = std::min(media::kWavHeaderBytes - header_.size(), bytes.size());
    header_.insert(header_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(need));
    bytes = bytes.subspan(need);
    if (header_.size() < media::kWavHeaderBytes) return true;
    if (!ParseHeader()) return false;
  }
  for (const std::uint8_t byte : bytes) {
    if (odd_) {
      out.push_back(static_cast<std::int16_t>(*odd_ | byte << 8));
      odd_.reset();
    } else {
      odd_ = byte;
    }
  }
  return true;
}

}  // namespace jb::speech
