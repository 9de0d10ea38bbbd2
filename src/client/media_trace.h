// SPDX-License-Identifier: Apache-2.0
// The shape of recorded streams, without what was in them: when each packet of a Chromium's Opus and of its three
// encodings of VP8 simulcast left, how large it was, which frames were key frames and which temporal layer each
// belonged to. docs/load.md has the file format; tools/record_trace.mjs writes it. Values; no I/O, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace jb::client {

struct MediaTrace {
  struct AudioPacket {
    Duration at{};           // since the beginning
    std::uint16_t size = 0;  // payload bytes
    std::uint8_t level = 127;
  };
  struct VideoPacket {
    std::uint16_t size = 0;  // bytes of the frame in it, without the payload descriptor
    Duration delay{};        // after the frame's first packet: the pacer of the browser
  };
  struct VideoFrame {
    Duration at{};
    bool key = false;
    bool layer_sync = false;
    bool non_reference = false;
    std::uint8_t temporal_layer = 0;
    std::vector<VideoPacket> packets;
    std::size_t bytes() const;
  };
  struct Encoding {
    std::vector<VideoFrame> frames;
    VideoFrame key_frame;  // what one looks like whenever one is asked for
  };

  Duration duration{};
  std::vector<AudioPacket> audio;
  std::vector<Encoding> encodings;  // from the smallest picture to the largest

  // Bits per second of payload.
  double AudioBitrate() const;
  double VideoBitrate(std::span<const Encoding> of) const;
};

// "bad_trace" with the line that is wrong.
Result<MediaTrace> ParseTrace(std::string_view text);
// The recording that comes with the program.
const MediaTrace& ChromiumTrace();

// What a load is made of, when it shall not be what was recorded.
struct TraceShape {
  double bitrate = 0;       // bits per second of one publisher's payloads; 0: as recorded
  std::size_t payload = 0;  // bytes of each packet's payload, descriptor included; 0: as recorded
};
// Scales sizes; times and frames stay. Of video: `encodings` only.
void ReshapeAudio(MediaTrace& trace, const TraceShape& shape);
void ReshapeVideo(MediaTrace& trace, const TraceShape& shape);

}  // namespace jb::client
