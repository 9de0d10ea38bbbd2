// SPDX-License-Identifier: Apache-2.0
// The self-signed identities of this process: one for DTLS-SRTP, made afresh at each start and never
// written down, and PEM files for HTTPS on a local network. Checks no certificate: DTLS trusts
// fingerprints (crypto/dtls.h).
#pragma once

#include <memory>
#include <span>
#include <string>

namespace jb::crypto {

// EC P-256 key with a self-signed certificate. Immutable and shared between threads; every DtlsEndpoint
// of the process uses the one it is given.
class Certificate {
 public:
  // Aborts when the key cannot be made: that is a broken crypto library, not a situation.
  static std::shared_ptr<const Certificate> Make();

  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  // RFC 8122 section 5: "AB:CD:…", upper-case, 32 bytes.
  const std::string& fingerprint_sha256() const { return fingerprint_; }

  struct Impl;
  // For the sources of this folder only.
  const Impl& impl() const { return *impl_; }

 private:
  explicit Certificate(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
  std::string fingerprint_;
};

struct TlsCertificatePem {
  std::string cert_pem;
  std::string key_pem;  // PKCS #8, unencrypted: write it with mode 0600
};

// A self-signed HTTPS server certificate valid for `names`: host names, and IPv4 or IPv6 addresses as
// text; none means localhost. Browsers open the microphone only on a secure origin, so a gateway on a local network
// needs one.
TlsCertificatePem MakeLocalTlsCertificate(std::span<const std::string> names);

}  // namespace jb::crypto
