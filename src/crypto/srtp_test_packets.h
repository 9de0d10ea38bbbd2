// SPDX-License-Identifier: Apache-2.0
// Tests only: keys, packets and one-line use of a session.
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "crypto/srtp.h"

namespace jb::crypto {

inline Bytes CountingBytes(std::size_t size, std::uint8_t first) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(first + i);
  return out;
}

inline SrtpKeys MakeTestKeys(SrtpProfile profile) {
  const std::size_t key = profile == SrtpProfile::kAeadAes256Gcm ? 32 : 16;
  const std::size_t salt = profile == SrtpProfile::kAes128CmSha1_80 ? 14 : 12;
  return {profile, CountingBytes(key, 1), CountingBytes(salt, 60), CountingBytes(key, 100), CountingBytes(salt, 160)};
}

// The other end's view.
inline SrtpKeys Mirror(SrtpKeys keys) {
  std::swap(keys.local_key, keys.remote_key);
  std::swap(keys.local_salt, keys.remote_salt);
  return keys;
}

inline Bytes MakeRtp(std::uint32_t ssrc, std::uint16_t seq, std::size_t payload) {
  Bytes out = CountingBytes(12 + payload, 200);
  out[0] = 0x80;
  out[1] = 111;
  StoreU16(out.data() + 2, seq);
  StoreU32(out.data() + 8, ssrc);
  return out;
}

inline Bytes MakeRtcp(std::uint32_t ssrc, std::size_t words) {
  Bytes out = CountingBytes(8 + 4 * words, 30);
  out[0] = 0x81;
  out[1] = 201;
  StoreU16(out.data() + 2, static_cast<std::uint16_t>(1 + words));
  StoreU32(out.data() + 4, ssrc);
  return out;
}

inline Bytes Protect(SrtpSession& session, Bytes packet) {
  const std::size_t size = packet.size();
  packet.resize(size + SrtpSession::kMaxOverhead);
  const auto result = session.ProtectRtp(packet, size);
  EXPECT_TRUE(result.ok());
  packet.resize(result.ok() ? *result : 0);
  return packet;
}

inline Bytes ProtectRtcp(SrtpSession& session, Bytes packet) {
  const std::size_t size = packet.size();
  packet.resize(size + SrtpSession::kMaxOverhead);
  const auto result = session.ProtectRtcp(packet, size);
  EXPECT_TRUE(result.ok());
  packet.resize(result.ok() ? *result : 0);
  return packet;
}

// Empty on failure.
inline Bytes Unprotect(SrtpSession& session, Bytes packet) {
  const auto result = session.UnprotectRtp(packet);
  packet.resize(result.ok() ? *result : 0);
  return packet;
}

inline Bytes UnprotectRtcp(SrtpSession& session, Bytes packet) {
  const auto result = session.UnprotectRtcp(packet);
  packet.resize(result.ok() ? *result : 0);
  return packet;
}

}  // namespace jb::crypto
