// SPDX-License-Identifier: Apache-2.0
#define OPENSSL_SUPPRESS_DEPRECATED  // SHA_CTX: see sha1.h
#include "crypto/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/result.h"
#include "crypto/sha1.h"

namespace jb::crypto {
namespace {

constexpr std::size_t kBlockSize = 64;  // of SHA-1 and SHA-256, RFC 2104 section 2

// The key as RFC 2104 uses it: hashed when longer than a block, zero-padded, XORed with `pad`.
template <class Digest>
std::array<std::uint8_t, kBlockSize> PadKey(ByteView key, std::uint8_t pad, Digest (*hash)(ByteView)) {
  std::array<std::uint8_t, kBlockSize> block{};
  if (key.size() > kBlockSize) {
    const Digest digest = hash(key);
    std::copy(digest.begin(), digest.end(), block.begin());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  for (auto& b : block) b ^= pad;
  return block;
}

}  // namespace

HmacSha1Key::HmacSha1Key(ByteView key) {
  const auto inner = PadKey(key, 0x36, Sha1);
  const auto outer = PadKey(key, 0x5c, Sha1);
  SHA1_Init(&inner_);
  SHA1_Update(&inner_, inner.data(), inner.size());
  SHA1_Init(&outer_);
  SHA1_Update(&outer_, outer.data(), outer.size());
}

Sha1Digest HmacSha1Key::Sign(std::initializer_list<ByteView> parts) const {
  Sha1Digest digest;
  SHA_CTX context = inner_;
  for (ByteView part : parts) SHA1_Update(&context, part.data(), part.size());
  SHA1_Final(digest.data(), &context);
  context = outer_;
  SHA1_Update(&context, digest.data(), digest.size());
  SHA1_Final(digest.data(), &context);
  return digest;
}

Sha1Digest Sha1(ByteView data) {
  Sha1Digest digest;
  SHA1(data.data(), data.size(), digest.data());
  return digest;
}

Sha256Digest Sha256(ByteView data) {
  Sha256Digest digest;
  SHA256(data.data(), data.size(), digest.data());
  return digest;
}

Sha1Digest HmacSha1(ByteView key, std::initializer_list<ByteView> parts) { return HmacSha1Key(key).Sign(parts); }

Sha256Digest HmacSha256(ByteView key, std::initializer_list<ByteView> parts) {
  const auto inner = PadKey(key, 0x36, Sha256);
  const auto outer = PadKey(key, 0x5c, Sha256);
  Sha256Digest digest;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, inner.data(), inner.size());
  for (ByteView part : parts) SHA256_Update(&context, part.data(), part.size());
  SHA256_Final(digest.data(), &context);
  SHA256_Init(&context);
  SHA256_Update(&context, outer.data(), outer.size());
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

bool ConstantTimeEqual(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string Base64Encode(ByteView data) {
  std::string out(4 * ((data.size() + 2) / 3) + 1, '\0');  // EVP writes a terminating zero
  const int n =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), data.data(), static_cast<int>(data.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

namespace {

// 0..63, or -1 for a character outside the alphabet.
int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

// By hand, because EVP_DecodeBlock forgives white space and reports padding as zero bytes.
std::optional<Bytes> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (char c : text.substr(0, text.size() - padding)) {
    const int value = Base64Value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<std::uint8_t>(bits >> count));
    bits &= (1u << count) - 1;
  }
  if (bits != 0) return std::nullopt;  // RFC 4648 section 3.5: the unused bits are zero
  return out;
}

}  // namespace jb::crypto
