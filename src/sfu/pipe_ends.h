// SPDX-License-Identifier: Apache-2.0
// The two ends of a pipe, as parts of a producer: an outlet of the one at the origin, the inlet of the other.
// Sans-IO, single-threaded; owned by the producer.
#pragma once

#include <optional>
#include <vector>

#include "sfu/context.h"
#include "sfu/pipe.h"
#include "sfu/producer.h"

namespace jb::sfu {

struct PipeDescription {
  ProducerOptions options;
  std::vector<std::optional<std::uint32_t>> ssrcs;  // of the encodings, where known
  bool paused = false;
};

// Where everything that arrives goes too.
struct PipeOutlet {
  PipeId id;
  WorkerIndex to;
  // What is lost behind it, as the other worker last said.
  std::uint8_t fraction_lost = 0;
  Time lost_at{};
};

// Where everything comes from.
class PipeInlet : public Timed {
 public:
  PipeInlet(Context& context, Producer& producer, PipeId id, WorkerIndex from);

  PipeId id() const { return id_; }
  void HandlePacket(std::uint8_t stream, ByteView packet, bool recovered, Time now);
  // Merged with those of a moment ago; the origin merges them with everybody's.
  void RequestKeyFrame(std::size_t stream, Time now);
  // A receiver of ours has reported its loss.
  void ReportLoss(Time now);

 private:
  // Nobody else does it for a producer without a transport.
  void HandleDeadline(Time now) override {
    producer_.UpdateFlow(now);
    producer_.ForgetStalled(now);
  }
  void Send(const PipeMessage& message) { context_.output.HandlePipeMessage(from_, message); }

  Context& context_;
  Producer& producer_;
  const PipeId id_;
  const WorkerIndex from_;
  std::vector<std::optional<Time>> asked_at_;  // by encoding
  std::optional<Time> loss_at_;
  std::uint8_t reported_loss_ = 0;
};

}  // namespace jb::sfu
