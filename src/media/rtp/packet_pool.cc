// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/packet_pool.h"

#include "base/result.h"

namespace jb::media {

void PacketRef::Release() {
  PacketBuffer* buffer = std::exchange(buffer_, nullptr);
  if (buffer && --buffer->references_ == 0) buffer->pool_->Return(buffer);
}

PacketPool::PacketPool(std::size_t max_packets) : max_packets_(max_packets) {}

PacketPool::~PacketPool() { JB_CHECK(in_use_ == 0); }

PacketRef PacketPool::Take() {
  if (in_use_ == max_packets_) return {};
  if (free_.empty()) {
    // Not value-initialised: a slab is 100 KB that nobody reads before writing.
    auto& slab = slabs_.emplace_back(new PacketBuffer[kSlab]);
    free_.reserve(slabs_.size() * kSlab);
    for (std::size_t i = kSlab; i > 0; --i) free_.push_back(&slab[i - 1]);
  }
  PacketBuffer* buffer = free_.back();
  free_.pop_back();
  ++in_use_;
  buffer->pool_ = this;
  buffer->size_ = 0;
  buffer->layout_ = {};
  buffer->numbered_size_ = 0;
  return PacketRef(buffer);
}

void PacketPool::Return(PacketBuffer* buffer) {
  --in_use_;
  free_.push_back(buffer);
}

}  // namespace jb::media
