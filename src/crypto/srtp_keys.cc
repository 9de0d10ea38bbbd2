// SPDX-License-Identifier: Apache-2.0
#include "crypto/srtp_keys.h"

#include <openssl/srtp.h>

#include <string_view>
#include <utility>

namespace jb::crypto {
namespace {

struct ProfileSizes {
  std::size_t key;
  std::size_t salt;
};

// RFC 5764 section 4.1.2, RFC 7714 section 14.2.
std::optional<ProfileSizes> SizesOf(unsigned long profile) {
  switch (static_cast<SrtpProfile>(profile)) {
    case SrtpProfile::kAes128CmSha1_80: return ProfileSizes{16, 14};
    case SrtpProfile::kAeadAes128Gcm: return ProfileSizes{16, 12};
    case SrtpProfile::kAeadAes256Gcm: return ProfileSizes{32, 12};
  }
  return std::nullopt;
}

}  // namespace

// RFC 5764 section 4.2: client key, server key, client salt, server salt.
std::optional<SrtpKeys> ExportKeys(SSL* ssl, DtlsRole role) {
  constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  const SRTP_PROTECTION_PROFILE* profile = SSL_get_selected_srtp_profile(ssl);
  const auto sizes = profile != nullptr ? SizesOf(profile->id) : std::nullopt;
  if (!sizes) return std::nullopt;
  Bytes material(2 * (sizes->key + sizes->salt));
  if (SSL_export_keying_material(ssl, material.data(), material.size(), kLabel.data(), kLabel.size(), nullptr, 0, 0) !=
      1) {
    return std::nullopt;
  }
  ByteReader reader(material);
  const auto take = [&](std::size_t n) {
    const ByteView bytes = reader.Take(n);
    return Bytes(bytes.begin(), bytes.end());
  };
  SrtpKeys keys;
  keys.profile = static_cast<SrtpProfile>(profile->id);
  keys.local_key = take(sizes->key);
  keys.remote_key = take(sizes->key);
  keys.local_salt = take(sizes->salt);
  keys.remote_salt = take(sizes->salt);
  OPENSSL_cleanse(material.data(), material.size());
  if (role == DtlsRole::kServer) {
    std::swap(keys.local_key, keys.remote_key);
    std::swap(keys.local_salt, keys.remote_salt);
  }
  return keys;
}

void Cleanse(SrtpKeys& keys) {
  for (Bytes* b : {&keys.local_key, &keys.local_salt, &keys.remote_key, &keys.remote_salt}) {
    OPENSSL_cleanse(b->data(), b->size());
  }
}

}  // namespace jb::crypto
