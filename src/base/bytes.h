// SPDX-License-Identifier: Apache-2.0
// Bounds-checked big-endian reading and writing. No I/O. A reader borrows its bytes; a writer fills a
// caller's buffer and remembers whether it ever ran out of room.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace jb {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;

inline ByteView AsBytes(std::string_view s) { return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()}; }
inline std::string_view AsText(ByteView b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

inline std::uint16_t LoadU16(const std::uint8_t* p) { return static_cast<std::uint16_t>((p[0] << 8) | p[1]); }
inline std::uint32_t LoadU24(const std::uint8_t* p) {
  return (std::uint32_t{p[0]} << 16) | (std::uint32_t{p[1]} << 8) | p[2];
}
inline std::uint32_t LoadU32(const std::uint8_t* p) {
  return (std::uint32_t{p[0]} << 24) | (std::uint32_t{p[1]} << 16) | (std::uint32_t{p[2]} << 8) | p[3];
}
inline std::uint64_t LoadU64(const std::uint8_t* p) { return (std::uint64_t{LoadU32(p)} << 32) | LoadU32(p + 4); }
inline void StoreU16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void StoreU24(std::uint8_t* p, std::uint32_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 16);
  p[1] = static_cast<std::uint8_t>(v >> 8);
  p[2] = static_cast<std::uint8_t>(v);
}
inline void StoreU32(std::uint8_t* p, std::uint32_t v) {
  StoreU16(p, static_cast<std::uint16_t>(v >> 16));
  StoreU16(p + 2, static_cast<std::uint16_t>(v));
}
inline void StoreU64(std::uint8_t* p, std::uint64_t v) {
  StoreU32(p, static_cast<std::uint32_t>(v >> 32));
  StoreU32(p + 4, static_cast<std::uint32_t>(v));
}

// Reading past the end returns zero and makes ok() false for good: read a group, then test once.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  std::size_t remaining() const { return bytes_.size() - at_; }
  std::size_t position() const { return at_; }

  std::uint8_t U8() { return Need(1) ? bytes_[at_++] : std::uint8_t{0}; }
  std::uint16_t U16() { return Need(2) ? LoadU16(Advance(2)) : std::uint16_t{0}; }
  std::uint32_t U24() { return Need(3) ? LoadU24(Advance(3)) : 0u; }
  std::uint32_t U32() { return Need(4) ? LoadU32(Advance(4)) : 0u; }
  std::uint64_t U64() { return Need(8) ? LoadU64(Advance(8)) : std::uint64_t{0}; }
  ByteView Take(std::size_t n) {
    if (!Need(n)) return {};
    ByteView out = bytes_.subspan(at_, n);
    at_ += n;
    return out;
  }
  void Skip(std::size_t n) { Take(n); }

 private:
  bool Need(std::size_t n) {
    if (n > remaining()) ok_ = false;
    return ok_;
  }
  const std::uint8_t* Advance(std::size_t n) {
    const std::uint8_t* p = bytes_.data() + at_;
    at_ += n;
    return p;
  }

  ByteView bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

// Writing past the end writes nothing and makes ok() false for good.
class ByteWriter {
 public:
  explicit ByteWriter(ByteSpan buffer) : buffer_(buffer) {}
  bool ok() const { return ok_; }
  std::size_t size() const { return at_; }
  std::size_t remaining() const { return buffer_.size() - at_; }
  ByteView written() const { return buffer_.first(at_); }

  void U8(std::uint8_t v) {
    if (std::uint8_t* p = Room(1)) *p = v;
  }
  void U16(std::uint16_t v) {
    if (std::uint8_t* p = Room(2)) StoreU16(p, v);
  }
  void U24(std::uint32_t v) {
    if (std::uint8_t* p = Room(3)) StoreU24(p, v);
  }
  void U32(std::uint32_t v) {
    if (std::uint8_t* p = Room(4)) StoreU32(p, v);
  }
  void U64(std::uint64_t v) {
    if (std::uint8_t* p = Room(8)) StoreU64(p, v);
  }
  void Append(ByteView b) {
    std::uint8_t* p = Room(b.size());
    if (p && !b.empty()) std::memcpy(p, b.data(), b.size());
  }
  void Zeros(std::size_t n) {
    std::uint8_t* p = Room(n);
    if (p && n) std::memset(p, 0, n);
  }

 private:
  std::uint8_t* Room(std::size_t n) {
    if (n > buffer_.size() - at_) ok_ = false;
    if (!ok_) return nullptr;
    std::uint8_t* p = buffer_.data() + at_;
    at_ += n;
    return p;
  }

  ByteSpan buffer_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace jb
