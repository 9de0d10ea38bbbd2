// SPDX-License-Identifier: Apache-2.0
#include "sfu/egress.h"

#include <cstring>
#include <utility>

#include "base/result.h"

namespace jb::sfu {

Egress::Queue::~Queue() { JB_CHECK(first_ == kNone); }

Egress::Egress(WorkerOutput& output, WorkerStats& stats)
    : output_(output),
      stats_(stats),
      waiting_(kMaxPackets),
      own_(new std::uint8_t[kOwnBytes]),
      out_(new std::uint8_t[kOutBytes]) {
  datagrams_.reserve(kMaxDatagrams);
  sealing_.reserve(kMaxDatagrams);
}

ByteSpan Egress::Own(Queue& queue, const Tuple& to, std::size_t size) {
  JB_CHECK(size <= kMaxOwn);
  const bool moved = queue.first_ != kNone && queue.to_ != to;  // the receiver changed its address in this turn
  if (moved || count_ == kMaxPackets || kOwnBytes - own_used_ < size) Flush();
  if (queue.first_ == kNone) queue.to_ = to;
  return {own_.get() + own_used_, size};
}

void Egress::Add(Queue& queue, crypto::SrtpTicket ticket, std::size_t header_size, std::size_t own_size,
                 media::PacketRef shared, std::size_t shared_from) {
  const auto index = static_cast<std::uint32_t>(count_++);
  if (queue.first_ == kNone) {
    queue.first_ = index;
    queue.next_ = nullptr;
    (last_ ? last_->next_ : first_) = &queue;
    last_ = &queue;
  } else {
    waiting_[queue.last_].next = index;
  }
  queue.last_ = index;
  Waiting& packet = waiting_[index];
  packet.ticket = std::move(ticket);
  packet.shared = std::move(shared);
  packet.own = static_cast<std::uint32_t>(own_used_);
  packet.next = kNone;
  packet.own_size = static_cast<std::uint16_t>(own_size);
  packet.header_size = static_cast<std::uint16_t>(header_size);
  packet.shared_from = static_cast<std::uint16_t>(shared_from);
  own_used_ += own_size;
  if (turns_ == 0) Flush();
}

void Egress::Flush() {
  for (Queue* queue = first_; queue; queue = queue->next_) {
    for (std::uint32_t i = std::exchange(queue->first_, kNone); i != kNone; i = waiting_[i].next) {
      LayOut(waiting_[i], queue->to_);
    }
  }
  Emit();
  first_ = last_ = nullptr;
  count_ = own_used_ = 0;
}

void Egress::LayOut(Waiting& packet, const Tuple& to) {
  const ByteView rest = std::as_const(*packet.shared).bytes().subspan(packet.shared_from);
  const std::size_t room = packet.own_size + rest.size() + crypto::SrtpSession::kMaxOverhead;
  if (datagrams_.size() == kMaxDatagrams || kOutBytes - out_used_ < room) Emit();
  const ByteSpan out(out_.get() + out_used_, room);
  std::memcpy(out.data(), own_.get() + packet.own, packet.own_size);
  ByteView payload = rest;
  if (packet.own_size > packet.header_size) {
    // What is encrypted must lie in one piece: where it is to be.
    std::memcpy(out.data() + packet.own_size, rest.data(), rest.size());
    payload = out.subspan(packet.header_size, packet.own_size - packet.header_size + rest.size());
  }
  const std::size_t size = srtp_.Add(std::move(packet.ticket), out, packet.header_size, payload);
  out_used_ += size;
  ++stats_.packets_out;
  stats_.bytes_out += size;
  datagrams_.push_back({&to, out.first(size)});
  sealing_.push_back(std::move(packet.shared));
}

void Egress::Emit() {
  if (datagrams_.empty()) return;
  srtp_.Finish();
  output_.SendDatagrams(datagrams_);
  datagrams_.clear();
  sealing_.clear();
  out_used_ = 0;
}

}  // namespace jb::sfu
