// SPDX-License-Identifier: Apache-2.0
// As much of the interface of libsrtp 3 as mediasoup's worker uses, on libsrtp 2.5: Debian 12 has no newer one.
// The ciphers below are the same (OpenSSL's); libsrtp 2 works in place, which costs one copy of the packet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

// In libsrtp 3 this name is an opaque type.
#define srtp_policy_t srtp2_policy_t
#include <srtp2/srtp.h>
#undef srtp_policy_t

// New in libsrtp 3; nothing here returns them.
inline constexpr auto srtp_err_status_buffer_small = static_cast<srtp_err_status_t>(1001);
inline constexpr auto srtp_err_status_cryptex_err = static_cast<srtp_err_status_t>(1002);

struct srtp3_policy {
  srtp2_policy_t plain{};
  std::array<unsigned char, SRTP_MAX_KEY_LEN> key{};
};
using srtp_policy_t = srtp3_policy*;

inline srtp_err_status_t srtp_policy_create(srtp_policy_t* policy) {
  *policy = new srtp3_policy;
  (*policy)->plain.key = (*policy)->key.data();
  return srtp_err_status_ok;
}

inline void srtp_policy_destroy(srtp_policy_t policy) { delete policy; }

inline srtp_err_status_t srtp_policy_set_ssrc(srtp_policy_t policy, srtp_ssrc_t ssrc) {
  policy->plain.ssrc = ssrc;
  return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_profile(srtp_policy_t policy, srtp_profile_t profile) {
  const auto status = srtp_crypto_policy_set_from_profile_for_rtp(&policy->plain.rtp, profile);
  return status ? status : srtp_crypto_policy_set_from_profile_for_rtcp(&policy->plain.rtcp, profile);
}

inline srtp_err_status_t srtp_policy_add_key(srtp_policy_t policy, const std::uint8_t* key, std::size_t key_size,
                                             const std::uint8_t* salt, std::size_t salt_size,
                                             const std::uint8_t* /*mki*/, std::size_t /*mki_size*/) {
  if (key_size + salt_size > policy->key.size()) return srtp_err_status_bad_param;
  std::memcpy(policy->key.data(), key, key_size);
  std::memcpy(policy->key.data() + key_size, salt, salt_size);
  return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_allow_repeat_tx(srtp_policy_t policy, bool allow) {
  policy->plain.allow_repeat_tx = allow;
  return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_policy_set_window_size(srtp_policy_t policy, std::size_t packets) {
  policy->plain.window_size = packets;
  return srtp_err_status_ok;
}

inline srtp_err_status_t srtp_create(srtp_t* session, srtp_policy_t policy) {
  return srtp_create(session, &policy->plain);
}

// One of libsrtp 2's four functions, with a buffer of its own to write to, as in libsrtp 3. The caller has
// checked that what is added fits.
using Srtp2Transform = srtp_err_status_t (*)(srtp_t, void*, int*);

inline srtp_err_status_t Srtp2InPlace(Srtp2Transform transform, srtp_t context, const std::uint8_t* in,
                                      std::size_t in_size, std::uint8_t* out, std::size_t* out_size) {
  if (out != in) std::memcpy(out, in, in_size);
  int size = static_cast<int>(in_size);
  const auto status = transform(context, out, &size);
  *out_size = static_cast<std::size_t>(size);
  return status;
}

inline srtp_err_status_t srtp_protect(srtp_t context, const std::uint8_t* rtp, std::size_t rtp_size,
                                      std::uint8_t* srtp, std::size_t* srtp_size, std::size_t /*mki_index*/) {
  return Srtp2InPlace(&srtp_protect, context, rtp, rtp_size, srtp, srtp_size);
}

inline srtp_err_status_t srtp_protect_rtcp(srtp_t context, const std::uint8_t* rtcp, std::size_t rtcp_size,
                                           std::uint8_t* srtcp, std::size_t* srtcp_size, std::size_t /*mki_index*/) {
  return Srtp2InPlace(&srtp_protect_rtcp, context, rtcp, rtcp_size, srtcp, srtcp_size);
}

inline srtp_err_status_t srtp_unprotect(srtp_t context, const std::uint8_t* srtp, std::size_t srtp_size,
                                        std::uint8_t* rtp, std::size_t* rtp_size) {
  return Srtp2InPlace(&srtp_unprotect, context, srtp, srtp_size, rtp, rtp_size);
}

inline srtp_err_status_t srtp_unprotect_rtcp(srtp_t context, const std::uint8_t* srtcp, std::size_t srtcp_size,
                                             std::uint8_t* rtcp, std::size_t* rtcp_size) {
  return Srtp2InPlace(&srtp_unprotect_rtcp, context, srtcp, srtcp_size, rtcp, rtcp_size);
}

inline srtp_err_status_t srtp_stream_remove(srtp_t session, std::uint32_t ssrc_network_order) {
  return srtp_remove_stream(session, ssrc_network_order);
}
