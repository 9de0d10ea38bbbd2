// SPDX-License-Identifier: Apache-2.0
// A pipe carries one producer from the worker it is sent to (the origin) to another worker of this process, once,
// however many consumers it has there. The other worker has a producer of the same id and the same encodings that
// no transport feeds: packets come as they left SRTP at the origin, so that layers, key frames and repaired packets
// are seen there as they were here. What its consumers need goes back the same way.
// A pipe may lose messages, which is then as if the network had lost the packet; it does not reorder.
// Sans-IO: how a message gets from one worker to the other is the caller's matter (WorkerOutput).
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/strong.h"
#include "proto/rtcp/sender_report.h"

namespace jb::sfu {

using PipeId = Strong<struct PipeIdTag, std::uint32_t>;      // the caller's, fresh in the whole process
using WorkerIndex = Strong<struct WorkerIndexTag, std::uint16_t>;  // the caller's name for a worker

// What the other worker has to know to make the same track; made by AddPipe. Immutable, any thread.
struct PipeDescription;
using PipeDescriptionPtr = std::shared_ptr<const PipeDescription>;

enum class PipeMessageKind : std::uint8_t {
  // From the origin.
  kPacket,        // RTP in `payload`, as the sender wrote it
  kInjected,      // Opus in `payload`: a translated voice
  kSenderReport,  // of the sender, about one encoding
  // To the origin.
  kKeyFrameRequest,  // somebody needs one of that encoding
  kListenerLoss,     // the worst loss among those who receive it there
};

struct PipeMessage {
  PipeMessageKind kind = PipeMessageKind::kPacket;
  PipeId pipe;
  std::uint8_t stream = 0;  // index of the encoding; of all kinds but kInjected and kListenerLoss

  bool recovered = false;  // kPacket: it came by retransmission

  bool marker = false;  // kInjected, as Worker::InjectOpus has them
  bool voice = false;
  std::int8_t level_dbov = -127;
  std::uint32_t timestamp = 0;

  std::uint8_t fraction_lost = 0;  // kListenerLoss: of 256

  rtcp::SenderInfo report;  // kSenderReport

  ByteView payload;  // borrowed for the call
};

}  // namespace jb::sfu
