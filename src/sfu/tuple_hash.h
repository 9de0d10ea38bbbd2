// SPDX-License-Identifier: Apache-2.0
// Keyed hashing of peers' addresses: strangers choose them, so an unkeyed hash could be flooded with
// collisions (reliability I4). SipHash-1-3 (Aumasson and Bernstein, 2012).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/random.h"
#include "base/socket_address.h"

namespace jb::sfu {

class TupleHash {
 public:
  explicit TupleHash(Random& random) : k0_(random.U64()), k1_(random.U64()) {}

  std::size_t operator()(const Tuple& tuple) const {
    // Four words hold everything that tells tuples apart.
    std::array<std::uint64_t, 4> words{};
    std::memcpy(words.data(), tuple.remote.ip.data(), 16);
    words[2] = (std::uint64_t{tuple.remote.port} << 16) | (std::uint64_t{tuple.remote.is_v6} << 8) |
               static_cast<std::uint64_t>(tuple.protocol);
    words[3] = tuple.connection;
    return static_cast<std::size_t>(Hash(words));
  }

 private:
  struct State {
    std::uint64_t a, b, c, d;
    void Round() {
      a += b;
      b = std::rotl(b, 13);
      b ^= a;
      a = std::rotl(a, 32);
      c += d;
      d = std::rotl(d, 16);
      d ^= c;
      a += d;
      d = std::rotl(d, 21);
      d ^= a;
      c += b;
      b = std::rotl(b, 17);
      b ^= c;
      c = std::rotl(c, 32);
    }
  };

  std::uint64_t Hash(const std::array<std::uint64_t, 4>& words) const {
    State s{k0_ ^ 0x736f6d6570736575, k1_ ^ 0x646f72616e646f6d, k0_ ^ 0x6c7967656e657261, k1_ ^ 0x7465646279746573};
    for (const std::uint64_t word : words) {
      s.d ^= word;
      s.Round();
      s.a ^= word;
    }
    const std::uint64_t length = std::uint64_t{sizeof words} << 56;
    s.d ^= length;
    s.Round();
    s.a ^= length;
    s.c ^= 0xff;
    s.Round();
    s.Round();
    s.Round();
    return s.a ^ s.b ^ s.c ^ s.d;
  }

  std::uint64_t k0_, k1_;
};

}  // namespace jb::sfu
