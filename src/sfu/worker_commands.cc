// SPDX-License-Identifier: Apache-2.0
// The commands of the worker: checks, then the tables.
#include <algorithm>

#include "sfu/worker_impl.h"

namespace jb::sfu {
namespace {

Failure<Error> NotFound(std::string_view what) {
  return Fail(std::string(what) + "_not_found", "there is no such " + std::string(what));
}

}  // namespace

Worker::Impl::Impl(WorkerConfig config, Random& random, WorkerOutput& output)
    : context(std::move(config), random, output) {
  auto made = MakeRouterCapabilities(DefaultMediaCodecs());
  JB_CHECK(made.ok());
  router = std::move(*made);
  router_json = ToJson(router);
}

Result<Transport*> Worker::Impl::FindTransport(const TransportId& id) {
  const auto found = transports.find(id);
  if (found == transports.end()) return NotFound("transport");
  return found->second.get();
}

Result<Producer*> Worker::Impl::FindProducer(const ProducerId& id) {
  const auto found = producers.find(id);
  if (found == producers.end()) return NotFound("producer");
  return found->second.get();
}

Result<Consumer*> Worker::Impl::FindConsumer(const ConsumerId& id) {
  const auto found = consumers.find(id);
  if (found == consumers.end()) return NotFound("consumer");
  return found->second.get();
}

// --- transports ---

Result<json::object> Worker::CreateTransport(const TransportId& id, TransportDirection direction, Time now) {
  impl_->context.latest = now;
  if (impl_->transports.contains(id)) return Fail("invalid_parameters", "that transport id is taken");
  if (impl_->transports.size() >= impl_->context.config.max_transports) {
    return Fail("limit_reached", "this media worker has no room for another transport");
  }
  auto transport = std::make_unique<Transport>(impl_->context, id, direction, now);
  json::object options = transport->Options();
  impl_->transports.emplace(id, std::move(transport));
  return options;
}

Status<> Worker::ConnectTransport(const TransportId& id, const json::value& dtls_parameters, Time now) {
  JB_TRY(Transport * transport, impl_->FindTransport(id));
  return transport->Connect(dtls_parameters, now);
}

Result<json::object> Worker::RestartIce(const TransportId& id, Time now) {
  JB_TRY(Transport * transport, impl_->FindTransport(id));
  transport->RestartIce(now);
  return json::object{{"iceParameters", transport->IceParameters()}};
}

void Worker::CloseTransport(const TransportId& id, Time now) {
  const auto found = impl_->transports.find(id);
  if (found == impl_->transports.end()) return;
  Transport& transport = *found->second;
  const std::vector<Producer*> producers = transport.producers();
  for (Producer* producer : producers) impl_->DestroyProducer(*producer);
  const std::vector<Consumer*> consumers = transport.consumers();
  for (Consumer* consumer : consumers) impl_->DestroyConsumer(*consumer);
  transport.Close(now);
  impl_->transports.erase(found);
}

TransportState Worker::transport_state(const TransportId& id) const {
  const auto found = impl_->transports.find(id);
  return found == impl_->transports.end() ? TransportState::kClosed : found->second->state();
}

// --- producers ---

Result<json::object> Worker::Produce(const TransportId& transport_id, const ProducerId& id, MediaKind kind,
                                     const json::value& rtp_parameters, bool paused, Time now, VideoContent content) {
  JB_TRY(Transport * transport, impl_->FindTransport(transport_id));
  if (transport->direction() != TransportDirection::kSend) {
    return Fail("wrong_direction", "producers belong on a send transport");
  }
  if (impl_->producers.contains(id)) return Fail("invalid_parameters", "that producer id is taken");
  if (transport->producers().size() >= impl_->context.config.max_producers_per_transport) {
    return Fail("limit_reached", "too many producers on this transport");
  }
  JB_TRY(RtpParameters parameters, ParseRtpParameters(rtp_parameters));
  return impl_->Produce(*transport, id, kind, std::move(parameters), paused, content, now);
}

Result<json::object> Worker::Impl::Produce(Transport& transport, const ProducerId& id, MediaKind kind,
                                           RtpParameters parameters, bool paused, VideoContent content,
                                           Time now) {
  for (const RtpCodec& codec : parameters.codecs) {
    if (codec.kind != kind) return Fail("invalid_parameters", "a codec is of another kind than the producer");
  }
  JB_TRY_VOID(transport.CheckFree(parameters));
  ProducerOptions options;
  JB_TRY(options.mapping, MapProducer(parameters, router, context.random));
  parameters.cname = transport.UseCname(parameters.cname);
  options.id = id;
  options.kind = kind;
  options.type = TypeOf(parameters);
  options.content = content;
  options.consumable = MakeConsumable(kind, parameters, router, options.mapping);
  options.parameters = std::move(parameters);
  auto producer = std::make_unique<Producer>(context, &transport, std::move(options));
  if (paused) producer->Pause();
  transport.AddProducer(*producer, now);
  json::object out{{"id", id.value()}, {"type", ProducerTypeName(producer->type())}};
  producers.emplace(id, std::move(producer));
  return out;
}

Status<> Worker::PauseProducer(const ProducerId& id, Time) {
  JB_TRY(Producer * producer, impl_->FindProducer(id));
  if (producer->paused()) return kOk;
  producer->Pause();
  for (Consumer* consumer : producer->consumers()) {
    impl_->context.output.HandleEvent(ConsumerPaused{consumer->id()});
  }
  return kOk;
}

Status<> Worker::ResumeProducer(const ProducerId& id, Time now) {
  JB_TRY(Producer * producer, impl_->FindProducer(id));
  if (!producer->paused()) return kOk;
  producer->Resume(now);
  for (Consumer* consumer : producer->consumers()) {
    impl_->context.output.HandleEvent(ConsumerResumed{consumer->id()});
  }
  return kOk;
}

Status<> Worker::CloseProducer(const ProducerId& id, Time) {
  JB_TRY(Producer * producer, impl_->FindProducer(id));
  impl_->DestroyProducer(*producer);
  return kOk;
}

void Worker::Impl::DestroyProducer(Producer& producer) {
  const std::vector<Consumer*> leaving = producer.consumers();
  for (Consumer* consumer : leaving) {
    const ConsumerId id = consumer->id();
    DestroyConsumer(*consumer);
    context.output.HandleEvent(ConsumerClosed{id});
  }
  LeaveSpeakerGroup(producer);
  RemovePipesOf(producer);
  if (producer.transport()) producer.transport()->RemoveProducer(producer);
  producers.erase(producer.id());
}

void Worker::Impl::DestroyConsumer(Consumer& consumer) {
  consumer.producer().RemoveConsumer(consumer);
  consumer.transport().RemoveConsumer(consumer);
  consumers.erase(consumer.id());
}

// --- consumers ---

Result<json::object> Worker::Consume(const TransportId& transport_id, const ConsumerId& id,
                                     const ProducerId& producer_id, const json::value& rtp_capabilities, Time) {
  JB_TRY(Transport * transport, impl_->FindTransport(transport_id));
  if (transport->direction() != TransportDirection::kRecv) {
    return Fail("wrong_direction", "consumers belong on a recv transport");
  }
  JB_TRY(Producer * producer, impl_->FindProducer(producer_id));
  if (impl_->consumers.contains(id)) return Fail("invalid_parameters", "that consumer id is taken");
  if (transport->consumers().size() >= impl_->context.config.max_consumers_per_transport) {
    return Fail("limit_reached", "too many consumers on this transport");
  }
  JB_TRY(const RtpCapabilities remote, ParseRtpCapabilities(rtp_capabilities));
  return impl_->Consume(*transport, id, *producer, remote);
}

Result<json::object> Worker::Impl::Consume(Transport& transport, const ConsumerId& id, Producer& producer,
                                           const RtpCapabilities& remote) {
  if (!CanConsume(producer.consumable(), remote)) {
    return Fail("cannot_consume", "the client supports no codec of that producer");
  }
  const bool enable_rtx = producer.kind() == MediaKind::kVideo;
  JB_TRY(RtpParameters parameters, MakeConsumerParameters(producer.consumable(), remote, enable_rtx, context.random));
  RtpEncoding& encoding = parameters.encodings[0];
  encoding.ssrc = transport.TakeSsrcPair();
  if (encoding.rtx_ssrc) encoding.rtx_ssrc = *encoding.ssrc + 1;
  parameters.mid = transport.NextMid();
  json::object out{{"id", id.value()},
                   {"producerId", producer.id().value()},
                   {"kind", MediaKindName(producer.kind())},
                   {"rtpParameters", ToJson(parameters)},
                   {"type", ProducerTypeName(producer.type())},
                   {"producerPaused", producer.paused()}};
  auto consumer = std::make_unique<Consumer>(context, transport, producer, id, std::move(parameters));
  producer.AddConsumer(*consumer);
  transport.AddConsumer(*consumer);
  consumers.emplace(id, std::move(consumer));
  return out;
}

Status<> Worker::PauseConsumer(const ConsumerId& id, Time) {
  JB_TRY(Consumer * consumer, impl_->FindConsumer(id));
  consumer->Pause();
  return kOk;
}

Status<> Worker::ResumeConsumer(const ConsumerId& id, Time now) {
  JB_TRY(Consumer * consumer, impl_->FindConsumer(id));
  consumer->Resume(now);
  return kOk;
}

Status<> Worker::CloseConsumer(const ConsumerId& id, Time) {
  JB_TRY(Consumer * consumer, impl_->FindConsumer(id));
  impl_->DestroyConsumer(*consumer);
  return kOk;
}

Status<> Worker::RequestKeyFrame(const ConsumerId& id, Time now) {
  JB_TRY(Consumer * consumer, impl_->FindConsumer(id));
  consumer->HandleKeyFrameRequest(now);
  return kOk;
}

Status<> Worker::SetPreferredLayers(const ConsumerId& id, std::uint8_t spatial_layer,
                                    std::optional<std::uint8_t> temporal_layer, Time now) {
  JB_TRY(Consumer * consumer, impl_->FindConsumer(id));
  const ScalabilityMode mode = ParseScalabilityMode(consumer->parameters().encodings[0].scalability_mode.value_or(""));
  if (spatial_layer >= mode.spatial_layers || temporal_layer.value_or(0) >= mode.temporal_layers) {
    return Fail("invalid_parameters", "the consumer has no such layer");
  }
  consumer->SetPreferredLayers({spatial_layer, temporal_layer}, now);
  return kOk;
}

Status<> Worker::SetConsumerPriority(const ConsumerId& id, std::uint8_t priority, Time) {
  JB_TRY(Consumer * consumer, impl_->FindConsumer(id));
  if (priority == 0) return Fail("invalid_parameters", "a priority is a number from 1 to 255");
  consumer->set_priority(priority);
  return kOk;
}

// --- synthetic voices, taps, speakers ---

Status<> Worker::ProduceSynthetic(const ProducerId& id, const std::string& cname, Time) {
  if (impl_->producers.contains(id)) return Fail("invalid_parameters", "that producer id is taken");
  if (cname.empty() || cname.size() > 255) return Fail("invalid_parameters", "cname must have 1 to 255 bytes");
  const auto opus = std::find_if(impl_->router.codecs.begin(), impl_->router.codecs.end(),
                                 [](const RtpCodec& codec) { return codec.mime_type == "audio/opus"; });
  JB_CHECK(opus != impl_->router.codecs.end());
  Random& random = impl_->context.random;
  ProducerOptions options;
  options.id = id;
  options.kind = MediaKind::kAudio;
  options.synthetic = true;
  options.parameters.codecs = {*opus};
  options.parameters.codecs[0].parameters = {{"minptime", std::int64_t{10}}, {"useinbandfec", std::int64_t{1}}};
  options.parameters.encodings.emplace_back();
  options.parameters.encodings[0].dtx = false;
  options.parameters.cname = cname;
  options.parameters.msid = random.Id() + " " + random.Id();
  JB_TRY(options.mapping, MapProducer(options.parameters, impl_->router, random));
  options.consumable = MakeConsumable(MediaKind::kAudio, options.parameters, impl_->router, options.mapping);
  impl_->producers.emplace(id, std::make_unique<Producer>(impl_->context, nullptr, std::move(options)));
  return kOk;
}

void Worker::InjectOpus(const ProducerId& id, ByteView opus, std::uint32_t rtp_timestamp, bool marker,
                        std::int8_t level_dbov, bool voice, Time now) {
  const auto found = impl_->producers.find(id);
  if (found == impl_->producers.end() || found->second->transport() || opus.empty()) return;
  const Egress::Turn turn(impl_->context.egress);
  found->second->Inject(opus, rtp::Timestamp(rtp_timestamp), marker, level_dbov, voice, now);
}

Status<> Worker::SetTap(const ProducerId& id, bool on) {
  JB_TRY(Producer * producer, impl_->FindProducer(id));
  if (producer->kind() != MediaKind::kAudio) return Fail("invalid_parameters", "only audio can be tapped");
  producer->set_tapped(on);
  return kOk;
}

Status<> Worker::SetSpeakerGroup(const ProducerId& id, const RoomCode& room) {
  JB_TRY(Producer * producer, impl_->FindProducer(id));
  impl_->LeaveSpeakerGroup(*producer);
  if (room.value().empty()) return kOk;
  const Time now = impl_->context.latest;
  auto& group = impl_->speaker_groups[room];
  if (!group) group = std::make_unique<SpeakerGroup>(impl_->context, room, now);
  group->Add(*producer, now);
  producer->set_speaker_group(group.get());
  return kOk;
}

void Worker::Impl::LeaveSpeakerGroup(Producer& producer) {
  SpeakerGroup* group = producer.speaker_group();
  if (!group) return;
  producer.set_speaker_group(nullptr);
  group->Remove(producer);
  if (group->empty()) speaker_groups.erase(group->room());
}

}  // namespace jb::sfu
