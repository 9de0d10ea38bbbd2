// SPDX-License-Identifier: Apache-2.0
// One track that somebody receives: rewrites the packets of the producer's encoding that it follows into one continuous
// RTP stream of its own (SSRC, numbers, timestamps, mid, send time), answers NACKs by RTX, reports with SR.
// Sans-IO, single-threaded. Owned by the worker; borrows producer and transport, which outlive it.
// Nothing is allocated per packet once its rings have grown.
#pragma once

#include <optional>
#include <string>

#include "media/layers/layer_ladder.h"
#include "media/rtp/retransmission_buffer.h"
#include "media/rtp/seq_manager.h"
#include "media/rtp/stream_score.h"
#include "media/rtp/stream_sender.h"
#include "proto/rtcp/nack.h"
#include "proto/rtcp/report_block.h"
#include "sfu/context.h"
#include "sfu/forward.h"
#include "sfu/ortc.h"
#include "sfu/stream_follower.h"

namespace jb::sfu {

class Producer;
class Transport;

struct PreferredLayers {
  std::uint8_t spatial = 0;
  std::optional<std::uint8_t> temporal;
};

class Consumer {
 public:
  Consumer(Context& context, Transport& transport, Producer& producer, ConsumerId id, RtpParameters parameters);
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  const ConsumerId& id() const { return id_; }
  Producer& producer() const { return producer_; }
  Transport& transport() const { return transport_; }
  const RtpParameters& parameters() const { return parameters_; }
  std::uint32_t ssrc() const { return ssrc_; }
  const std::optional<std::uint32_t>& rtx_ssrc() const { return rtx_ssrc_; }
  bool paused() const { return paused_; }
  media::StreamSender& sender() { return sender_; }

  void Pause();
  void Resume(Time now);
  // The source jumps: the next packet sent continues the numbers, and for video is a key frame.
  void Resync() { follower_.Resync(); }
  // `stream` of its producer counts anew from here on.
  void HandleRestart(const IngressStream& stream) { follower_.HandleRestart(stream); }
  // Other encodings flow now, or other layers are wanted.
  void Retarget(Time now);
  void HandleTransportConnected(Time now);
  // The packets kept for NACKs: the old ones, or all of a stream that has stopped.
  void ForgetOld(Time now) { sent_.Forget(now); }
  void ForgetSent() { sent_.Clear(); }
  void SetPreferredLayers(PreferredLayers layers, Time now);
  const std::optional<PreferredLayers>& preferred_layers() const { return preferred_; }
  // 1 to 255, for whoever shares out the link.
  void set_priority(std::uint8_t priority) { priority_ = priority; }
  std::uint8_t priority() const { return priority_; }

  // What it could be sent now: layers that flow, up to the preferred ones, with what each step takes.
  void CollectLayers(media::LayerLadder& out, Time now) const;
  // What may be sent from here on. nullopt: nothing fits, and the picture stands still until told otherwise. Without
  // any call: whatever flows, up to the preferred layers.
  void SetTargetLayers(std::optional<media::Layers> layers, Time now);
  // A size above those may not go on with its base either until they can begin.
  void EndLargerLayers(Time now);
  // What is being sent; nullopt: nothing.
  std::optional<media::Layers> current_layers() const;

  // A packet of `stream`, which it follows (nullptr: a synthetic voice). True: with it the stream begins, or begins
  // again.
  bool Send(IngressStream* stream, const ForwardedPacket& packet, Time now);
  // That number was taken by nothing.
  void Skip(const IngressStream& stream, rtp::SeqNum seq);

  void HandleNack(const rtcp::Nack& nack, Time now);
  void HandleKeyFrameRequest(Time now);
  // RFC 5104 section 4.3.1.1: the same number again is the same request.
  void HandleFir(std::uint8_t sequence, Time now);
  void HandleReportBlock(const rtcp::ReportBlock& block, Time now);
  // Of 256, what its receiver lately said to miss of it; 0 when it says nothing any more.
  std::uint8_t RecentLoss(Time now) const;

 private:
  // What this receiver may be sent of what it wants.
  std::optional<media::Layers> WantedLayers() const;
  void SendAs(const ForwardedPacket& packet, const PacketForm& form, Time now);
  ByteSpan OwnBytes(const media::PacketBuffer& source, const PacketForm& form, std::size_t packet_size, Time now) const;
  void LeaveOut(const ForwardedPacket& packet, PacketForm form, Time now);
  void Resend(rtp::SeqNum seq, Time now);
  void SendRepetition(const media::RetransmissionBuffer::Item& item, Time now);
  void UpdateScore();
  // An event when what is sent is news.
  void ReportLayers(std::optional<media::Layers> layers);

  Context& context_;
  Transport& transport_;
  Producer& producer_;
  ConsumerId id_;
  RtpParameters parameters_;
  std::uint32_t ssrc_;
  std::optional<std::uint32_t> rtx_ssrc_;
  crypto::SrtpSendStream* srtp_stream_ = nullptr;  // from the first packet on
  crypto::SrtpSendStream* srtp_rtx_stream_ = nullptr;
  std::uint8_t rtx_payload_type_ = 0;
  std::string mid_;
  ExtensionMask negotiated_ = 0;
  bool video_;
  bool paused_ = true;
  StreamFollower follower_;
  std::optional<PreferredLayers> preferred_;
  bool has_target_ = false;
  std::optional<media::Layers> target_;
  std::uint8_t priority_ = 1;
  media::Layers highest_;  // that its parameters speak of
  std::optional<media::Layers> reported_;
  std::optional<std::uint8_t> last_fir_;
  media::SeqManager sequence_;
  rtp::SeqNum rtx_sequence_;
  media::StreamSender sender_;
  media::StreamScore score_;
  Time reported_at_{};  // by the receiver, on this stream
  media::RetransmissionBuffer sent_;
  std::size_t rtx_budget_;  // bytes we may still resend (reliability R9)
};

}  // namespace jb::sfu
