// SPDX-License-Identifier: Apache-2.0
#include "sfu/pipe.h"

#include <algorithm>

#include "sfu/pipe_ends.h"
#include "sfu/worker_impl.h"

namespace jb::sfu {
namespace {

// A consumer that waits for a key frame asks with each packet. The origin asks the sender once a second at most.
constexpr Duration kKeyFrameRequestGap = std::chrono::milliseconds(100);
// As often as receivers report.
constexpr Duration kListenerLossGap = std::chrono::seconds(1);
constexpr Duration kLossIsRecent = std::chrono::seconds(5);
// Longer than an encoding is silent before it counts as stalled.
constexpr Duration kForgetAfter = std::chrono::seconds(3);

}  // namespace

// --- the end away from the sender ---

PipeInlet::PipeInlet(Context& context, Producer& producer, PipeId id, WorkerIndex from)
    : Timed(context.deadlines),
      context_(context),
      producer_(producer),
      id_(id),
      from_(from),
      asked_at_(producer.streams().size()) {}

void PipeInlet::HandlePacket(std::uint8_t index, ByteView bytes, bool recovered, Time now) {
  if (index >= producer_.streams().size()) return;
  const auto packet = rtp::PacketView::Parse(bytes);
  if (!packet.ok()) return context_.Drop(DropReason::kRtpMalformed);
  IngressStream& stream = *producer_.streams()[index];
  const std::uint32_t ssrc = packet->ssrc().value();
  if (stream.ssrc() != ssrc) {
    // The sender began anew; the origin has made sure that it may.
    const bool rebound = stream.ssrc().has_value();
    stream.Bind(ssrc, /*rtx=*/false);
    if (rebound) producer_.HandleRebind(stream);
  }
  producer_.HandlePacket(stream, *packet, recovered, now);
  SetDeadline(now + kForgetAfter);
}

void PipeInlet::RequestKeyFrame(std::size_t stream, Time now) {
  std::optional<Time>& asked_at = asked_at_[stream];
  if (asked_at && now - *asked_at < kKeyFrameRequestGap) return;
  asked_at = now;
  PipeMessage message;
  message.kind = PipeMessageKind::kKeyFrameRequest;
  message.pipe = id_;
  message.stream = static_cast<std::uint8_t>(stream);
  Send(message);
}

void PipeInlet::ReportLoss(Time now) {
  if (loss_at_ && now - *loss_at_ < kListenerLossGap) return;
  const std::uint8_t loss = producer_.LossOfListeners(now);
  if (loss == 0 && reported_loss_ == 0) return;
  loss_at_ = now;
  reported_loss_ = loss;
  PipeMessage message;
  message.kind = PipeMessageKind::kListenerLoss;
  message.pipe = id_;
  message.fraction_lost = loss;
  Send(message);
}

// --- the end at the sender ---

void Producer::AddOutlet(const PipeOutlet& outlet) { outlets_.push_back(outlet); }

void Producer::RemoveOutlet(PipeId id) {
  std::erase_if(outlets_, [&](const PipeOutlet& outlet) { return outlet.id == id; });
}

void Producer::SetInlet(std::unique_ptr<PipeInlet> inlet) { inlet_ = std::move(inlet); }

void Producer::HandleListenerReport(Time now) {
  if (inlet_) {
    if (uses_inband_fec_) inlet_->ReportLoss(now);
  } else if (options_.synthetic && expected_loss_.Update(LossOfListeners(now), now)) {
    context_.output.HandleEvent(ExpectedLossChanged{options_.id, expected_loss_.percent()});
  }
}

void Producer::Pipe(PipeMessage message) {
  for (const PipeOutlet& outlet : outlets_) {
    message.pipe = outlet.id;
    ++context_.stats.piped_out;
    context_.output.HandlePipeMessage(outlet.to, message);
  }
}

void Producer::PipePacket(const IngressStream& stream, const rtp::PacketView& packet, bool recovered) {
  if (outlets_.empty()) return;
  PipeMessage message;
  message.kind = PipeMessageKind::kPacket;
  message.stream = static_cast<std::uint8_t>(stream.index());
  message.recovered = recovered;
  message.payload = packet.bytes();
  Pipe(message);
}

void Producer::HandleSenderReport(IngressStream& stream, const rtcp::SenderInfo& info, Time now) {
  stream.receiver().HandleSenderReport(info, now);
  if (outlets_.empty() || paused_) return;
  PipeMessage message;
  message.kind = PipeMessageKind::kSenderReport;
  message.stream = static_cast<std::uint8_t>(stream.index());
  message.report = info;
  Pipe(message);
}

std::uint8_t Producer::LossBehindPipes(Time now) const {
  std::uint8_t worst = 0;
  for (const PipeOutlet& outlet : outlets_) {
    if (now - outlet.lost_at <= kLossIsRecent) worst = std::max(worst, outlet.fraction_lost);
  }
  return worst;
}

void Producer::HandlePipeMessage(const PipeMessage& message, Time now) {
  const bool has_stream = message.stream < streams_.size();
  const auto outlet = std::find_if(outlets_.begin(), outlets_.end(),
                                   [&](const PipeOutlet& one) { return one.id == message.pipe; });
  switch (message.kind) {
    case PipeMessageKind::kPacket:
      if (inlet_) inlet_->HandlePacket(message.stream, message.payload, message.recovered, now);
      break;
    case PipeMessageKind::kInjected:
      if (!inlet_ || !streams_.empty()) break;
      Inject(message.payload, rtp::Timestamp(message.timestamp), message.marker, message.level_dbov, message.voice,
             now);
      break;
    case PipeMessageKind::kSenderReport:
      if (inlet_ && has_stream) streams_[message.stream]->receiver().HandleSenderReport(message.report, now);
      break;
    case PipeMessageKind::kKeyFrameRequest:
      if (outlet != outlets_.end() && has_stream) RequestKeyFrame(*streams_[message.stream], now);
      break;
    case PipeMessageKind::kListenerLoss:
      if (outlet == outlets_.end()) break;
      outlet->fraction_lost = message.fraction_lost;
      outlet->lost_at = now;
      HandleListenerReport(now);
      break;
  }
}

// --- commands ---

Result<PipeDescriptionPtr> Worker::AddPipe(const ProducerId& producer_id, PipeId id, WorkerIndex to) {
  JB_TRY(Producer * producer, impl_->FindProducer(producer_id));
  if (producer->inlet() || !impl_->pipes.emplace(id, producer).second) {
    return Fail("invalid_parameters", "a producer is piped from its origin, by a pipe of an id of its own");
  }
  producer->AddOutlet({id, to});
  auto description = std::make_shared<PipeDescription>();
  description->options = producer->options();
  description->options.piped = true;
  description->paused = producer->paused();
  for (const auto& stream : producer->streams()) description->ssrcs.push_back(stream->ssrc());
  return PipeDescriptionPtr(std::move(description));
}

void Worker::RemovePipe(PipeId id) {
  const auto found = impl_->pipes.find(id);
  if (found == impl_->pipes.end() || found->second->inlet()) return;
  found->second->RemoveOutlet(id);
  impl_->pipes.erase(found);
}

Status<> Worker::AddPipedProducer(const PipeDescriptionPtr& description, PipeId id, WorkerIndex from) {
  const ProducerId& producer_id = description->options.id;
  if (impl_->producers.contains(producer_id) || impl_->pipes.contains(id)) {
    return Fail("invalid_parameters", "that producer or pipe is here already");
  }
  auto producer = std::make_unique<Producer>(impl_->context, nullptr, description->options);
  for (std::size_t i = 0; i < description->ssrcs.size(); ++i) {
    if (description->ssrcs[i]) producer->streams()[i]->Bind(*description->ssrcs[i], /*rtx=*/false);
  }
  if (description->paused) producer->Pause();
  producer->SetInlet(std::make_unique<PipeInlet>(impl_->context, *producer, id, from));
  impl_->pipes.emplace(id, producer.get());
  impl_->producers.emplace(producer_id, std::move(producer));
  return kOk;
}

void Worker::HandlePipeMessages(std::span<const PipeMessage> messages, Time now) {
  const Egress::Turn turn(impl_->context.egress);
  impl_->context.latest = now;
  for (const PipeMessage& message : messages) {
    const auto found = impl_->pipes.find(message.pipe);
    if (found == impl_->pipes.end()) continue;  // closed while the message was on its way
    ++impl_->context.stats.piped_in;
    found->second->HandlePipeMessage(message, now);
  }
}

void Worker::Impl::RemovePipesOf(const Producer& producer) {
  for (const PipeOutlet& outlet : producer.outlets()) pipes.erase(outlet.id);
  if (producer.inlet()) pipes.erase(producer.inlet()->id());
}

}  // namespace jb::sfu
