// SPDX-License-Identifier: Apache-2.0
// Recordings: whatever the file holds, it is refused or can be replayed.
#include "base/result.h"
#include "client/media_trace.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jb::client;
  auto trace = ParseTrace({reinterpret_cast<const char*>(data), size});
  if (!trace.ok()) return 0;
  JB_CHECK(trace->duration.count() > 0 && !trace->audio.empty() && !trace->encodings.empty());
  ReshapeAudio(*trace, {.payload = 160});
  ReshapeVideo(*trace, {.bitrate = 1e6, .payload = 1200});
  for (const auto& encoding : trace->encodings) {
    JB_CHECK(!encoding.key_frame.packets.empty());
    for (const auto& frame : encoding.frames) JB_CHECK(!frame.packets.empty() && frame.at < trace->duration);
  }
  return 0;
}
