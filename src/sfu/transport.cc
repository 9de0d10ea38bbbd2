// SPDX-License-Identifier: Apache-2.0
#include "sfu/transport.h"

#include <algorithm>
#include <limits>

#include "crypto/certificate.h"
#include "sfu/bandwidth.h"
#include "sfu/consumer.h"
#include "sfu/ingress_stream.h"
#include "sfu/producer.h"
#include "sfu/transport_json.h"

namespace jb::sfu {
namespace {

// Reliability S7. The rate grows with what the producers announce.
constexpr std::uint64_t kPacketsPerSecond = 3000;
constexpr std::uint64_t kBytesPerSecond = 3'000'000;
// mediasoup's range begins here; what is left of it lasts for 200 million consumers.
constexpr std::uint32_t kFirstSsrc = 100'000'000;

}  // namespace

Transport::Transport(Context& context, TransportId id, TransportDirection direction, Time now)
    : Timed(context.deadlines),
      context_(context),
      id_(std::move(id)),
      direction_(direction),
      ice_(context.random, context.config.consent_timeout),
      next_ssrc_(context.random.Between(kFirstSsrc, 5 * kFirstSsrc)),
      packet_budget_(kPacketsPerSecond, kPacketsPerSecond, now),
      byte_budget_(kBytesPerSecond, kBytesPerSecond, now),
      transport_sequence_(static_cast<std::uint16_t>(context.random.U32())),
      reports_(now, context.random),
      rtcp_ssrc_(context.random.U32() | 1) {
  context_.routes.AddFragment(ice_.credentials().username_fragment, *this);
}

Transport::~Transport() {
  UnbindTuples(ice_.Tuples());
  for (const std::string& fragment : ice_.UsernameFragments()) context_.routes.RemoveFragment(fragment);
}

json::object Transport::Options() const {
  return {{"id", id_.value()},
          {"iceParameters", IceParameters()},
          {"iceCandidates", IceCandidatesJson(context_.config.announced)},
          {"dtlsParameters", DtlsParametersJson(context_.config.certificate->fingerprint_sha256())}};
}

json::object Transport::IceParameters() const { return IceParametersJson(ice_.credentials()); }

Status<> Transport::Connect(const json::value& dtls_parameters, Time now) {
  if (dtls_) return Fail("already_connected", "connect was already called on this transport");
  JB_TRY(const RemoteDtlsParameters remote, ParseDtlsParameters(dtls_parameters));
  dtls_.emplace(remote.our_role, context_.config.certificate);
  dtls_->SetRemoteFingerprint(remote.fingerprint);
  UpdateState(now);
  FlushDtls();
  Reschedule();
  return kOk;
}

void Transport::RestartIce(Time now) {
  ice_.Restart(now);
  context_.routes.AddFragment(ice_.credentials().username_fragment, *this);
  SyncFragments();
  Reschedule();
}

void Transport::Close(Time now) {
  if (!dtls_) return;
  dtls_->Close(now);
  FlushDtls();
}

void Transport::HandleStun(const stun::Message& request, const Tuple& from, Time now) {
  std::array<std::uint8_t, stun::kMaxMessageSize> buffer;
  const IceServer::Outcome outcome = ice_.HandleRequest(request, from, buffer, now);
  if (outcome.dropped) {
    context_.Drop(*outcome.dropped);
    return;
  }
  if (!outcome.reply.empty()) {
    ++context_.stats.stun_out;
    context_.output.SendDatagram(from, outcome.reply);
  }
  if (!outcome.valid) return;
  if (outcome.evicted) context_.routes.Unbind(*outcome.evicted, *this);
  // The same port of the client, a new connection of it: the newer one has it.
  if (Transport* before = context_.routes.Bind(from, *this)) before->HandleTupleLost(from, now);
  SyncFragments();
  UpdateState(now);
  FlushDtls();
  if (const auto next = ice_.NextDeadline()) WakeAt(*next);
}

void Transport::HandleDtls(ByteView datagram, Time now) {
  ++context_.stats.dtls_in;
  // Before connect nobody can be told from anybody; the client sends again.
  if (!dtls_ || state_ == TransportState::kFailed || state_ == TransportState::kClosed) {
    context_.Drop(DropReason::kNotReady);
    return;
  }
  dtls_->HandlePacket(datagram, now);
  FlushDtls();
  UpdateState(now);
  if (const auto next = dtls_->NextDeadline()) WakeAt(*next);
}

void Transport::HandleTupleLost(const Tuple& tuple, Time now) {
  ice_.RemoveTuple(tuple);
  UpdateState(now);
}

void Transport::FlushDtls() {
  if (!dtls_) return;
  Bytes datagram;
  while (dtls_->PollTransmit(datagram)) {
    if (!ice_.selected()) continue;  // lost; DTLS sends it again
    ++context_.stats.dtls_out;
    context_.output.SendDatagram(*ice_.selected(), datagram);
  }
}

void Transport::UpdateState(Time now) {
  if (state_ == TransportState::kFailed || state_ == TransportState::kClosed) return;
  TransportState next = state_;
  const bool reachable = ice_.selected().has_value();
  if (dtls_) {
    if (reachable && !dtls_started_) {
      dtls_started_ = true;
      dtls_->Start(now);
    }
    switch (dtls_->state()) {
      case crypto::DtlsState::kConnected:
        if (!srtp_) srtp_.emplace(dtls_->keys());
        if (reachable) next = TransportState::kConnected;
        break;
      case crypto::DtlsState::kFailed: next = TransportState::kFailed; break;
      case crypto::DtlsState::kClosed: next = TransportState::kClosed; break;
      case crypto::DtlsState::kNew:
      case crypto::DtlsState::kConnecting: break;
    }
  }
  if (!reachable && next == TransportState::kConnected) next = TransportState::kDisconnected;
  if (next == state_) return;
  const TransportState before = std::exchange(state_, next);
  context_.output.HandleEvent(TransportStateChanged{id_, state_});
  if (before == TransportState::kConnected) {
    for (Consumer* consumer : consumers_) consumer->ForgetSent();
    for (Producer* producer : producers_) producer->ForgetRecent();
  }
  if (state_ != TransportState::kConnected) return;
  for (Consumer* consumer : consumers_) consumer->HandleTransportConnected(now);
  WakeAt(reports_.next());
}

// The packet pool is everybody's: nothing is held for streams that have stopped.
void Transport::ForgetOld(Time now) {
  for (Consumer* consumer : consumers_) consumer->ForgetOld(now);
  for (Producer* producer : producers_) {
    producer->UpdateFlow(now);
    producer->ForgetStalled(now);
  }
}

void Transport::UnbindTuples(const std::vector<Tuple>& tuples) {
  for (const Tuple& tuple : tuples) context_.routes.Unbind(tuple, *this);
}

void Transport::SyncFragments() {
  for (const std::string& fragment : ice_.TakeRetired()) context_.routes.RemoveFragment(fragment);
}

void Transport::HandleDeadline(Time now) {
  UnbindTuples(ice_.HandleTimeout(now));
  if (dtls_) {
    dtls_->HandleTimeout(now);
    FlushDtls();
  }
  UpdateState(now);
  if (CanSend()) SendDueFeedback(now);
  Reschedule();
}

void Transport::Reschedule() {
  Time next = kNever;
  const auto consider = [&next](std::optional<Time> at) {
    if (at && *at < next) next = *at;
  };
  consider(ice_.NextDeadline());
  if (dtls_) consider(dtls_->NextDeadline());
  if (CanSend()) {
    consider(reports_.next());
    consider(twcc_.NextDeadline());
    if (bandwidth_) consider(bandwidth_->NextDeadline());
    for (Producer* producer : producers_) {
      for (const auto& stream : producer->streams()) consider(stream->NextDeadline());
    }
  }
  SetDeadline(next);
}

Status<> Transport::CheckFree(const RtpParameters& parameters) const {
  for (const Producer* producer : producers_) {
    if (parameters.mid && producer->parameters().mid == parameters.mid) {
      return Fail("invalid_parameters", "that mid is already produced on this transport");
    }
  }
  for (const RtpEncoding& encoding : parameters.encodings) {
    for (const auto& ssrc : {encoding.ssrc, encoding.rtx_ssrc}) {
      if (ssrc && bindings_.contains(*ssrc)) {
        return Fail("invalid_parameters", "an ssrc is already produced on this transport");
      }
    }
    // Without mid, a RID alone must tell the producers apart.
    for (const Producer* producer : producers_) {
      if (!encoding.rid || (parameters.mid && producer->parameters().mid)) continue;
      for (const RtpEncoding& other : producer->parameters().encodings) {
        if (other.rid == encoding.rid) {
          return Fail("invalid_parameters", "that rid is already produced on this transport without a mid");
        }
      }
    }
  }
  return kOk;
}

void Transport::AddProducer(Producer& producer, Time now) {
  producers_.push_back(&producer);
  for (const auto& extension : producer.parameters().header_extensions) {
    extensions_[extension.id] = RouterExtensionId(extension.uri);
  }
  std::uint64_t rate = byte_budget_.rate();
  for (const RtpEncoding& encoding : producer.parameters().encodings) {
    rate += static_cast<std::uint64_t>(encoding.max_bitrate.value_or(0)) * 2 / 8;
  }
  byte_budget_.set_rate(std::min(rate, 10 * kBytesPerSecond), now);
  for (const auto& stream : producer.streams()) {
    if (stream->ssrc()) bindings_[*stream->ssrc()] = {&producer, stream.get(), false};
    if (stream->rtx_ssrc()) bindings_[*stream->rtx_ssrc()] = {&producer, stream.get(), true};
  }
}

void Transport::RemoveProducer(Producer& producer) {
  std::erase(producers_, &producer);
  for (auto it = bindings_.begin(); it != bindings_.end();) {
    if (it->second.producer == &producer) {
      if (srtp_) srtp_->ForgetSsrc(it->first);
      it = bindings_.erase(it);
    } else {
      ++it;
    }
  }
}

void Transport::AddConsumer(Consumer& consumer) {
  consumers_.push_back(&consumer);
  consumers_by_ssrc_.emplace(consumer.ssrc(), &consumer);
  if (consumer.producer().kind() != MediaKind::kVideo) return;
  const auto feedback = NegotiatedFeedback(consumer.parameters());
  if (!feedback) return;
  if (!bandwidth_) bandwidth_ = std::make_unique<Bandwidth>(context_, *feedback, transport_sequence_);
  bandwidth_->AddConsumer(consumer, context_.latest);
  WakeAt(bandwidth_->NextDeadline());
}

std::uint16_t Transport::TakeTransportSequence(std::size_t size, Time now) {
  if (!bandwidth_) return transport_sequence_++;
  const std::uint16_t sequence = bandwidth_->HandleVideoSent(size, now);
  WakeAt(bandwidth_->NextDeadline());
  return sequence;
}

void Transport::ShareOut(Time now) {
  if (bandwidth_ && CanSend()) bandwidth_->Allocate(now);
}

std::size_t Transport::RoomToResend(Time now) const {
  return bandwidth_ ? bandwidth_->RoomToResend(now) : std::numeric_limits<std::size_t>::max();
}

void Transport::HandleResent(std::size_t size, Time now) {
  if (bandwidth_) bandwidth_->HandleResent(size, now);
}

void Transport::HandleAudioSent(std::size_t size, Time now) {
  if (bandwidth_) bandwidth_->HandleAudioSent(size, now);
}

void Transport::RemoveConsumer(Consumer& consumer) {
  std::erase(consumers_, &consumer);
  consumers_by_ssrc_.erase(consumer.ssrc());
  if (bandwidth_) bandwidth_->RemoveConsumer(consumer);
  if (!srtp_) return;
  srtp_->RetireSendSsrc(consumer.ssrc());
  if (consumer.rtx_ssrc()) srtp_->RetireSendSsrc(*consumer.rtx_ssrc());
}

const std::string& Transport::UseCname(const std::string& offered) {
  if (cname_.empty()) cname_ = offered;
  if (cname_.empty()) cname_ = context_.random.Text(8, "abcdefghijklmnopqrstuvwxyz0123456789");
  return cname_;
}

crypto::SrtpTicket Transport::TakeNumber(crypto::SrtpSendStream*& stream, std::uint32_t ssrc, rtp::SeqNum seq) {
  if (!stream) {
    auto opened = srtp_->OpenSendStream(ssrc);
    if (!opened.ok()) return {};
    stream = *opened;
  }
  auto ticket = srtp_->TakeNumber(*stream, seq.value());
  return ticket.ok() ? std::move(*ticket) : crypto::SrtpTicket();
}

}  // namespace jb::sfu
