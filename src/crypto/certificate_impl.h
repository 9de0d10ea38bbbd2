// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: the TLS library's side of a Certificate.
#pragma once

#include <memory>

#include "crypto/certificate.h"
#include "crypto/openssl_ptr.h"

namespace jb::crypto {

struct Certificate::Impl {
  PkeyPtr key;
  X509Ptr x509;
  // Configured once per identity; SSL_new from them is safe on any thread.
  SslContextPtr server;
  SslContextPtr client;
};

// In dtls_context.cc.
SslContextPtr MakeDtlsContext(const SSL_METHOD* method, X509* x509, EVP_PKEY* key);

}  // namespace jb::crypto
