// SPDX-License-Identifier: Apache-2.0
// A camera made of an IVF file of VP8: its frames in a loop at its own rate, cut into RTP packets
// (RFC 7741). A key frame that is asked for is the file's first frame; packets that are asked for again come
// by RTX (RFC 4588). Core: no clock; the owner calls Next() when NextFrameAt() has come. Single-threaded; borrows
// nothing after construction.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "media/rtp/packet_pool.h"
#include "media/rtp/retransmission_buffer.h"
#include "proto/rtcp/nack.h"
#include "proto/rtp/header_layout.h"
#include "proto/rtp/types.h"

namespace jb::client {

struct IvfClip {
  Duration frame_interval{};
  std::vector<Bytes> frames;  // the first is a key frame
};
// "bad_ivf" with what is wrong: not IVF, not VP8, truncated, empty, or not starting with a key frame.
Result<IvfClip> ParseIvf(ByteView file);

class VideoTrack {
 public:
  VideoTrack(IvfClip clip, std::string cname, Random& random);

  json::object RtpParameters() const;
  rtp::Ssrc ssrc() const { return ssrc_; }

  Time NextFrameAt() const { return next_at_; }
  // The packets of one frame, one call of `send(buffer, size, payload_size)` each; the buffer has room
  // for SRTP's tag and is valid during the call. Returns the frame's timestamp.
  using Send = std::function<void(ByteSpan buffer, std::size_t size, std::size_t payload_size)>;
  rtp::Timestamp Next(Time now, const Send& send);
  // The next frame will be a key frame.
  void RequestKeyFrame() { at_ = 0; }
  // Sends again what is asked for and still kept, through `send` as above.
  void HandleNack(const rtcp::Nack& nack, Time now, const Send& send);

 private:
  void Keep(ByteView packet, bool marker, rtp::Timestamp timestamp, Time now);
  void Resend(rtp::SeqNum number, Time now, const Send& send);

  const IvfClip clip_;
  const std::string cname_;
  const rtp::Ssrc ssrc_, rtx_ssrc_;
  rtp::SeqNum seq_, rtx_seq_;
  const std::uint32_t first_timestamp_;
  std::uint16_t picture_id_;
  std::size_t at_ = 0;
  Time started_at_ = kNever;
  Time next_at_{};
  rtp::HeaderLayout layout_;
  media::PacketPool pool_;
  media::RetransmissionBuffer sent_;
};

}  // namespace jb::client
