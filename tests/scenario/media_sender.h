// SPDX-License-Identifier: Apache-2.0
// What a browser sends and does with feedback: Opus and VP8-shaped packets with header extensions, RTX on
// NACK, a key frame on PLI; and a receiver that finds gaps, asks, and puts the stream together again.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "media/rtp/nack_generator.h"
#include "scenario/test_peer.h"

namespace jb::scenario {

// How one codec's packets look from outside: the first bytes of a payload.
struct CodecShape {
  std::string name;  // "VP9"
  std::uint8_t payload_type = 96;
  json::object parameters;
  Bytes key_start, frame_start, middle;
};
CodecShape Vp8Shape();
CodecShape Vp9Shape();
CodecShape H264Shape();
CodecShape Av1Shape();

struct SenderOptions {
  bool video = true;
  CodecShape codec = Vp8Shape();
  std::uint32_t ssrc = 0;
  std::uint32_t rtx_ssrc = 0;
  std::string mid = "0";
  std::string rid;
  std::string cname = "peer-cname";
  bool declare_ssrc = true;
  bool nack = false;  // audio: sends again what is asked for, as it was; video does always, by RTX
  std::size_t red_copies = 0;  // audio: each packet carries so many earlier ones (RFC 2198)
  std::uint16_t first_sequence = 65'530;
  std::uint32_t first_timestamp = 4'294'900'000;  // wraps soon
};

json::value AudioParameters(const SenderOptions& options);
// One encoding per entry of `rids`; empty: one with the declared SSRCs.
json::value VideoParameters(const SenderOptions& options, const std::vector<std::string>& rids = {});
// How a client tells of its link. One that does not at all is sent what it prefers.
enum class BandwidthFeedback { kTransportWide, kRemb, kNone };
// What Chrome answers in recvRtpCapabilities, for our router; or one that has other feedback.
json::value RecvCapabilities(sfu::Worker& worker, BandwidthFeedback feedback = BandwidthFeedback::kTransportWide);

class MediaSender {
 public:
  static constexpr std::uint8_t kOpus = 111, kRed = 63, kVp8 = 96, kRtx = 97;
  static constexpr std::uint8_t kMidId = 4, kAbsSendTimeId = 2, kTransportCcId = 3, kLevelId = 1, kRidId = 10,
                                kRepairedRidId = 11, kDependencyDescriptorId = 12;

  MediaSender(TestPeer& peer, SenderOptions options);

  // One packet of 20 ms.
  void SendOpus(std::uint8_t level = 30, bool voice = true);
  // Sends nothing for so long, and takes no numbers.
  void KeepSilent(std::uint32_t ticks) { timestamp_ += ticks; }
  // One frame of `packets` packets of `size` bytes of payload.
  void SendFrame(bool key_frame, int packets = 3, std::size_t size = 1000);
  // One packet of a picture that somebody else has made; `descriptor`: its dependency descriptor.
  void SendPayload(ByteView payload, bool marker, ByteView descriptor = {});
  void set_timestamp(std::uint32_t timestamp) { timestamp_ = timestamp; }
  // That `timestamp` is `wall` by the sender's clock.
  void SendSenderReport(std::uint32_t timestamp, WallTime wall);
  // Number taken, nothing in it: a probe.
  void SendPadding();
  void SkipSequence() { ++sequence_; }
  // Answers a NACK, or does as if there had been one.
  void SendAgainByRtx(std::uint16_t sequence);
  void SendAgain(std::uint16_t sequence);
  void HandleRtcp(ByteView compound);
  Bytes Build(std::uint8_t payload_type, bool marker, ByteView payload, std::uint16_t sequence);

  std::uint8_t fraction_lost = 0;  // as last reported
  bool key_frame_wanted() const { return key_frame_wanted_; }
  bool TakeKeyFrameWanted() { return std::exchange(key_frame_wanted_, false); }
  std::size_t plis = 0, firs = 0, nacked = 0, rtx_sent = 0, receiver_reports = 0, twcc_feedbacks = 0;
  std::size_t sent = 0;
  std::uint16_t sequence() const { return sequence_; }
  std::uint32_t timestamp() const { return timestamp_; }
  const SenderOptions& options() const { return options_; }

 private:
  void SendPacket(std::uint8_t payload_type, bool marker, ByteView payload);
  Bytes WrapInRed(ByteView opus);

  TestPeer& peer_;
  SenderOptions options_;
  std::uint16_t sequence_;
  std::uint16_t rtx_sequence_ = 5000;
  std::uint16_t transport_sequence_ = 65'500;
  std::uint32_t timestamp_;
  std::uint32_t frames_ = 0;
  std::uint8_t level_ = 127;
  Bytes descriptor_;  // of the packet that is being built
  bool key_frame_wanted_ = false;
  std::map<std::uint16_t, Bytes> history_;
  std::map<std::uint16_t, Bytes> datagrams_;  // of audio that answers NACKs
  struct Spoken {
    std::uint32_t timestamp;
    Bytes opus;
  };
  std::deque<Spoken> spoken_;  // the last red_copies packets
};

// The receiving end of one consumer.
class MediaReceiver {
 public:
  MediaReceiver(TestPeer& peer, const json::value& consumer);

  void HandlePacket(const ReceivedRtp& packet);
  void HandleRtcp(ByteView compound);
  // Asks for what is missing; call it now and then.
  void Poll();
  void SendPli();
  void SendFir(std::uint8_t request);
  void SendNack(std::uint16_t sequence);
  // `lost`: in all.
  void SendReceiverReport(std::uint8_t fraction_lost = 0, std::int32_t lost = 0);

  std::uint32_t ssrc = 0, rtx_ssrc = 0;
  std::string mid;
  std::uint8_t payload_type = 0, rtx_payload_type = 0;
  bool nack = true;
  std::size_t packets = 0, rtx_packets = 0, duplicates = 0, sender_reports = 0, wrong_mid = 0;
  std::optional<std::string> cname;  // from SDES
  // By unwrapped sequence number: what arrived, in whatever way.
  std::map<std::int64_t, Bytes> payloads;
  std::map<std::int64_t, std::uint32_t> timestamps;
  std::map<std::int64_t, bool> markers;
  std::size_t differing = 0;  // came twice, and not the same both times
  bool IsContiguous() const;

 private:
  void Insert(const rtp::PacketView& packet, bool recovered);

  TestPeer& peer_;
  Unwrapper<std::uint16_t> unwrapper_;
  media::NackGenerator generator_;
};

}  // namespace jb::scenario
