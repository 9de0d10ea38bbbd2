// SPDX-License-Identifier: Apache-2.0
// The examples of RFC 3711 appendix B and RFC 7714 sections 16 and 17.
#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/srtp_transform.h"
#include "crypto/test_hex.h"

namespace jb::crypto {
namespace {

TEST(SrtpVectors, KeysAreDerivedAsInRfc3711AppendixB3) {
  const Bytes key = FromHex("e1f97a0d3e018be0d64fa32c06de4139");
  const Bytes salt = FromHex("0ec675ad498afeebb6960b3aabe6");
  EXPECT_EQ(ToHex(DeriveSrtpKey(key, salt, SrtpKeyLabel::kRtpEncryption, 16)), "c61e7a93744f39ee10734afe3ff7a087");
  EXPECT_EQ(ToHex(DeriveSrtpKey(key, salt, SrtpKeyLabel::kRtpSalt, 14)), "30cbbc08863d8c85d49db34a9ae1");
  EXPECT_EQ(ToHex(DeriveSrtpKey(key, salt, SrtpKeyLabel::kRtpAuthentication, 94)),
            "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbce"
            "e049646c43d9327ad175578ef72270986371c10c9a369ac2f94a8c5fbcdddc25"
            "6d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2");
}

// Derivation is AES in counter mode from the salt; the key stream of appendix B.2 checks its counter.
TEST(SrtpVectors, CounterModeKeystreamIsThatOfRfc3711AppendixB2) {
  const Bytes stream =
      DeriveSrtpKey(FromHex("2b7e151628aed2a6abf7158809cf4f3c"), FromHex("f0f1f2f3f4f5f6f7f8f9fafbfcfd"),
                    SrtpKeyLabel::kRtpEncryption, 0xff02 * 16);
  EXPECT_EQ(ToHex(ByteView(stream).first(48)),
            "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab"
            "41e95b3bb0a2e8dd477901e4fca894c0");
  EXPECT_EQ(ToHex(ByteView(stream).subspan(0xfeff * 16)),
            "ec8cdf7398607cb0f2d21675ea9ea1e4362b7c3c6773516318a077d7fc5073ae"
            "6a2cc3787889374fbeb4c81b17ba6c44");
}

struct GcmVector {
  const char* name;
  const char* key;
  PacketPosition position;
  const char* nonce;
  const char* aad;
  const char* plain;
  const char* sealed;  // with the tag
};

constexpr const char* kKey128 = "000102030405060708090a0b0c0d0e0f";
constexpr const char* kKey256 = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
constexpr const char* kSalt = "517569642070726f2071756f";

const GcmVector kVectors[] = {
    {"RTP 128",
     kKey128,
     {0x5501a0b2, 0xf17b},
     "51753c6580c2726f20718414",
     "8040f17b8041f8d35501a0b2",
     "47616c6c696120657374206f6d6e697320646976697361 20696e207061727465732074726573",
     "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
     "899d7f27beb16a9152cf765ee4390cce"},
    {"RTP 256",
     kKey256,
     {0x5501a0b2, 0xf17b},
     "51753c6580c2726f20718414",
     "8040f17b8041f8d35501a0b2",
     "47616c6c696120657374206f6d6e697320646976697361 20696e207061727465732074726573",
     "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
     "7aa3db36dfffd6b0f9bb7878d7a76c13"},
    {"RTCP 128",
     kKey128,
     {0x4d617273, 0x5d4},
     "517524055203726f207170bb",
     "81c8000d4d617273800005d4",
     "4e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
     "63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b"
     "c84aa45896cf4d2fc5abf87245d9eade"},
};

TEST(SrtpVectors, GcmSealsAndOpensTheExamplesOfRfc7714WithEitherLibrary) {
  for (const GcmVector& v : kVectors) {
    GcmSalt salt;
    std::ranges::copy(FromHex(kSalt), salt.begin());
    const GcmNonce nonce = MakeGcmNonce(salt, v.position);
    EXPECT_EQ(ToHex(nonce), v.nonce) << v.name;
    for (bool intel : {false, true}) {
      if (intel && !HasIpsecMb()) continue;
      const auto gcm = intel ? MakeIpsecMbGcm(FromHex(v.key)) : MakeOpenSslGcm(FromHex(v.key));
      const Bytes aad = FromHex(v.aad), plain = FromHex(v.plain);
      Bytes packet = plain;
      packet.resize(plain.size() + kGcmTagSize);
      const ByteSpan text = ByteSpan(packet).first(plain.size());
      gcm->Seal(nonce, aad, text, text.data(), packet.data() + plain.size());
      EXPECT_EQ(ToHex(packet), ToHex(FromHex(v.sealed))) << v.name << " intel " << intel;
      EXPECT_TRUE(gcm->Open(nonce, aad, text, packet.data() + plain.size()));
      EXPECT_EQ(Bytes(text.begin(), text.end()), plain);
    }
  }
}

}  // namespace
}  // namespace jb::crypto
