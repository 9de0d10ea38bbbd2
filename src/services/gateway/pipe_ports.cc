// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/pipe_ports.h"

#include <cstring>
#include <utility>

namespace jb::services {

bool PipePorts::Send(sfu::WorkerIndex to, const sfu::PipeMessage& message, Time read_at) {
  if (to.value() >= out_.size() || !out_[to.value()].ring) return false;
  Port& port = out_[to.value()];
  PipeSlot* slot = port.ring->Next();
  if (!slot || message.payload.size() > PipeSlot::kMaxPayload) return false;
  slot->message = message;
  slot->read_at = read_at;
  slot->size = static_cast<std::uint16_t>(message.payload.size());
  if (slot->size > 0) std::memcpy(slot->bytes.data(), message.payload.data(), slot->size);
  port.ring->Push();
  port.written = true;
  return true;
}

void PipePorts::Flush() {
  for (Port& port : out_) {
    if (std::exchange(port.written, false) && port.signal) port.signal->Raise();
  }
}

void PipePorts::Drain(const Handler& handler) {
  bool more = false;
  for (const Port& port : in_) {
    if (!port.ring) continue;
    const std::size_t most = port.ring->capacity();
    std::size_t drained = 0;
    while (drained < most) {
      const std::size_t count = DrainBatch(*port.ring, handler);
      if (count == 0) break;
      drained += count;
    }
    more |= drained >= most;
  }
  if (more) signal()->Raise();
}

std::size_t PipePorts::DrainBatch(PipeRing& ring, const Handler& handler) {
  std::size_t count = 0;
  Time read_at{};
  for (; count < batch_.size(); ++count) {
    const PipeSlot* slot = ring.Front(count);
    if (!slot || (count > 0 && slot->read_at != read_at)) break;
    read_at = slot->read_at;
    batch_[count] = slot->message;
    batch_[count].payload = ByteView(slot->bytes).first(slot->size);
  }
  if (count == 0) return 0;
  handler(std::span(batch_).first(count), read_at);
  ring.Pop(count);
  return count;
}

}  // namespace jb::services
