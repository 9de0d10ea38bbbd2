// SPDX-License-Identifier: Apache-2.0
// The numbers of RTP as types that cannot be mixed up. Serial numbers wrap, so they have no
// operator<: compare with IsNewerThan, subtract for the signed distance, or unwrap
// (base/sequence.h).
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>

#include "base/sequence.h"
#include "base/strong.h"

namespace jb::rtp {

using Ssrc = Strong<struct SsrcTag, std::uint32_t>;
using PayloadType = Strong<struct PayloadTypeTag, std::uint8_t>;  // 0..127

// A number on a circle (RFC 1982).
template <class Tag, class U>
class Serial {
 public:
  using Signed = std::make_signed_t<U>;
  constexpr Serial() = default;
  constexpr explicit Serial(U v) : value_(v) {}
  constexpr U value() const { return value_; }
  constexpr bool IsNewerThan(Serial other) const { return IsNewer<U>(value_, other.value_); }
  constexpr Serial Next() const { return Serial(static_cast<U>(value_ + 1u)); }
  constexpr Serial operator+(std::int64_t n) const { return Serial(static_cast<U>(value_ + static_cast<U>(n))); }
  // How far `this` is ahead of `other`: negative when it lies behind.
  constexpr Signed operator-(Serial other) const { return static_cast<Signed>(static_cast<U>(value_ - other.value_)); }
  friend constexpr bool operator==(Serial, Serial) = default;

 private:
  U value_ = 0;
};

using SeqNum = Serial<struct SeqNumTag, std::uint16_t>;
using Timestamp = Serial<struct TimestampTag, std::uint32_t>;  // in ticks of the codec's clock rate

}  // namespace jb::rtp

template <class Tag, class U>
struct std::hash<jb::rtp::Serial<Tag, U>> {
  std::size_t operator()(jb::rtp::Serial<Tag, U> s) const { return std::hash<U>{}(s.value()); }
};
