// SPDX-License-Identifier: Apache-2.0
#include "crypto/fingerprint.h"

#include <openssl/evp.h>

#include <cctype>

#include "base/result.h"
#include "crypto/hash.h"

namespace jb::crypto {
namespace {

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

// RFC 8122 section 5 names these; md2 and md5 are forbidden there.
const EVP_MD* HashNamed(std::string_view algorithm) {
  if (EqualIgnoringCase(algorithm, "sha-256")) return EVP_sha256();
  if (EqualIgnoringCase(algorithm, "sha-384")) return EVP_sha384();
  if (EqualIgnoringCase(algorithm, "sha-512")) return EVP_sha512();
  if (EqualIgnoringCase(algorithm, "sha-224")) return EVP_sha224();
  if (EqualIgnoringCase(algorithm, "sha-1")) return EVP_sha1();
  return nullptr;
}

}  // namespace

Bytes DigestOf(const X509* certificate, const EVP_MD* hash) {
  Bytes digest(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  JB_CHECK(X509_digest(certificate, hash, digest.data(), &size) == 1);
  digest.resize(size);
  return digest;
}

std::string FormatFingerprint(ByteView digest) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(3 * digest.size());
  for (std::uint8_t b : digest) {
    if (!out.empty()) out.push_back(':');
    out.push_back(kHex[b >> 4]);
    out.push_back(kHex[b & 15]);
  }
  return out;
}

bool Matches(const Fingerprint& expected, const X509* received) {
  const EVP_MD* hash = HashNamed(expected.algorithm);
  if (hash == nullptr || received == nullptr) return false;
  return EqualIgnoringCase(FormatFingerprint(DigestOf(received, hash)), expected.value);
}

}  // namespace jb::crypto
