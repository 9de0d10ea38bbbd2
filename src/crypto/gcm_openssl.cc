// SPDX-License-Identifier: Apache-2.0
// The reference AES-GCM.
#include "base/result.h"
#include "crypto/openssl_ptr.h"
#include "crypto/srtp_transform.h"

namespace jb::crypto {
namespace {

class OpenSslGcm : public Gcm {
 public:
  explicit OpenSslGcm(ByteView key) : context_(EVP_CIPHER_CTX_new()) {
    const EVP_CIPHER* cipher = key.size() == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
    JB_CHECK(context_ != nullptr);
    JB_CHECK(EVP_CipherInit_ex(context_.get(), cipher, nullptr, key.data(), nullptr, 1) == 1);
  }

  void Seal(const GcmNonce& nonce, ByteView aad, ByteView text, std::uint8_t* sealed, std::uint8_t* tag) override {
    Run(nonce, aad, text, sealed, /*encrypt=*/1);
    int none = 0;
    JB_CHECK(EVP_CipherFinal_ex(context_.get(), tag, &none) == 1);
    JB_CHECK(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, kGcmTagSize, tag) == 1);
  }

  bool Open(const GcmNonce& nonce, ByteView aad, ByteSpan text, const std::uint8_t* tag) override {
    Run(nonce, aad, text, text.data(), /*encrypt=*/0);
    std::uint8_t expected[kGcmTagSize];
    std::copy_n(tag, kGcmTagSize, expected);
    JB_CHECK(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, kGcmTagSize, expected) == 1);
    int none = 0;
    return EVP_CipherFinal_ex(context_.get(), expected, &none) == 1;
  }

 private:
  void Run(const GcmNonce& nonce, ByteView aad, ByteView text, std::uint8_t* out, int encrypt) {
    EVP_CIPHER_CTX* c = context_.get();
    int n = 0;
    JB_CHECK(EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, nonce.data(), encrypt) == 1);
    JB_CHECK(EVP_CipherUpdate(c, nullptr, &n, aad.data(), static_cast<int>(aad.size())) == 1);
    if (text.empty()) return;
    JB_CHECK(EVP_CipherUpdate(c, out, &n, text.data(), static_cast<int>(text.size())) == 1);
  }

  CipherContextPtr context_;
};

}  // namespace

std::unique_ptr<Gcm> MakeOpenSslGcm(ByteView key) { return std::make_unique<OpenSslGcm>(key); }

}  // namespace jb::crypto
