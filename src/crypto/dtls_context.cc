// SPDX-License-Identifier: Apache-2.0
// How every DTLS association of this process is configured.
#include "base/result.h"
#include "crypto/certificate_impl.h"

namespace jb::crypto {
namespace {

// AES-GCM only: each WebRTC browser has it, and one record overhead makes the length check in
// record_filter.h exact. RSA appears because, as a client, the server may hold an RSA certificate.
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384";

// Bounds what a peer can make us reassemble; WebRTC certificates are below 2 KiB.
constexpr long kMaxPeerCertificate = 16 * 1024;

constexpr std::uint64_t kOptions = SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE;

// The peer is trusted for its fingerprint, checked after the handshake proved that it holds the key.
int AcceptAnyChain(X509_STORE_CTX*, void*) { return 1; }

}  // namespace

SslContextPtr MakeDtlsContext(const SSL_METHOD* method, X509* x509, EVP_PKEY* key) {
  SslContextPtr context(SSL_CTX_new(method));
  JB_CHECK(context != nullptr);
  SSL_CTX* c = context.get();
  JB_CHECK(SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) == 1);
  JB_CHECK(SSL_CTX_set_max_proto_version(c, DTLS1_2_VERSION) == 1);
  JB_CHECK(SSL_CTX_use_certificate(c, x509) == 1);
  JB_CHECK(SSL_CTX_use_PrivateKey(c, key) == 1);
  JB_CHECK(SSL_CTX_set_cipher_list(c, kCiphers) == 1);
  JB_CHECK(SSL_CTX_set1_groups_list(c, "X25519:P-256") == 1);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(c, AcceptAnyChain, nullptr);
  SSL_CTX_set_options(c, kOptions);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(c, kMaxPeerCertificate);
  return context;
}

}  // namespace jb::crypto
