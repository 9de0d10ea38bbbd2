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

// AES in counter mode.
class AesCounter {
 public:
  explicit AesCounter(ByteView key) : context_(EVP_CIPHER_CTX_new()) {
    const EVP_CIPHER* cipher = key.size() == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
    JB_CHECK(context_ != nullptr);
    JB_CHECK(EVP_EncryptInit_ex(context_.get(), cipher, nullptr, key.data(), nullptr) == 1);
  }

  // `out` is where `text` is, or apart from it.
  void Xor(const CounterBlock& start, ByteView text, std::uint8_t* out) {
    if (text.empty()) return;
    int n = 0;
    JB_CHECK(EVP_EncryptInit_ex(context_.get(), nullptr, nullptr, nullptr, start.data()) == 1);
    JB_CHECK(EVP_EncryptUpdate(context_.get(), out, &n, text.data(), static_cast<int>(text.size())) == 1);
  }

 private:
  CipherContextPtr context_;
};

// RFC 3711 section 4.1.1 and RFC 7714 section 8.1 agree: the SSRC and behind it the 48 bits of the index are XORed
// onto ten bytes of the salt. As two words, big-endian.
void XorPosition(std::uint8_t* ten_bytes, PacketPosition at) {
  StoreU64(ten_bytes, LoadU64(ten_bytes) ^ (std::uint64_t{at.ssrc} << 32 | at.index >> 16));
  StoreU16(ten_bytes + 8, static_cast<std::uint16_t>(LoadU16(ten_bytes + 8) ^ (at.index & 0xffff)));
}

// A salt as it is XORed: of its own size, then zeros.
template <std::size_t kSize>
std::array<std::uint8_t, kSize> SaltOf(const Bytes& derived) {
  std::array<std::uint8_t, kSize> out{};
  std::copy(derived.begin(), derived.end(), out.begin());
  return out;
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
  CounterModeTransform(SrtpKind kind, ByteView key, ByteView salt, SrtpBackend backend)
      : kind_(kind),
        salt_(SaltOf<16>(DeriveSrtpKey(key, salt, LabelsOf(kind).salt, kCmSaltSize))),
        cipher_(DeriveSrtpKey(key, salt, LabelsOf(kind).encryption, key.size())),
        mac_(DeriveSrtpKey(key, salt, LabelsOf(kind).authentication, kCmAuthKeySize)) {
    if (kind != SrtpKind::kRtp || backend == SrtpBackend::kOpenSsl) return;
    lane_key_ = MakeIpsecMbLaneKey(DeriveSrtpKey(key, salt, LabelsOf(kind).encryption, key.size()),
                                   DeriveSrtpKey(key, salt, LabelsOf(kind).authentication, kCmAuthKeySize));
  }

  std::size_t tag_size() const override { return kCmTagSize; }

  void Seal(PacketPosition at, ByteView header, ByteView plain, std::uint8_t* sealed, std::uint8_t* tag) override {
    cipher_.Xor(FirstBlock(at), plain, sealed);
    std::copy_n(Authenticate(at, header, ByteView(sealed, plain.size())).begin(), kCmTagSize, tag);
  }

  // The library hashes what lies at the source, so the payload goes to its place first.
  void SealLater(CounterModeLanes* lanes, PacketPosition at, ByteView header, ByteView plain,
                 std::uint8_t* sealed) override {
    if (!lanes || !lane_key_) return SrtpTransform::SealLater(lanes, at, header, plain, sealed);
    if (sealed != plain.data()) std::copy(plain.begin(), plain.end(), sealed);
    const ByteSpan packet(sealed - header.size(), header.size() + plain.size());
    lanes->Submit(*lane_key_, FirstBlock(at), packet, header.size(), static_cast<std::uint32_t>(at.index >> 16));
  }

  bool Open(PacketPosition at, ByteView header, ByteSpan payload, const std::uint8_t* tag) override {
    const Sha1Digest mac = Authenticate(at, header, payload);
    if (!ConstantTimeEqual(ByteView(mac).first(kCmTagSize), ByteView(tag, kCmTagSize))) return false;
    cipher_.Xor(FirstBlock(at), payload, payload.data());
    return true;
  }

  void Restore(PacketPosition, ByteView, ByteSpan) override {}  // a failed Open decrypted nothing

 private:
  CounterBlock FirstBlock(PacketPosition at) const {
    CounterBlock block = salt_;
    XorPosition(block.data() + 4, at);
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
  const CounterBlock salt_;
  AesCounter cipher_;
  const HmacSha1Key mac_;
  std::unique_ptr<CounterModeLanes::Key> lane_key_;
};

// RFC 7714 sections 8 and 9.
class GcmTransform : public SrtpTransform {
 public:
  GcmTransform(SrtpKind kind, ByteView key, ByteView salt, SrtpBackend backend)
      : kind_(kind), salt_(SaltOf<kGcmSaltSize>(DeriveSrtpKey(key, salt, LabelsOf(kind).salt, kGcmSaltSize))) {
    const Bytes session_key = DeriveSrtpKey(key, salt, LabelsOf(kind).encryption, key.size());
    if (backend != SrtpBackend::kOpenSsl) gcm_ = MakeIpsecMbGcm(session_key);
    if (!gcm_) gcm_ = MakeOpenSslGcm(session_key);
  }

  std::size_t tag_size() const override { return kGcmTagSize; }

  void Seal(PacketPosition at, ByteView header, ByteView plain, std::uint8_t* sealed, std::uint8_t* tag) override {
    std::uint8_t rtcp[kRtcpAadSize];
    gcm_->Seal(MakeGcmNonce(salt_, at), Aad(at, header, rtcp), plain, sealed, tag);
  }

  bool Open(PacketPosition at, ByteView header, ByteSpan payload, const std::uint8_t* tag) override {
    std::uint8_t rtcp[kRtcpAadSize];
    return gcm_->Open(MakeGcmNonce(salt_, at), Aad(at, header, rtcp), payload, tag);
  }

  void Restore(PacketPosition at, ByteView header, ByteSpan payload) override {
    std::uint8_t ignored[kGcmTagSize];
    Seal(at, header, payload, payload.data(), ignored);  // XORs the same key stream once more
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
  const GcmSalt salt_;
  std::unique_ptr<Gcm> gcm_;
};

}  // namespace

void SrtpTransform::SealLater(CounterModeLanes*, PacketPosition at, ByteView header, ByteView plain,
                              std::uint8_t* sealed) {
  Seal(at, header, plain, sealed, sealed + plain.size());
}

Bytes DeriveSrtpKey(ByteView master_key, ByteView master_salt, SrtpKeyLabel label, std::size_t size) {
  CounterBlock start{};  // a 12-byte salt is padded with zeros on the right
  std::copy(master_salt.begin(), master_salt.end(), start.begin());
  start[7] ^= static_cast<std::uint8_t>(label);
  Bytes key(size, 0);
  AesCounter(master_key).Xor(start, key, key.data());
  return key;
}

GcmNonce MakeGcmNonce(const GcmSalt& salt, PacketPosition at) {
  GcmNonce nonce = salt;
  XorPosition(nonce.data() + 2, at);
  return nonce;
}

std::unique_ptr<SrtpTransform> MakeSrtpTransform(SrtpProfile profile, SrtpKind kind, ByteView master_key,
                                                 ByteView master_salt, SrtpBackend backend) {
  const bool aead = profile != SrtpProfile::kAes128CmSha1_80;
  JB_CHECK(master_key.size() == (profile == SrtpProfile::kAeadAes256Gcm ? 32u : 16u));
  JB_CHECK(master_salt.size() == (aead ? kGcmSaltSize : kCmSaltSize));
  if (!aead) return std::make_unique<CounterModeTransform>(kind, master_key, master_salt, backend);
  return std::make_unique<GcmTransform>(kind, master_key, master_salt, backend);
}

}  // namespace jb::crypto
