// SPDX-License-Identifier: Apache-2.0
// AES-GCM by Intel's multi-buffer library, used one message at a time: a fraction of the time of
// gcm_openssl.cc on packets of 1200 bytes (docs/decisions/0005-srtp-gcm-first.md).
#include "crypto/srtp_transform.h"

#ifdef JB_HAVE_IPSEC_MB

#include "crypto/hash.h"
#include "crypto/ipsec_mb.h"

namespace jb::crypto {

const IMB_MGR* IpsecMbLibrary() {
  static const IMB_MGR* const library = []() -> const IMB_MGR* {
    IMB_MGR* manager = alloc_mb_mgr(0);
    if (manager == nullptr) return nullptr;
    IMB_ARCH arch = IMB_ARCH_NONE;
    init_mb_mgr_auto(manager, &arch);
    const bool usable = arch != IMB_ARCH_NONE && arch != IMB_ARCH_NOAESNI && imb_get_errno(manager) == 0;
    if (usable) return manager;  // lives as long as the process
    free_mb_mgr(manager);
    return nullptr;
  }();
  return library;
}

namespace {

class IpsecMbGcm : public Gcm {
 public:
  IpsecMbGcm(const IMB_MGR& library, ByteView key)
      : seal_(key.size() == 32 ? library.gcm256_enc : library.gcm128_enc),
        open_(key.size() == 32 ? library.gcm256_dec : library.gcm128_dec) {
    (key.size() == 32 ? library.gcm256_pre : library.gcm128_pre)(key.data(), &key_);
  }

  void Seal(const GcmNonce& nonce, ByteView aad, ByteView text, std::uint8_t* sealed, std::uint8_t* tag) override {
    gcm_context_data scratch;
    seal_(&key_, &scratch, sealed, text.data(), text.size(), nonce.data(), aad.data(), aad.size(), tag, kGcmTagSize);
  }

  bool Open(const GcmNonce& nonce, ByteView aad, ByteSpan text, const std::uint8_t* tag) override {
    gcm_context_data scratch;
    std::uint8_t computed[kGcmTagSize];
    open_(&key_, &scratch, text.data(), text.data(), text.size(), nonce.data(), aad.data(), aad.size(), computed,
          kGcmTagSize);
    return ConstantTimeEqual(computed, ByteView(tag, kGcmTagSize));
  }

 private:
  alignas(64) gcm_key_data key_;
  const aes_gcm_enc_dec_t seal_;
  const aes_gcm_enc_dec_t open_;
};

}  // namespace

bool HasIpsecMb() { return IpsecMbLibrary() != nullptr; }

std::unique_ptr<Gcm> MakeIpsecMbGcm(ByteView key) {
  const IMB_MGR* library = IpsecMbLibrary();
  return library != nullptr ? std::make_unique<IpsecMbGcm>(*library, key) : nullptr;
}

}  // namespace jb::crypto

#else

namespace jb::crypto {

bool HasIpsecMb() { return false; }
std::unique_ptr<Gcm> MakeIpsecMbGcm(ByteView) { return nullptr; }

}  // namespace jb::crypto

#endif
