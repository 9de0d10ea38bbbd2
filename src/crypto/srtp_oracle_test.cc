// SPDX-License-Identifier: Apache-2.0
// Every packet both ways against libsrtp, an implementation that shares no line with ours.
#include <gtest/gtest.h>
#include <srtp2/srtp.h>

#include <algorithm>
#include <random>

#include "crypto/srtp_test_packets.h"

namespace jb::crypto {
namespace {

class Oracle {
 public:
  Oracle(const SrtpKeys& keys, bool outbound) {
    static const bool started = srtp_init() == srtp_err_status_ok;
    EXPECT_TRUE(started);
    srtp_policy_t policy{};
    switch (keys.profile) {
      case SrtpProfile::kAes128CmSha1_80:
        srtp_crypto_policy_set_rtp_default(&policy.rtp);
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
        break;
      case SrtpProfile::kAeadAes128Gcm:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        break;
      case SrtpProfile::kAeadAes256Gcm:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
        break;
    }
    Bytes key = outbound ? keys.local_key : keys.remote_key;
    const Bytes& salt = outbound ? keys.local_salt : keys.remote_salt;
    key.insert(key.end(), salt.begin(), salt.end());
    policy.key = key.data();
    policy.ssrc.type = outbound ? ssrc_any_outbound : ssrc_any_inbound;
    policy.window_size = 1024;
    EXPECT_EQ(srtp_create(&session_, &policy), srtp_err_status_ok);
  }
  ~Oracle() { srtp_dealloc(session_); }
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  Bytes Protect(const Bytes& packet) { return Run(srtp_protect, packet); }
  Bytes ProtectRtcp(const Bytes& packet) { return Run(srtp_protect_rtcp, packet); }
  Bytes Unprotect(const Bytes& packet) { return Run(srtp_unprotect, packet); }
  Bytes UnprotectRtcp(const Bytes& packet) { return Run(srtp_unprotect_rtcp, packet); }

 private:
  template <class F>
  Bytes Run(F function, const Bytes& packet) {
    Bytes buffer = packet;
    buffer.resize(packet.size() + SRTP_MAX_TRAILER_LEN + 4);
    int size = static_cast<int>(packet.size());
    if (function(session_, buffer.data(), &size) != srtp_err_status_ok) return {};
    buffer.resize(static_cast<std::size_t>(size));
    return buffer;
  }
  srtp_t session_ = nullptr;
};

class SrtpOracle : public ::testing::TestWithParam<SrtpProfile> {
 protected:
  const SrtpKeys keys_ = MakeTestKeys(GetParam());
  SrtpSession ours_{keys_};
  SrtpSession ours_far_{Mirror(keys_)};
  Oracle theirs_{keys_, /*outbound=*/true};
  Oracle theirs_far_{Mirror(keys_), /*outbound=*/false};
};

INSTANTIATE_TEST_SUITE_P(All, SrtpOracle,
                         ::testing::Values(SrtpProfile::kAes128CmSha1_80, SrtpProfile::kAeadAes128Gcm,
                                           SrtpProfile::kAeadAes256Gcm));

Bytes WithExtension(Bytes packet) {
  packet[0] |= 0x10;
  const Bytes extension{0xbe, 0xde, 0, 2, 0x10, 9, 0x22, 1, 2, 3, 0, 0};
  packet.insert(packet.begin() + 12, extension.begin(), extension.end());
  return packet;
}

TEST_P(SrtpOracle, WritesTheSameRtpAcrossFourWraps) {
  std::uint16_t seq = 65000;
  for (int i = 0; i < 1000; ++i, seq = static_cast<std::uint16_t>(seq + 257)) {
    Bytes plain = MakeRtp(0xcafebabe, seq, static_cast<std::size_t>(i) % 300);
    if (i % 3 == 0) plain = WithExtension(plain);
    const Bytes ours = Protect(ours_, plain);
    ASSERT_EQ(ours, theirs_.Protect(plain)) << i;
    ASSERT_EQ(theirs_far_.Unprotect(ours), plain) << i;
    ASSERT_EQ(Unprotect(ours_far_, ours), plain) << i;
  }
}

// We count SRTCP packets from 0, as RFC 3711 section 3.2.1 says; libsrtp counts from 1.
TEST_P(SrtpOracle, WritesTheSameRtcp) {
  ProtectRtcp(ours_, MakeRtcp(0xcafebabe, 1));
  for (std::size_t i = 0; i < 200; ++i) {
    const Bytes plain = MakeRtcp(0xcafebabe, i % 50);
    const Bytes ours = ProtectRtcp(ours_, plain);
    ASSERT_EQ(ours, theirs_.ProtectRtcp(plain)) << i;
    ASSERT_EQ(theirs_far_.UnprotectRtcp(ours), plain) << i;
    ASSERT_EQ(UnprotectRtcp(ours_far_, ours), plain) << i;
  }
}

// Our SRTCP count runs over all SSRCs; a receiver that counts per SSRC must not mind.
TEST_P(SrtpOracle, ReadsOurRtcpOfSeveralSsrcsInTurn) {
  for (std::uint32_t i = 0; i < 400; ++i) {
    const Bytes plain = MakeRtcp(i % 7, 5);
    ASSERT_EQ(theirs_far_.UnprotectRtcp(ProtectRtcp(ours_, plain)), plain) << i;
  }
}

TEST_P(SrtpOracle, AcceptsAndRefusesTheSamePacketsOnADisorderlyLink) {
  std::mt19937 engine(5);
  std::vector<Bytes> wires;
  std::uint16_t seq = 64000;
  for (int i = 0; i < 3000; ++i) {
    wires.push_back(theirs_.Protect(MakeRtp(0xcafebabe, seq++, 20)));
    if (engine() % 10 == 0) wires.push_back(wires[engine() % wires.size()]);  // a replay
  }
  // Shuffled within stretches, and now and then a packet held back for long. The first stretch stays:
  // a stream that starts behind a wrap is one we hear and libsrtp does not.
  for (std::size_t at = 50; at + 50 < wires.size(); at += 50) {
    const auto begin = wires.begin() + static_cast<std::ptrdiff_t>(at);
    std::shuffle(begin, begin + 50, engine);
    if (engine() % 4 == 0) std::swap(wires[at], wires[engine() % wires.size()]);
  }
  std::size_t accepted = 0;
  for (const Bytes& wire : wires) {
    const Bytes theirs = theirs_far_.Unprotect(wire);
    ASSERT_EQ(Unprotect(ours_far_, wire), theirs);
    accepted += theirs.empty() ? 0 : 1;
  }
  EXPECT_GT(accepted, 1000u);
  EXPECT_LT(accepted, wires.size());
}

TEST_P(SrtpOracle, RefusesTheSameDamagedPackets) {
  std::mt19937 engine(6);
  for (std::uint16_t i = 0; i < 2000; ++i) {
    Bytes wire = i % 2 == 0 ? theirs_.Protect(MakeRtp(1, i, 30)) : theirs_.ProtectRtcp(MakeRtcp(1, 6));
    const bool damaged = engine() % 2 == 0;
    if (damaged) wire[engine() % wire.size()] ^= static_cast<std::uint8_t>(1 + engine() % 255);
    const bool ours = i % 2 == 0 ? !Unprotect(ours_far_, wire).empty() : !UnprotectRtcp(ours_far_, wire).empty();
    EXPECT_EQ(ours, !damaged) << i;
  }
}

}  // namespace
}  // namespace jb::crypto
