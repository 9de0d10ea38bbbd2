// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: certificate fingerprints as RFC 8122 section 5 writes them.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "crypto/dtls.h"

namespace jb::crypto {

Bytes DigestOf(const X509* certificate, const EVP_MD* hash);
std::string FormatFingerprint(ByteView digest);

// Compares with the certificate the peer sent, never with our own. An unknown algorithm, an empty or
// malformed value, and a missing certificate are mismatches.
bool Matches(const Fingerprint& expected, const X509* received);

}  // namespace jb::crypto
