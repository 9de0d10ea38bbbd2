// SPDX-License-Identifier: Apache-2.0
// The batch against the simple form: equal bytes, whatever the profile, the library and the place of the payload.
#include "crypto/srtp_batch.h"

#include <algorithm>

#include "crypto/srtp_test_packets.h"

namespace jb::crypto {
namespace {

constexpr std::size_t kHeader = 12;

struct Case {
  SrtpProfile profile;
  SrtpBackend session, batch;
};
class SrtpBatchTest : public ::testing::TestWithParam<Case> {
 protected:
  // As MakeTestKeys, each different.
  static SrtpKeys KeysOf(std::size_t i) {
    SrtpKeys keys = MakeTestKeys(GetParam().profile);
    keys.local_key[0] = static_cast<std::uint8_t>(i);
    keys.local_salt[3] = static_cast<std::uint8_t>(i * 7);
    return keys;
  }
  static SrtpTicket Take(SrtpSession& session, ByteView packet) {
    auto stream = session.OpenSendStream(LoadU32(packet.data() + 8));
    EXPECT_TRUE(stream.ok());
    auto ticket = session.TakeNumber(**stream, LoadU16(packet.data() + 2));
    EXPECT_TRUE(ticket.ok());
    return std::move(*ticket);
  }
};

INSTANTIATE_TEST_SUITE_P(
    All, SrtpBatchTest,
    ::testing::Values(Case{SrtpProfile::kAes128CmSha1_80, SrtpBackend::kOpenSsl, SrtpBackend::kOpenSsl},
                      Case{SrtpProfile::kAes128CmSha1_80, SrtpBackend::kAuto, SrtpBackend::kAuto},
                      Case{SrtpProfile::kAes128CmSha1_80, SrtpBackend::kOpenSsl, SrtpBackend::kAuto},
                      Case{SrtpProfile::kAes128CmSha1_80, SrtpBackend::kAuto, SrtpBackend::kOpenSsl},
                      Case{SrtpProfile::kAeadAes128Gcm, SrtpBackend::kOpenSsl, SrtpBackend::kAuto},
                      Case{SrtpProfile::kAeadAes128Gcm, SrtpBackend::kAuto, SrtpBackend::kAuto},
                      Case{SrtpProfile::kAeadAes256Gcm, SrtpBackend::kOpenSsl, SrtpBackend::kAuto},
                      Case{SrtpProfile::kAeadAes256Gcm, SrtpBackend::kAuto, SrtpBackend::kAuto}));

TEST_P(SrtpBatchTest, SealsAsTheSimpleFormDoes) {
  SrtpBatch batch(GetParam().batch);
  constexpr std::size_t kSessions = 5;
  std::vector<SrtpSession> batched, simple;
  for (std::size_t i = 0; i < kSessions; ++i) {
    batched.emplace_back(KeysOf(i), GetParam().session);
    simple.emplace_back(KeysOf(i), SrtpBackend::kOpenSsl);
  }
  // Several rounds through the wrap, more packets at once than there are lanes, every length of the last block.
  std::uint16_t seq = 65'400;
  for (std::size_t round = 0; round < 3; ++round) {
    std::vector<Bytes> plain, sealed(300);
    std::vector<std::size_t> sizes;
    for (std::size_t i = 0; i < sealed.size(); ++i) {
      plain.push_back(MakeRtp(static_cast<std::uint32_t>(7 + i % 3), seq++, (i * 37) % 1300));
    }
    for (std::size_t i = 0; i < plain.size(); ++i) {
      sealed[i].resize(plain[i].size() + SrtpSession::kMaxOverhead);
      const bool in_place = i % 4 == 0;
      std::copy_n(plain[i].begin(), in_place ? plain[i].size() : kHeader, sealed[i].begin());
      const ByteView whole = in_place ? ByteView(sealed[i]).first(plain[i].size()) : ByteView(plain[i]);
      const ByteView payload = whole.subspan(kHeader);
      sizes.push_back(batch.Add(Take(batched[i % kSessions], plain[i]), sealed[i], kHeader, payload));
    }
    const std::vector<Bytes> before = plain;
    batch.Finish();
    EXPECT_EQ(plain, before);
    for (std::size_t i = 0; i < plain.size(); ++i) {
      sealed[i].resize(sizes[i]);
      ASSERT_EQ(sealed[i], Protect(simple[i % kSessions], plain[i])) << "packet " << i << " of round " << round;
    }
  }
}

TEST_P(SrtpBatchTest, PacketsMayLieSideBySide) {
  SrtpBatch batch(GetParam().batch);
  SrtpSession ours(KeysOf(1), GetParam().session), simple(KeysOf(1), SrtpBackend::kOpenSsl);
  const Bytes payload = CountingBytes(333, 5);
  Bytes out(40 * (kHeader + payload.size() + SrtpSession::kMaxOverhead)), expected;
  std::size_t used = 0;
  for (std::uint16_t seq = 100; seq < 140; ++seq) {
    Bytes packet = MakeRtp(9, seq, 0);
    std::copy(packet.begin(), packet.end(), out.begin() + static_cast<std::ptrdiff_t>(used));
    used += batch.Add(Take(ours, packet), ByteSpan(out).subspan(used), kHeader, payload);
    packet.insert(packet.end(), payload.begin(), payload.end());
    const Bytes one = Protect(simple, packet);
    expected.insert(expected.end(), one.begin(), one.end());
  }
  batch.Finish();
  out.resize(used);
  EXPECT_EQ(out, expected);
}

TEST(SrtpTicket, ANumberIsTakenOnce) {
  SrtpSession session(MakeTestKeys(SrtpProfile::kAeadAes128Gcm));
  auto stream = session.OpenSendStream(7);
  ASSERT_TRUE(stream.ok());
  EXPECT_TRUE(session.TakeNumber(**stream, 1000).ok());
  EXPECT_EQ(session.TakeNumber(**stream, 1000).error(), SrtpError::kReplayed);
  // The simple form keeps the same book.
  Bytes packet = MakeRtp(7, 1000, 20);
  packet.resize(packet.size() + SrtpSession::kMaxOverhead);
  EXPECT_EQ(session.ProtectRtp(packet, 32).error(), SrtpError::kReplayed);
}

TEST(SrtpTicket, IsUsedUpByMovingIt) {
  SrtpSession session(MakeTestKeys(SrtpProfile::kAeadAes128Gcm));
  SrtpTicket one = std::move(*session.TakeNumber(**session.OpenSendStream(7), 1000));
  EXPECT_TRUE(one);
  SrtpTicket two = std::move(one);
  EXPECT_FALSE(one);  // NOLINT(bugprone-use-after-move): that is what is asked
  EXPECT_TRUE(two);
}

TEST(SrtpTicket, StreamsStayWhereTheyAreWhileOthersCome) {
  SrtpSession session(MakeTestKeys(SrtpProfile::kAeadAes128Gcm));
  SrtpSendStream* first = *session.OpenSendStream(5000);
  for (std::uint32_t ssrc = 1; ssrc < 3000; ++ssrc) ASSERT_TRUE(session.OpenSendStream(ssrc).ok());
  EXPECT_EQ(*session.OpenSendStream(5000), first);
  EXPECT_TRUE(session.TakeNumber(*first, 1).ok());
}

}  // namespace
}  // namespace jb::crypto
