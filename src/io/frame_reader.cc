// SPDX-License-Identifier: Apache-2.0
#include "io/framed_tcp.h"

namespace jb::io {
namespace {

constexpr std::size_t kLengthBytes = 2;  // RFC 4571 section 2

}  // namespace

// Moves bytes into partial_ until it holds its length, or then its frame; answers how many.
std::size_t FrameReader::FillPartial(ByteView bytes) {
  const std::size_t goal = partial_.size() < kLengthBytes ? kLengthBytes : kLengthBytes + LoadU16(partial_.data());
  const std::size_t n = std::min(goal - partial_.size(), bytes.size());
  partial_.insert(partial_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
  return n;
}

bool FrameReader::Push(ByteSpan bytes, const std::function<bool(ByteSpan)>& on_frame) {
  while (!bytes.empty()) {
    if (partial_.empty() && bytes.size() >= kLengthBytes) {
      const std::size_t size = LoadU16(bytes.data());
      if (size == 0 || size > max_frame_) return false;
      if (bytes.size() >= kLengthBytes + size) {  // whole, in place
        const ByteSpan frame = bytes.subspan(kLengthBytes, size);
        bytes = bytes.subspan(kLengthBytes + size);
        if (!on_frame(frame)) return true;
        continue;
      }
    }
    bytes = bytes.subspan(FillPartial(bytes));
    if (partial_.size() < kLengthBytes) return true;
    const std::size_t size = LoadU16(partial_.data());
    if (size == 0 || size > max_frame_) return false;
    if (partial_.size() < kLengthBytes + size) continue;
    const bool go_on = on_frame(ByteSpan(partial_).subspan(kLengthBytes));
    partial_.clear();
    if (!go_on) return true;
  }
  return true;
}

}  // namespace jb::io
