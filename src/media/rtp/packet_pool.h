// SPDX-License-Identifier: Apache-2.0
// Packet buffers that several consumers share: allocated in slabs, counted by reference, returned
// to the pool when the last reference goes. Single-threaded: the counts are plain integers, so a
// reference never leaves its loop. The pool must outlive every reference.
#pragma once

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "proto/rtp/header_layout.h"

namespace jb::media {

class PacketPool;

// One RTP packet laid out for sending: header written with `layout`, payload behind it.
class PacketBuffer {
 public:
  static constexpr std::size_t kCapacity = 1600;  // 1500-byte datagrams and the header we lay out ourselves

  ByteSpan storage() { return storage_; }
  ByteSpan bytes() { return ByteSpan(storage_).first(size_); }
  ByteView bytes() const { return ByteView(storage_).first(size_); }
  std::size_t size() const { return size_; }
  void set_size(std::size_t n) { size_ = static_cast<std::uint16_t>(n); }  // n <= kCapacity
  const rtp::HeaderLayout& layout() const { return layout_; }
  rtp::HeaderLayout& layout() { return layout_; }
  std::size_t header_size() const { return layout_.size(); }
  // The first bytes of the payload that hold numbers which each receiver is told differently (VP8); else 0.
  std::size_t numbered_size() const { return numbered_size_; }
  void set_numbered_size(std::size_t n) { numbered_size_ = static_cast<std::uint8_t>(n); }
  ByteView payload() const { return bytes().subspan(header_size()); }

 private:
  friend class PacketPool;
  friend class PacketRef;
  PacketPool* pool_ = nullptr;
  std::uint32_t references_ = 0;
  std::uint16_t size_ = 0;
  std::uint8_t numbered_size_ = 0;
  rtp::HeaderLayout layout_;
  std::array<std::uint8_t, kCapacity> storage_;
};

// A counted reference; empty by default.
class PacketRef {
 public:
  PacketRef() = default;
  PacketRef(const PacketRef& other) : buffer_(other.buffer_) {
    if (buffer_) ++buffer_->references_;
  }
  PacketRef(PacketRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
  PacketRef& operator=(PacketRef other) noexcept {
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~PacketRef() { Release(); }

  explicit operator bool() const { return buffer_ != nullptr; }
  PacketBuffer& operator*() const { return *buffer_; }
  PacketBuffer* operator->() const { return buffer_; }
  void Release();

 private:
  friend class PacketPool;
  explicit PacketRef(PacketBuffer* buffer) : buffer_(buffer) { ++buffer_->references_; }
  PacketBuffer* buffer_ = nullptr;
};

class PacketPool {
 public:
  // Never holds more than `max_packets` buffers.
  explicit PacketPool(std::size_t max_packets);
  ~PacketPool();
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  // An empty reference when max_packets are in use. The buffer has size 0 and an empty layout.
  PacketRef Take();
  std::size_t in_use() const { return in_use_; }
  // Over three quarters in use: whoever keeps packets only to repeat them keeps no more, so that what is
  // left is there for passing packets on.
  bool is_scarce() const { return in_use_ > max_packets_ / 4 * 3; }
  std::size_t allocated() const { return slabs_.size() * kSlab; }

 private:
  friend class PacketRef;
  static constexpr std::size_t kSlab = 64;  // buffers allocated at once
  void Return(PacketBuffer* buffer);
  std::size_t max_packets_;
  std::size_t in_use_ = 0;
  std::vector<std::unique_ptr<PacketBuffer[]>> slabs_;
  std::vector<PacketBuffer*> free_;
};

}  // namespace jb::media
