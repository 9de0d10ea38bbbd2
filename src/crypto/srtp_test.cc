// SPDX-License-Identifier: Apache-2.0
#include "crypto/srtp.h"

#include <gtest/gtest.h>

#include "crypto/srtp_test_packets.h"

namespace jb::crypto {
namespace {

class SrtpProfiles : public ::testing::TestWithParam<std::pair<SrtpProfile, SrtpBackend>> {
 protected:
  SrtpKeys keys() const { return MakeTestKeys(GetParam().first); }
  SrtpSession Make(const SrtpKeys& keys) const { return SrtpSession(keys, GetParam().second); }
  std::size_t tag_size() const { return GetParam().first == SrtpProfile::kAes128CmSha1_80 ? 10u : 16u; }

  SrtpSession sender_ = Make(keys());
  SrtpSession receiver_ = Make(Mirror(keys()));
};

INSTANTIATE_TEST_SUITE_P(All, SrtpProfiles,
                         ::testing::Values(std::pair{SrtpProfile::kAes128CmSha1_80, SrtpBackend::kAuto},
                                           std::pair{SrtpProfile::kAeadAes128Gcm, SrtpBackend::kOpenSsl},
                                           std::pair{SrtpProfile::kAeadAes128Gcm, SrtpBackend::kAuto},
                                           std::pair{SrtpProfile::kAeadAes256Gcm, SrtpBackend::kOpenSsl},
                                           std::pair{SrtpProfile::kAeadAes256Gcm, SrtpBackend::kAuto}));

TEST_P(SrtpProfiles, RtpOfEverySizeComesBackAsItWas) {
  for (std::size_t payload = 0; payload < 200; ++payload) {
    const Bytes plain = MakeRtp(7, static_cast<std::uint16_t>(payload), payload);
    Bytes wire = Protect(sender_, plain);
    ASSERT_EQ(wire.size(), plain.size() + tag_size());
    EXPECT_TRUE(std::equal(plain.begin(), plain.begin() + 12, wire.begin()));
    EXPECT_EQ(Unprotect(receiver_, wire), plain);
  }
}

TEST_P(SrtpProfiles, HeaderExtensionsAndContributingSourcesStayReadable) {
  Bytes plain = MakeRtp(7, 1, 0);
  plain[0] = 0x92;  // extension, two CSRCs
  plain.insert(plain.end(), {1, 1, 1, 1, 2, 2, 2, 2, 0xbe, 0xde, 0, 1, 0x10, 9, 0, 0, 'h', 'i'});
  Bytes wire = Protect(sender_, plain);
  EXPECT_TRUE(std::equal(plain.begin(), plain.end() - 2, wire.begin()));
  EXPECT_NE(wire[plain.size() - 1], 'i');
  EXPECT_EQ(Unprotect(receiver_, wire), plain);
}

TEST_P(SrtpProfiles, RtcpComesBackAsItWas) {
  for (std::size_t words = 0; words < 40; ++words) {
    const Bytes plain = MakeRtcp(7, words);
    Bytes wire = ProtectRtcp(sender_, plain);
    ASSERT_EQ(wire.size(), plain.size() + tag_size() + 4);
    EXPECT_EQ(UnprotectRtcp(receiver_, wire), plain);
  }
}

TEST_P(SrtpProfiles, EveryChangedBitIsNoticed) {
  const Bytes wire = Protect(sender_, MakeRtp(7, 500, 20));
  for (std::size_t bit = 0; bit < 8 * wire.size(); ++bit) {
    Bytes changed = wire;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    EXPECT_FALSE(receiver_.UnprotectRtp(changed).ok()) << bit;
  }
  Bytes good = wire;
  EXPECT_TRUE(receiver_.UnprotectRtp(good).ok()) << "failures must leave no state behind";
}

TEST_P(SrtpProfiles, EveryChangedBitOfRtcpIsNoticed) {
  const Bytes wire = ProtectRtcp(sender_, MakeRtcp(7, 5));
  for (std::size_t bit = 0; bit < 8 * wire.size(); ++bit) {
    Bytes changed = wire;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    EXPECT_FALSE(receiver_.UnprotectRtcp(changed).ok()) << bit;
  }
  Bytes good = wire;
  EXPECT_TRUE(receiver_.UnprotectRtcp(good).ok());
}

TEST_P(SrtpProfiles, EveryTruncationIsRefused) {
  const Bytes rtp = Protect(sender_, MakeRtp(7, 500, 20));
  const Bytes rtcp = ProtectRtcp(sender_, MakeRtcp(7, 5));
  for (std::size_t n = 0; n < rtp.size(); ++n) {
    Bytes cut(rtp.begin(), rtp.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_FALSE(receiver_.UnprotectRtp(cut).ok()) << n;
  }
  for (std::size_t n = 0; n < rtcp.size(); ++n) {
    Bytes cut(rtcp.begin(), rtcp.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_FALSE(receiver_.UnprotectRtcp(cut).ok()) << n;
  }
}

TEST_P(SrtpProfiles, ASecondCopyIsAReplay) {
  const Bytes wire = Protect(sender_, MakeRtp(7, 9, 20));
  const Bytes rtcp = ProtectRtcp(sender_, MakeRtcp(7, 5));
  for (int round = 0; round < 3; ++round) {
    Bytes a = wire, b = rtcp;
    const auto x = receiver_.UnprotectRtp(a);
    const auto y = receiver_.UnprotectRtcp(b);
    EXPECT_EQ(x.ok(), round == 0);
    EXPECT_EQ(y.ok(), round == 0);
    if (round > 0) {
      EXPECT_EQ(x.error(), SrtpError::kReplayed);
      EXPECT_EQ(y.error(), SrtpError::kReplayed);
    }
  }
}

TEST_P(SrtpProfiles, TheWindowIs1024PacketsDeep) {
  std::vector<Bytes> wires;
  for (std::uint16_t seq = 100; seq <= 100 + 1024; ++seq) {
    wires.push_back(Protect(sender_, MakeRtp(7, seq, 4)));
  }
  Bytes newest = wires.back();
  ASSERT_TRUE(receiver_.UnprotectRtp(newest).ok());
  const auto late = receiver_.UnprotectRtp(wires[0]);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error(), SrtpError::kTooOld);
  for (std::size_t i = 1; i + 1 < wires.size(); ++i) EXPECT_TRUE(receiver_.UnprotectRtp(wires[i]).ok());
}

TEST_P(SrtpProfiles, SequenceNumbersWrapManyTimesFromAnyStart) {
  for (const std::uint16_t start : std::initializer_list<std::uint16_t>{0, 1, 32767, 32768, 65534, 65535}) {
    SrtpSession sender = Make(keys()), receiver = Make(Mirror(keys()));
    std::uint16_t seq = start;
    for (int i = 0; i < 400; ++i, seq = static_cast<std::uint16_t>(seq + 999)) {
      const Bytes plain = MakeRtp(7, seq, 8);
      Bytes wire = Protect(sender, plain);
      ASSERT_EQ(Unprotect(receiver, wire), plain) << start << " " << i;
    }
  }
}

TEST_P(SrtpProfiles, PacketsMayCrossTheWrapInAnyOrder) {
  std::vector<Bytes> wires;
  for (int i = -20; i < 20; ++i) {
    wires.push_back(Protect(sender_, MakeRtp(7, static_cast<std::uint16_t>(i), 8)));
  }
  for (std::size_t i = 0; i + 1 < wires.size(); i += 2) std::swap(wires[i], wires[i + 1]);
  std::swap(wires[15], wires[30]);
  for (Bytes& wire : wires) EXPECT_TRUE(receiver_.UnprotectRtp(wire).ok());
}

// All packets before the wrap were lost: a receiver that only tries rollover counter 0 stays deaf.
TEST_P(SrtpProfiles, AStreamIsHeardWhenItsFirstPacketsBeforeTheWrapWereLost) {
  Protect(sender_, MakeRtp(7, 65530, 8));
  const Bytes early = Protect(sender_, MakeRtp(7, 65531, 8));
  for (std::uint16_t seq = 0; seq < 4; ++seq) {
    const Bytes plain = MakeRtp(7, seq, 30);
    Bytes wire = Protect(sender_, plain);
    EXPECT_EQ(Unprotect(receiver_, wire), plain);
  }
  Bytes late = early;
  EXPECT_TRUE(receiver_.UnprotectRtp(late).ok());
}

TEST_P(SrtpProfiles, EachSsrcHasItsOwnRolloverCounter) {
  for (std::uint16_t seq : std::initializer_list<std::uint16_t>{65535, 0, 1}) Protect(sender_, MakeRtp(7, seq, 8));
  const Bytes plain = MakeRtp(8, 2, 8);
  Bytes wire = Protect(sender_, plain);
  EXPECT_EQ(Unprotect(receiver_, wire), plain);
}

TEST_P(SrtpProfiles, ASequenceNumberIsNeverProtectedTwice) {
  Protect(sender_, MakeRtp(7, 9, 20));
  Bytes again = MakeRtp(7, 9, 21);
  const Bytes before = again;
  const std::size_t size = again.size();
  again.resize(size + SrtpSession::kMaxOverhead);
  const auto result = sender_.ProtectRtp(again, size);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error(), SrtpError::kReplayed);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), again.begin()));
}

TEST_P(SrtpProfiles, ASenderMayFillAGapLaterButNotBeforeItsFirstPacket) {
  Protect(sender_, MakeRtp(7, 100, 4));
  Protect(sender_, MakeRtp(7, 102, 4));
  Bytes wire = Protect(sender_, MakeRtp(7, 101, 4));
  EXPECT_TRUE(receiver_.UnprotectRtp(wire).ok());
  Bytes before = MakeRtp(7, 65535, 4);
  before.resize(before.size() + SrtpSession::kMaxOverhead);
  EXPECT_FALSE(sender_.ProtectRtp(before, before.size() - SrtpSession::kMaxOverhead).ok());
}

TEST_P(SrtpProfiles, ABufferWithoutRoomForTheTagIsRefusedUntouched) {
  const Bytes plain = MakeRtp(7, 1, 20);
  Bytes buffer = plain;
  buffer.resize(plain.size() + tag_size() - 1);
  EXPECT_EQ(sender_.ProtectRtp(buffer, plain.size()).error(), SrtpError::kNoRoom);
  EXPECT_EQ(sender_.ProtectRtp(buffer, buffer.size() + 1).error(), SrtpError::kNoRoom);
  EXPECT_TRUE(std::equal(plain.begin(), plain.end(), buffer.begin()));
  Bytes rtcp = MakeRtcp(7, 3);
  const std::size_t size = rtcp.size();
  rtcp.resize(size + tag_size() + 3);
  EXPECT_EQ(sender_.ProtectRtcp(rtcp, size).error(), SrtpError::kNoRoom);
}

TEST_P(SrtpProfiles, HeadersThatOverrunThePacketAreMalformed) {
  Bytes csrcs = MakeRtp(7, 1, 8);
  csrcs[0] = 0x8f;
  EXPECT_EQ(receiver_.UnprotectRtp(csrcs).error(), SrtpError::kMalformed);
  Bytes extension = MakeRtp(7, 1, 30);
  extension[0] = 0x90;
  extension[14] = extension[15] = 0xff;
  EXPECT_EQ(receiver_.UnprotectRtp(extension).error(), SrtpError::kMalformed);
  Bytes version = MakeRtp(7, 1, 30);
  version[0] = 0x40;
  EXPECT_EQ(receiver_.UnprotectRtp(version).error(), SrtpError::kMalformed);
}

TEST_P(SrtpProfiles, PlainRtcpIsRefused) {
  Bytes wire = ProtectRtcp(sender_, MakeRtcp(7, 3));
  const std::size_t word = tag_size() == 10 ? wire.size() - 14 : wire.size() - 4;
  wire[word] &= 0x7f;
  EXPECT_EQ(receiver_.UnprotectRtcp(wire).error(), SrtpError::kAuthFailed);
}

TEST_P(SrtpProfiles, ForgettingAnSsrcFreesItsReceiveStateOnly) {
  const Bytes wire = Protect(sender_, MakeRtp(7, 9, 20));
  Bytes first = wire, second = wire;
  ASSERT_TRUE(receiver_.UnprotectRtp(first).ok());
  receiver_.ForgetSsrc(7);
  receiver_.ForgetSsrc(12345);
  EXPECT_TRUE(receiver_.UnprotectRtp(second).ok());
  sender_.ForgetSsrc(7);
  Bytes again = MakeRtp(7, 9, 20);
  again.resize(again.size() + SrtpSession::kMaxOverhead);
  EXPECT_FALSE(sender_.ProtectRtp(again, again.size() - SrtpSession::kMaxOverhead).ok());
}

TEST_P(SrtpProfiles, TheReceiveTableKeepsTheMostRecentlyHeard) {
  Bytes kept = Protect(sender_, MakeRtp(1, 1, 4));
  const Bytes kept_copy = kept;
  ASSERT_TRUE(receiver_.UnprotectRtp(kept).ok());
  for (std::uint32_t ssrc = 2; ssrc < 2 + 2 * SrtpSession::kMaxReceiveSsrcs; ++ssrc) {
    Bytes wire = Protect(sender_, MakeRtp(ssrc, 1, 4));
    ASSERT_TRUE(receiver_.UnprotectRtp(wire).ok());
    Bytes alive = Protect(sender_, MakeRtp(1, static_cast<std::uint16_t>(ssrc), 4));
    ASSERT_TRUE(receiver_.UnprotectRtp(alive).ok());
  }
  Bytes replay = kept_copy;
  EXPECT_EQ(receiver_.UnprotectRtp(replay).error(), SrtpError::kReplayed);
}

TEST_P(SrtpProfiles, TheSendTableIsBounded) {
  Bytes packet = MakeRtp(0, 1, 4);
  const std::size_t size = packet.size();
  packet.resize(size + SrtpSession::kMaxOverhead);
  for (std::uint32_t ssrc = 0; ssrc < SrtpSession::kMaxSendSsrcs; ++ssrc) {
    StoreU32(packet.data() + 8, ssrc);
    ASSERT_TRUE(sender_.ProtectRtp(packet, size).ok());
  }
  StoreU32(packet.data() + 8, 99999);
  EXPECT_EQ(sender_.ProtectRtp(packet, size).error(), SrtpError::kTooManySsrcs);
  sender_.RetireSendSsrc(0);
  EXPECT_TRUE(sender_.ProtectRtp(packet, size).ok()) << "one that has ended makes room";
}

TEST_P(SrtpProfiles, TheTwoDirectionsDoNotOpenEachOthersPackets) {
  Bytes wire = Protect(sender_, MakeRtp(7, 1, 4));
  EXPECT_EQ(sender_.UnprotectRtp(wire).error(), SrtpError::kAuthFailed);
}

TEST(Srtp, BothBackendsWriteTheSameBytes) {
  if (!HasIpsecMb()) GTEST_SKIP() << "no ipsec-mb on this machine";
  for (SrtpProfile profile : {SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm}) {
    SrtpSession a(MakeTestKeys(profile), SrtpBackend::kOpenSsl);
    SrtpSession b(MakeTestKeys(profile), SrtpBackend::kIpsecMb);
    for (std::size_t n = 0; n < 1400; ++n) {
      const Bytes plain = MakeRtp(7, static_cast<std::uint16_t>(n + 65000), n);
      ASSERT_EQ(Protect(a, plain), Protect(b, plain)) << n;
      if (n % 4 == 0) {
        const Bytes rtcp = MakeRtcp(7, n / 4);
        ASSERT_EQ(ProtectRtcp(a, rtcp), ProtectRtcp(b, rtcp)) << n;
      }
    }
  }
}

}  // namespace
}  // namespace jb::crypto
