// SPDX-License-Identifier: Apache-2.0
#include "sfu/worker.h"

#include <algorithm>

#include "proto/demux.h"
#include "proto/stun/message.h"
#include "sfu/bandwidth.h"
#include "sfu/worker_impl.h"

namespace jb::sfu {

const char* DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kTooLarge: return "too_large";
    case DropReason::kNotMedia: return "not_media";
    case DropReason::kStunMalformed: return "stun_malformed";
    case DropReason::kStunUnknownUser: return "stun_unknown_user";
    case DropReason::kStunBadIntegrity: return "stun_bad_integrity";
    case DropReason::kStunIgnored: return "stun_ignored";
    case DropReason::kUnknownTuple: return "unknown_tuple";
    case DropReason::kNotReady: return "not_ready";
    case DropReason::kSrtpAuth: return "srtp_auth";
    case DropReason::kSrtpReplay: return "srtp_replay";
    case DropReason::kRtpMalformed: return "rtp_malformed";
    case DropReason::kRtcpMalformed: return "rtcp_malformed";
    case DropReason::kOverBudget: return "over_budget";
    case DropReason::kUnknownSsrc: return "unknown_ssrc";
    case DropReason::kUnknownPayloadType: return "unknown_payload_type";
    case DropReason::kSsrcLimit: return "ssrc_limit";
    case DropReason::kDuplicate: return "duplicate";
    case DropReason::kPaused: return "paused";
    case DropReason::kNackLimit: return "nack_limit";
    case DropReason::kWrongDirection: return "wrong_direction";
    case DropReason::kCount: break;
  }
  return "unknown";
}

Worker::Worker(WorkerConfig config, Random& random, WorkerOutput& output)
    : impl_(std::make_unique<Impl>(std::move(config), random, output)) {}
Worker::~Worker() = default;

void Worker::HandleDatagrams(std::span<const IncomingDatagram> datagrams, Time now) {
  const Egress::Turn turn(impl_->context.egress);
  for (const IncomingDatagram& datagram : datagrams) impl_->HandleDatagram(datagram.from, datagram.bytes, now);
}
void Worker::HandleDatagram(const Tuple& from, ByteSpan datagram, Time now) {
  const Egress::Turn turn(impl_->context.egress);
  impl_->HandleDatagram(from, datagram, now);
}
void Worker::HandleTupleClosed(const Tuple& tuple, Time now) { impl_->HandleTupleClosed(tuple, now); }
bool Worker::IsValidTuple(const Tuple& tuple) const { return impl_->context.routes.FindTuple(tuple) != nullptr; }
void Worker::HandleTimeout(Time now) {
  const Egress::Turn turn(impl_->context.egress);
  impl_->context.latest = now;
  impl_->context.deadlines.Run(now);
}

std::optional<Time> Worker::NextDeadline() const {
  const Time next = impl_->context.deadlines.next();
  if (next == kNever) return std::nullopt;
  return next;
}

const json::object& Worker::RouterRtpCapabilities() const { return impl_->router_json; }
WorkerStats Worker::stats() const { return impl_->Stats(); }

void Worker::Impl::HandleDatagram(const Tuple& from, ByteSpan datagram, Time now) {
  context.latest = now;
  if (datagram.size() > kMaxDatagramSize) return context.Drop(DropReason::kTooLarge);
  const proto::PacketKind kind = proto::Classify(datagram);
  if (kind == proto::PacketKind::kStun) return HandleStun(from, datagram, now);
  if (kind == proto::PacketKind::kUnknown) return context.Drop(DropReason::kNotMedia);
  // Reliability D1: nothing is parsed that does not come from where a check was authenticated.
  Transport* transport = context.routes.FindTuple(from);
  if (!transport) return context.Drop(DropReason::kUnknownTuple);
  switch (kind) {
    case proto::PacketKind::kDtls: return transport->HandleDtls(datagram, now);
    case proto::PacketKind::kRtp: return transport->HandleRtp(from, datagram, now);
    case proto::PacketKind::kRtcp: return transport->HandleRtcp(from, datagram, now);
    default: return;
  }
}

void Worker::Impl::HandleStun(const Tuple& from, ByteView datagram, Time now) {
  ++context.stats.stun_in;
  const auto message = stun::Message::Parse(datagram);
  if (!message.ok()) return context.Drop(DropReason::kStunMalformed);
  if (!message->IsBindingRequest()) return context.Drop(DropReason::kStunIgnored);
  const auto fragment = message->username_local();
  Transport* transport = fragment ? context.routes.FindFragment(*fragment) : nullptr;
  if (!transport) return context.Drop(DropReason::kStunUnknownUser);
  transport->HandleStun(*message, from, now);
}

void Worker::Impl::HandleTupleClosed(const Tuple& tuple, Time now) {
  Transport* transport = context.routes.FindTuple(tuple);
  if (!transport) return;
  context.routes.Unbind(tuple, *transport);
  transport->HandleTupleLost(tuple, now);
}

WorkerStats Worker::Impl::Stats() const {
  WorkerStats out = context.stats;
  out.transports = transports.size();
  // One that is piped here is counted where it is sent to.
  out.producers = static_cast<std::uint64_t>(std::count_if(
      producers.begin(), producers.end(), [](const auto& item) { return item.second->inlet() == nullptr; }));
  out.consumers = consumers.size();
  for (const auto& [id, transport] : transports) {
    if (!transport->bandwidth()) continue;
    ++out.estimated_links;
    out.available_outgoing_bps += transport->bandwidth()->estimator().estimate_bps();
  }
  out.pooled_packets = context.packets.in_use();
  return out;
}

}  // namespace jb::sfu
