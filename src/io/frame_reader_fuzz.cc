// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <string>

#include "io/framed_tcp.h"

namespace {

// The frames of the stream, pushed in pieces of that size.
std::string Frames(jb::Bytes stream, std::size_t piece, bool* good) {
  jb::io::FrameReader reader(1500);
  std::string out;
  *good = true;
  for (std::size_t at = 0; at < stream.size() && *good; at += piece) {
    const std::size_t n = std::min(piece, stream.size() - at);
    *good = reader.Push(jb::ByteSpan(stream).subspan(at, n), [&](jb::ByteSpan frame) {
      out += std::to_string(frame.size()) + ":";
      out += jb::AsText(frame);
      return true;
    });
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const jb::Bytes stream(data + 1, data + size);
  bool whole_good = false, cut_good = false;
  const std::string whole = Frames(stream, stream.size() + 1, &whole_good);
  const std::string cut = Frames(stream, std::size_t{data[0]} % 16 + 1, &cut_good);
  if (whole_good != cut_good || whole != cut) std::abort();
  return 0;
}
