// SPDX-License-Identifier: Apache-2.0
#include "crypto/srtp_transform.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "base/result.h"
#include "crypto/hash.h"
#include "crypto/openssl_ptr.h"

#define OPENSSL_SUPPRESS_DEPRECATED  // SHA_CTX: see sha1.h
#include "crypto/sha1.h"

namespace jb::crypto {
namespace {

constexpr std::size_t kCmSaltSize = 14;     // RFC 3711 section 4.1.1
constexpr std::size_t kCmAuthKeySize = 20;  // RFC 3711 section 5.2
constexpr std::size_t kCmTagSize = 10;      // HMAC_SHA1_80
constexpr std::size_t kGcmSaltSize = 12;    // RFC 7714 section 8.1

using CounterBlock = std::array<std::uint8_t, 16>;

// AES in counter mode, in place.
class AesCounter {
 public:
  explicit AesCounter(ByteView key) : context_(EVP_CIPHER_CTX_new()) {
    const EVP_CIPHER* cipher = key.size() == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
    JB_CHECK(context_ != nullptr);
    JB_CHECK(EVP_EncryptInit_ex(context_.get(), cipher, nullptr, key.data(), nullptr) == 1);
  }

  void Xor(const CounterBlock& start, ByteSpan text) {
    if (text.empty()) return;
    int n = 0;
    JB_CHECK(EVP_EncryptInit_ex(context_.get(), nullptr, nullptr, nullptr, start.data()) == 1);
    JB_CHECK(EVP_EncryptUpdate(context_.get(), text.data(), &n, text.data(), static_cast<int>(text.size())) == 1);
  }

 private:
  CipherContextPtr context_;
};

void XorIndex(std::uint8_t* six_bytes, std::uint64_t index) {
  for (int i = 0; i < 6; ++i) six_bytes[i] ^= static_cast<std::uint8_t>(index >> (40 - 8 * i));
}

void XorSsrc(std::uint8_t* four_bytes, std::uint32_t ssrc) {
  for (int i = 0; i < 4; ++i) four_bytes[i] ^= static_cast<std::uint8_t>(ssrc >> (24 - 8 * i));
}

struct SrtpLabels {
  SrtpKeyLabel encryption;
  SrtpKeyLabel authentication;
  SrtpKeyLabel salt;
};
constexpr SrtpLabels LabelsOf(SrtpKind kind) {
  using enum SrtpKeyLabel;
  return kind == SrtpKind::kRtp ? SrtpLabels{kRtpEncryption, kRtpAuthentication, kRtpSalt}
                                : SrtpLabels{kRtcpEncryption, kRtcpAuthentication, kRtcpSalt};
}

// RFC 3711 sections 4.1.1 and 4.2.1.
class CounterModeTransform : public SrtpTransform {
 public:
  CounterModeTransform(SrtpKind kind, ByteView key, ByteView salt)
      : kind_(kind),
        salt_(DeriveSrtpKey(key, salt, LabelsOf(kind).salt, kCmSaltSize)),
        cipher_(DeriveSrtpKey(key, salt, LabelsOf(kind).encryption, key.size())),
        mac_(DeriveSrtpKey(key, salt, LabelsOf(kind).authentication, kCmAuthKeySize)) {}

  std::size_t tag_size() const override { return kCmTagSize; }

  void Seal(PacketPosition at, ByteView header, ByteSpan payload, std::uint8_t* tag) override {
    cipher_.Xor(FirstBlock(at), payload);
    std::copy_n(Authenticate(at, header, payload).begin(), kCmTagSize, tag);
  }

  bool Open(PacketPosition at, ByteView header, ByteSpan payload, const std::uint8_t* tag) override {
    const Sha1Digest mac = Authenticate(at, header, payload);
    if (!ConstantTimeEqual(ByteView(mac).first(kCmTagSize), ByteView(tag, kCmTagSize))) return false;
    cipher_.Xor(FirstBlock(at), payload);
    return true;
  }

  void Restore(PacketPosition, ByteView, ByteSpan) override {}  // a failed Open decrypted nothing

 private:
  CounterBlock FirstBlock(PacketPosition at) const {
    CounterBlock block{};
    std::copy(salt_.begin(), salt_.end(), block.begin());
    XorSsrc(block.data() + 4, at.ssrc);
    XorIndex(block.data() + 8, at.index);
    return block;
  }

  // RTP appends the rollover counter, RTCP the word with the index.
  Sha1Digest Authenticate(PacketPosition at, ByteView header, ByteView payload) const {
    std::uint8_t word[4];
    StoreU32(word, kind_ == SrtpKind::kRtp ? static_cast<std::uint32_t>(at.index >> 16)
                                           : kSrtcpEncrypted | static_cast<std::uint32_t>(at.index));
    return mac_.Sign({header, payload, word});
  }

  const SrtpKind kind_;
  const Bytes salt_;
  AesCounter cipher_;
  const HmacSha1Key mac_;
};

// RFC 7714 sections 8 and 9.
class GcmTransform : public SrtpTransform {
 public:
  GcmTransform(SrtpKind kind, ByteView key, ByteView salt, SrtpBackend backend)
      : kind_(kind), salt_(DeriveSrtpKey(key, salt, LabelsOf(kind).salt, kGcmSaltSize)) {
    const Bytes session_key = DeriveSrtpKey(key, salt, LabelsOf(kind).encryption, key.size());
    if (backend != SrtpBackend::kOpenSsl) gcm_ = MakeIpsecMbGcm(session_key);
    if (!gcm_) gcm_ = MakeOpenSslGcm(session_key);
  }

  std::size_t tag_size() const override { return kGcmTagSize; }

  void Seal(PacketPosition at, ByteView header, ByteSpan payload, std::uint8_t* tag) override {
    std::uint8_t rtcp[kRtcpAadSize];
    gcm_->Seal(MakeGcmNonce(salt_, at), Aad(at, header, rtcp), payload, tag);
  }

  bool Open(PacketPosition at, ByteView header, ByteSpan payload, const std::uint8_t* tag) override {
    std::uint8_t rtcp[kRtcpAadSize];
    return gcm_->Open(MakeGcmNonce(salt_, at), Aad(at, header, rtcp), payload, tag);
  }

  void Restore(PacketPosition at, ByteView header, ByteSpan payload) override {
    std::uint8_t ignored[kGcmTagSize];
    Seal(at, header, payload, ignored);  // XORs the same key stream once more
  }

 private:
  static constexpr std::size_t kRtcpAadSize = 12;

  // RTP: the header. RTCP: its 8 bytes and the word that is sent behind the tag.
  ByteView Aad(PacketPosition at, ByteView header, std::uint8_t* rtcp) const {
    if (kind_ == SrtpKind::kRtp) return header;
    std::copy_n(header.begin(), 8, rtcp);
    StoreU32(rtcp + 8, kSrtcpEncrypted | static_cast<std::uint32_t>(at.index));
    return {rtcp, kRtcpAadSize};
  }

  const SrtpKind kind_;
  const Bytes salt_;
  std::unique_ptr<Gcm> gcm_;
};

}  // namespace

Bytes DeriveSrtpKey(ByteView master_key, ByteView master_salt, SrtpKeyLabel label, std::size_t size) {
  CounterBlock start{};  // a 12-byte salt is padded with zeros on the right
  std::copy(master_salt.begin(), master_salt.end(), start.begin());
  start[7] ^= static_cast<std::uint8_t>(label);
  Bytes key(size, 0);
  AesCounter(master_key).Xor(start, key);
  return key;
}

GcmNonce MakeGcmNonce(ByteView salt, PacketPosition at) {
  GcmNonce nonce;
  std::copy_n(salt.begin(), nonce.size(), nonce.begin());
  XorSsrc(nonce.data() + 2, at.ssrc);
  XorIndex(nonce.data() + 6, at.index);
  return nonce;
}

std::unique_ptr<SrtpTransform> MakeSrtpTransform(SrtpProfile profile, SrtpKind kind, ByteView master_key,
                                                 ByteView master_salt, SrtpBackend backend) {
  const bool aead = profile != SrtpProfile::kAes128CmSha1_80;
  JB_CHECK(master_key.size() == (profile == SrtpProfile::kAeadAes256Gcm ? 32u : 16u));
  JB_CHECK(master_salt.size() == (aead ? kGcmSaltSize : kCmSaltSize));
  if (!aead) return std::make_unique<CounterModeTransform>(kind, master_key, master_salt);
  return std::make_unique<GcmTransform>(kind, master_key, master_salt, backend);
}

}  // namespace jb::crypto
