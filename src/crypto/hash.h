// SPDX-License-Identifier: Apache-2.0
// Digests, MACs and base64. Pure functions; any thread.
#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace jb::crypto {

using Sha1Digest = std::array<std::uint8_t, 20>;
using Sha256Digest = std::array<std::uint8_t, 32>;

Sha1Digest Sha1(ByteView data);
Sha256Digest Sha256(ByteView data);

// RFC 2104. The parts are hashed as if they were one string: a STUN MESSAGE-INTEGRITY covers a header
// whose length field is not the one on the wire.
Sha1Digest HmacSha1(ByteView key, std::initializer_list<ByteView> parts);
Sha256Digest HmacSha256(ByteView key, std::initializer_list<ByteView> parts);

// Takes the same time wherever the first difference lies. Different sizes are unequal at once: sizes
// are never secret here.
bool ConstantTimeEqual(ByteView a, ByteView b);

// RFC 4648 section 4, padded, no line breaks. Decoding is strict: anything else is nullopt.
std::string Base64Encode(ByteView data);
std::optional<Bytes> Base64Decode(std::string_view text);

}  // namespace jb::crypto
