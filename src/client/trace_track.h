// SPDX-License-Identifier: Apache-2.0
// One producer of a load: a microphone, a camera, or a camera in several encodings, replayed from a MediaTrace with the
// stamps of load_payload.h. Behaves as a browser does: mid and rid until the receiver has reported the stream,
// transport-wide numbers, sender reports, retransmission by RTX where asked for, a key frame when one is asked for.
// Core: no clock; the owner calls HandleTimeout() at NextDeadline(). Single-threaded; borrows the pool and the counter
// of its transport, shares the trace.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/random.h"
#include "base/time.h"
#include "client/load_payload.h"
#include "client/media_trace.h"
#include "media/rtp/packet_pool.h"
#include "media/rtp/retransmission_buffer.h"
#include "media/rtp/stream_sender.h"
#include "proto/rtcp/compound.h"
#include "proto/rtp/header_layout.h"

namespace jb::client {

enum class LoadKind : std::uint8_t { kAudio, kVideo, kSimulcast };

struct TraceTrackConfig {
  LoadKind kind = LoadKind::kAudio;
  std::shared_ptr<const MediaTrace> trace;  // kVideo sends its last encoding
  std::string mid = "0";
  std::string cname;
  std::uint32_t run = 0;           // of the stamps
  std::uint32_t first_stream = 0;  // of the stamps: encoding i is first_stream + i
};

class TraceTrack {
 public:
  struct Counters {
    std::uint64_t packets = 0;          // without retransmissions
    std::uint64_t bytes = 0;            // of payload
    std::uint64_t key_frames_asked = 0;
    std::uint64_t key_frames = 0;
    std::uint64_t nacked = 0;           // numbers
    std::uint64_t resent = 0;
    std::uint64_t stalls = 0;           // times the owner came too late to keep the pace
  };
  // `buffer` holds the plain packet in its first `size` bytes and has room for SRTP.
  using Send = std::function<void(ByteSpan buffer, std::size_t size)>;

  TraceTrack(TraceTrackConfig config, media::PacketPool& pool, std::uint16_t& transport_sequence, Random& random);
  ~TraceTrack();

  bool is_audio() const { return config_.kind == LoadKind::kAudio; }
  // For `produce`, as Chromium writes them.
  json::object RtpParameters() const;

  // Sending begins, somewhere in the trace and with key frames.
  void Start(Time now);
  bool started() const { return started_; }
  // Nothing leaves while muted; begins anew afterwards.
  void SetMuted(bool muted, Time now);
  bool muted() const { return muted_; }

  Time NextDeadline() const;  // kNever: nothing to send
  void HandleTimeout(Time now, WallTime wall, const Send& send);
  // Sender reports of the streams that sent lately, one compound each.
  void WriteReports(Time now, WallTime wall, const Send& send) const;
  // What the receiver says about one of our streams, packet by packet of the compound.
  void HandleRtcp(const rtcp::RawPacket& packet, Time now, WallTime wall, const Send& send);

  const Counters& counters() const { return counters_; }
  // Packets of all encodings whose stamp lies in [from, to): what a receiver of everything should have got.
  void SetWindow(WallTime from, WallTime to) { window_from_ = from, window_to_ = to; }
  std::uint64_t packets_in_window() const { return packets_in_window_; }

 private:
  struct Stream;

  Stream* FindStream(rtp::Ssrc ssrc);
  void Place(Stream& stream, Time now);
  void Advance(Stream& stream);
  rtp::Timestamp TimestampOf(const Stream& stream) const;
  std::size_t WriteHeader(Stream& stream, ByteSpan buffer, bool marker, Time now);
  void SendAudioPacket(Stream& stream, Time now, WallTime wall, const Send& send);
  void SendVideoPacket(Stream& stream, Time now, WallTime wall, const Send& send);
  void BeginFrame(Stream& stream, Time now);
  void Keep(Stream& stream, ByteView packet, bool marker, Time now);
  void Finish(Stream& stream, ByteSpan buffer, std::size_t header, std::size_t payload, Time now, WallTime wall,
              const Send& send);
  void HandleReportBlock(const rtcp::ReportBlock& block, WallTime wall);
  void HandleKeyFrameRequest(rtp::Ssrc ssrc);
  void Resend(Stream& stream, rtp::SeqNum number, Time now, const Send& send);
  LoadStamp StampOf(const Stream& stream, WallTime wall) const;
  json::array Codecs() const;
  json::array Extensions() const;
  json::array Encodings() const;

  const TraceTrackConfig config_;
  media::PacketPool& pool_;
  std::uint16_t& transport_sequence_;
  std::vector<std::unique_ptr<Stream>> streams_;
  bool started_ = false;
  bool muted_ = false;
  // Where in the trace the track begins, so that publishers do not move in step.
  Duration offset_{};
  Counters counters_;
  WallTime window_from_ = WallTime::max(), window_to_ = WallTime::max();
  std::uint64_t packets_in_window_ = 0;
};

}  // namespace jb::client
