// SPDX-License-Identifier: Apache-2.0
// Numbers that wrap. A wrapped number has no operator<: only Unwrapper yields a comparable one.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>

namespace jb {

// True when a comes after b on the circle (RFC 1982 serial number arithmetic; the antipode is "not newer").
template <class U>
constexpr bool IsNewer(U a, U b) {
  static_assert(std::is_unsigned_v<U>);
  const U ahead = static_cast<U>(a - b);
  return ahead != 0 && ahead < static_cast<U>(U{1} << (sizeof(U) * 8 - 1));
}

// Turns a wrapping U into a 64-bit number that does not wrap; tolerates reordering of up to half the circle.
template <class U>
class Unwrapper {
 public:
  std::int64_t Unwrap(U value) {
    const std::int64_t result = Peek(value);
    last_ = result;
    return result;
  }
  // As Unwrap, without moving the reference point.
  std::int64_t Peek(U value) const {
    if (!last_) return static_cast<std::int64_t>(value);
    using S = std::make_signed_t<U>;
    const S diff = static_cast<S>(static_cast<U>(value - static_cast<U>(*last_)));
    return *last_ + diff;
  }

 private:
  std::optional<std::int64_t> last_;
};

}  // namespace jb
