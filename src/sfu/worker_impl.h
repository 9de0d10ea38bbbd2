// SPDX-License-Identifier: Apache-2.0
// The inside of Worker: the tables that own everything, and the order in which things go.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include "sfu/consumer.h"
#include "sfu/context.h"
#include "sfu/producer.h"
#include "sfu/speaker_group.h"
#include "sfu/transport.h"
#include "sfu/worker.h"

namespace jb::sfu {

class Worker::Impl {
 public:
  Impl(WorkerConfig config, Random& random, WorkerOutput& output);

  void HandleDatagram(const Tuple& from, ByteSpan datagram, Time now);
  void HandleStun(const Tuple& from, ByteView datagram, Time now);
  void HandleTupleClosed(const Tuple& tuple, Time now);
  WorkerStats Stats() const;

  Result<Transport*> FindTransport(const TransportId& id);
  Result<Producer*> FindProducer(const ProducerId& id);
  Result<Consumer*> FindConsumer(const ConsumerId& id);

  Result<json::object> Produce(Transport& transport, const ProducerId& id, MediaKind kind, RtpParameters parameters,
                               bool paused, VideoContent content, Time now);
  Result<json::object> Consume(Transport& transport, const ConsumerId& id, Producer& producer,
                               const RtpCapabilities& remote);
  // Consumers first, each with an event, then the producer.
  void DestroyProducer(Producer& producer);
  void DestroyConsumer(Consumer& consumer);
  void LeaveSpeakerGroup(Producer& producer);
  void RemovePipesOf(const Producer& producer);

  // Destroyed from below upwards: consumers hold packets of the context's pool.
  Context context;
  RtpCapabilities router;
  json::object router_json;
  std::unordered_map<TransportId, std::unique_ptr<Transport>> transports;
  std::map<RoomCode, std::unique_ptr<SpeakerGroup>> speaker_groups;
  std::unordered_map<ProducerId, std::unique_ptr<Producer>> producers;
  std::unordered_map<ConsumerId, std::unique_ptr<Consumer>> consumers;
  std::unordered_map<PipeId, Producer*> pipes;  // that begin or end here
};

}  // namespace jb::sfu
