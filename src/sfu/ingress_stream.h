// SPDX-License-Identifier: Apache-2.0
// One incoming encoding of a producer: which SSRCs carry it, what of it was lost, and when to ask for a key
// frame. Knows nothing of SRTP and does not send: its producer and transport do. Sans-IO, single-threaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bit_ring.h"
#include "base/sequence.h"
#include "base/time.h"
#include "media/layers/layer_meter.h"
#include "media/layers/layer_reader.h"
#include "media/rtp/key_frame_requester.h"
#include "media/rtp/nack_generator.h"
#include "media/rtp/red_receiver.h"
#include "media/rtp/stream_receiver.h"
#include "media/rtp/stream_score.h"
#include "proto/rtp/types.h"
#include "sfu/forward.h"

namespace jb::sfu {

class Consumer;

// Which of the latest sequence numbers have arrived: packets come twice, by RTX as padding and by
// retransmission after the original was only late.
class ReceivedWindow {
 public:
  // True the first time; false for a repetition and for what is too old to tell.
  bool Insert(rtp::SeqNum seq);
  void Reset() { *this = ReceivedWindow(); }

 private:
  static constexpr std::int64_t kSize = 2048;
  Unwrapper<std::uint16_t> unwrapper_;
  std::optional<std::int64_t> highest_;
  BitRing<kSize> seen_;
};

struct IngressStreamOptions {
  std::size_t index = 0;  // of the encoding: the spatial layer of simulcast
  std::optional<std::string> rid;
  std::optional<std::uint32_t> ssrc;  // declared when it was produced; else learned from the packets
  std::optional<std::uint32_t> rtx_ssrc;
  std::uint32_t clock_rate = 90000;
  bool nack = false;
  bool red = false;
  bool video = false;
  media::SpatialDependency dependency = media::SpatialDependency::kFull;
  // Longer than a camera's rarest layer is apart. Of sound: longer than a sender may be quiet.
  Duration silence = std::chrono::milliseconds(1500);
};

class IngressStream {
 public:
  explicit IngressStream(IngressStreamOptions options);

  std::size_t index() const { return options_.index; }
  std::uint32_t clock_rate() const { return options_.clock_rate; }
  const std::optional<std::string>& rid() const { return options_.rid; }
  bool declared() const { return options_.ssrc.has_value(); }
  const std::optional<std::uint32_t>& ssrc() const { return ssrc_; }
  const std::optional<std::uint32_t>& rtx_ssrc() const { return rtx_ssrc_; }
  std::optional<Time> last_packet_at() const { return last_packet_at_; }

  // RFC 8843 binding, reliability R7: the first owns it; another takes over after silence or BYE.
  bool CanBind(std::uint32_t ssrc, bool rtx, Time now) const;
  void Bind(std::uint32_t ssrc, bool rtx);
  void HandleBye() { silent_ = true; }

  // First of all with each packet, after RTX decapsulation. False: seen before, and nothing to be done with it.
  bool IsNew(rtp::SeqNum seq) { return received_.Insert(seq); }
  void HandlePacket(rtp::SeqNum seq, rtp::Timestamp timestamp, std::size_t payload_size, bool key_frame, bool recovered,
                    Time now);

  std::optional<Time> NextDeadline() const;

  media::StreamReceiver& receiver() { return receiver_; }
  // At each report on it. The score, when it is another than before.
  std::optional<std::uint8_t> UpdateScore(Time now);
  // Where the sender may put copies of packets into later ones.
  media::RedReceiver* red() { return red_ ? &*red_ : nullptr; }
  media::NackGenerator* nack() { return options_.nack ? &nack_ : nullptr; }
  media::KeyFrameRequester& key_frames() { return key_frames_; }
  std::uint8_t NextFirSequence() { return fir_sequence_++; }

  // Video only: reads the layers of a packet that has just arrived, `size` bytes in all, and counts it with them.
  // `descriptor`: the dependency descriptor, where there is one.
  media::PacketLayers HandleLayers(media::Codec codec, ByteView payload, std::optional<ByteView> descriptor,
                                   std::size_t size, Time now);
  // With the packet just read came what held ones waited for: reads those after it once more. True: some were read.
  bool ReadHeldAfter(rtp::SeqNum seq);
  // They have been given to everybody.
  void ReleaseHeldAfter(rtp::SeqNum seq);
  media::LayerMeter& meter() { return meter_; }

  // Video only: the consumers that are sent it or wait for its next key frame. Room for all is made beforehand.
  const std::vector<Consumer*>& followers() const { return followers_; }
  void ReserveFollowers(std::size_t count) { followers_.reserve(count); }
  void AddFollower(Consumer& consumer) { followers_.push_back(&consumer); }
  void RemoveFollower(Consumer& consumer) { std::erase(followers_, &consumer); }

  // Video only; the producer fills it.
  RecentPackets& recent() { return recent_; }

 private:
  IngressStreamOptions options_;
  std::optional<std::uint32_t> ssrc_;
  std::optional<std::uint32_t> rtx_ssrc_;
  std::optional<Time> last_packet_at_;
  bool silent_ = false;
  std::uint8_t fir_sequence_ = 0;
  ReceivedWindow received_;
  RecentPackets recent_;
  std::vector<Consumer*> followers_;
  media::LayerReader layer_reader_;
  media::LayerMeter meter_;
  media::StreamReceiver receiver_;
  media::StreamScore score_;
  media::NackGenerator nack_;
  std::optional<media::RedReceiver> red_;
  media::KeyFrameRequester key_frames_;
};

}  // namespace jb::sfu
