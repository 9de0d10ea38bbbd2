// SPDX-License-Identifier: Apache-2.0
#include "crypto/hash.h"

#include <gtest/gtest.h>

#include "crypto/random.h"
#include "crypto/test_hex.h"

namespace jb::crypto {
namespace {

TEST(Hash, Sha1AndSha256OfTheStandardExample) {  // FIPS 180-4 examples
  EXPECT_EQ(ToHex(Sha1(AsBytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(ToHex(Sha256(AsBytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(Sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST(Hash, HmacSha1MatchesRfc2202) {
  EXPECT_EQ(ToHex(HmacSha1(AsBytes("Jefe"), {AsBytes("what do ya want "), AsBytes("for nothing?")})),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(ToHex(HmacSha1(Bytes(80, 0xaa), {AsBytes("Test Using Larger Than Block-Size Key - Hash "
                                                     "Key First")})),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

TEST(Hash, HmacSha256MatchesRfc4231) {
  EXPECT_EQ(ToHex(HmacSha256(AsBytes("Jefe"), {AsBytes("what do ya want for nothing?")})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(ToHex(HmacSha256(Bytes(131, 0xaa), {AsBytes("Test Using Larger Than Block-Size Key - "
                                                        "Hash Key First")})),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hash, EqualityLooksAtEveryByteAndTheSize) {
  EXPECT_TRUE(ConstantTimeEqual({}, {}));
  EXPECT_TRUE(ConstantTimeEqual(AsBytes("abc"), AsBytes("abc")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), AsBytes("abd")));
  EXPECT_FALSE(ConstantTimeEqual(AsBytes("abc"), AsBytes("ab")));
}

TEST(Base64, EncodesTheExamplesOfRfc4648) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : cases) {
    EXPECT_EQ(Base64Encode(AsBytes(plain)), encoded);
    const auto decoded = Base64Decode(encoded);
    ASSERT_TRUE(decoded) << encoded;
    EXPECT_EQ(AsText(*decoded), plain);
  }
}

TEST(Base64, RefusesAnythingThatIsNotCanonical) {
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zg= ", " Zg=", "Zh==", "Zm9=", "====", "Zg==Zg==", "Zm\n9", "Zm9_", "A===", "=AAA"}) {
    EXPECT_FALSE(Base64Decode(bad)) << bad;
  }
}

TEST(SystemRandom, DoesNotRepeatItself) {
  SystemRandom random;
  EXPECT_NE(random.Id(), random.Id());
  EXPECT_EQ(random.Id().size(), 32u);
  random.Fill({});
}

}  // namespace
}  // namespace jb::crypto
