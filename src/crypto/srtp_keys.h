// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: the SRTP keys of a finished DTLS handshake (RFC 5764 section 4.2).
#pragma once

#include <optional>

#include "crypto/dtls.h"
#include "crypto/openssl_ptr.h"

namespace jb::crypto {

// nullopt: no profile was agreed.
std::optional<SrtpKeys> ExportKeys(SSL* ssl, DtlsRole role);
void Cleanse(SrtpKeys& keys);

}  // namespace jb::crypto
