// SPDX-License-Identifier: Apache-2.0
// What an honest client does about the RTP it receives on one transport: puts retransmissions (RFC 4588) back in
// their streams, sees duplicates, asks for what is missing (RFC 4585), tells the sender when packets arrived
// (transport-wide feedback) and what was lost (RFC 3550 receiver reports), and asks for a key frame when too much is
// missing. Does not decode, and knows no sockets and no SRTP.
// Core: single-threaded, no I/O, no clock. After mutations: PollRtcp() until 0, then NextDeadline(). Borrows the Random.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/time.h"
#include "client/consumer_info.h"
#include "media/rtp/nack_generator.h"
#include "media/rtp/stream_receiver.h"
#include "media/rtp/stream_sender.h"
#include "media/rtp/twcc_receiver.h"
#include "proto/rtcp/compound.h"
#include "proto/rtp/packet.h"

namespace jb::client {

class ReceiveSession {
 public:
  struct Counters {
    std::uint64_t received = 0;      // media packets, each counted once
    std::uint64_t repaired = 0;      // of them by RTX
    std::uint64_t duplicates = 0;    // came again, by RTX or not
    std::uint64_t late = 0;          // in the stream itself, behind a newer one
    std::uint64_t unknown = 0;       // of no stream of ours: probes, or of a consumer just closed
    std::uint64_t nacked = 0;        // numbers asked for
    std::uint64_t key_frames_asked = 0;
    std::uint64_t feedback = 0;      // transport-wide reports
    std::int64_t lost = 0;           // of streams that are gone; see packets_lost()
  };
  // A media packet as its sender numbered it for us, RTX undone.
  struct Media {
    const ConsumerInfo& info;
    rtp::PacketView packet;
    bool repaired = false;
  };

  ReceiveSession(std::string cname, Random& random, Time now);
  ~ReceiveSession();

  void Add(const ConsumerInfo& info);
  void Remove(rtp::Ssrc ssrc);
  // Its sender stopped for a while: what is missing is missed no longer.
  void Pause(rtp::Ssrc ssrc);
  std::size_t size() const { return streams_.size(); }

  // Plain RTP; an RTX packet is changed in place. nullopt: not media (a probe), of no stream of ours, or seen before.
  std::optional<Media> HandleRtp(ByteSpan packet, Time now);
  // Plain RTCP: sender reports.
  void HandleRtcp(ByteView packet, Time now);

  std::optional<Time> NextDeadline() const;
  // The next RTCP packet that is due; 0: none. `out` holds at least kRtcpSize.
  static constexpr std::size_t kRtcpSize = 1200;
  std::size_t PollRtcp(ByteSpan out, Time now);

  const Counters& counters() const { return counters_; }
  // Of all streams, as receiver reports count: expected and not come, repaired ones included.
  std::int64_t packets_lost() const;
  // Of one stream; nullopt when there is none.
  std::optional<Time> LastPacketAt(rtp::Ssrc ssrc) const;

 private:
  struct Stream;

  Stream* Find(rtp::Ssrc ssrc);
  bool IsNew(Stream& stream, rtp::SeqNum seq);
  void NoteMissing(Stream& stream, const rtp::PacketView& packet, bool repaired, Time now);
  std::size_t WriteNacks(ByteSpan out, Time now);
  std::size_t WriteReport(ByteSpan out, Time now);

  const std::string cname_;
  const rtp::Ssrc ssrc_;  // our own, in reports
  std::unordered_map<std::uint32_t, std::unique_ptr<Stream>> streams_;
  std::unordered_map<std::uint32_t, Stream*> repairs_;  // by the SSRC of RTX
  std::uint8_t transport_cc_id_ = 0;                    // 0: no stream has it
  media::TwccReceiver twcc_;
  rtp::Ssrc twcc_media_ssrc_;
  media::ReportSchedule reports_;
  std::vector<rtp::Ssrc> to_report_;  // what this round of receiver reports has not said yet
  Time next_nack_ = kNever;           // the earliest of all streams, perhaps too early
  std::vector<rtp::Ssrc> key_frames_wanted_;
  Counters counters_;
};

}  // namespace jb::client
