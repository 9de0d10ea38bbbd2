// SPDX-License-Identifier: Apache-2.0
#include "io/tls_context.h"

#include <openssl/ssl.h>

#include <fstream>
#include <sstream>

namespace jb::io {
namespace {

namespace ssl = boost::asio::ssl;
using ErrorCode = boost::system::error_code;

constexpr auto kOptions = ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                          ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::no_compression;

Result<std::string> ReadPem(const std::string& file, const std::string& text, const char* what) {
  if (!text.empty()) return text;
  if (file.empty()) return Fail("bad_certificate", std::string("no TLS ") + what + " was given");
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  if (!in || !(out << in.rdbuf())) {
    return Fail("bad_certificate", std::string("cannot read the TLS ") + what + " " + file);
  }
  return out.str();
}

std::string NameOf(const std::string& file, const char* what) {
  return file.empty() ? std::string("the given TLS ") + what : std::string("the TLS ") + what + " " + file;
}

}  // namespace

Result<TlsContext> MakeServerTls(const HttpServerConfig& config) {
  JB_TRY(const std::string cert, ReadPem(config.tls_cert_file, config.tls_cert_pem, "certificate"));
  JB_TRY(const std::string key, ReadPem(config.tls_key_file, config.tls_key_pem, "key"));
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  ErrorCode ec;
  context->set_options(kOptions, ec);
  // Without renegotiation (RFC 5746 era attacks) and without tickets or a cache, which would keep keys around.
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);  // 34 KB less per idle connection
  if (context->use_certificate_chain(boost::asio::buffer(cert), ec)) {
    return Fail("bad_certificate", NameOf(config.tls_cert_file, "certificate") + " is not usable: " + ec.message());
  }
  if (context->use_private_key(boost::asio::buffer(key), ssl::context::pem, ec) ||
      SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return Fail("bad_certificate",
                NameOf(config.tls_key_file, "key") + " is not usable or not that of the certificate");
  }
  return context;
}

TlsContext MakeClientTls(bool accept_any_certificate) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  ErrorCode ec;
  context->set_options(kOptions, ec);
  if (accept_any_certificate) {
    context->set_verify_mode(ssl::verify_none, ec);
  } else {
    context->set_verify_mode(ssl::verify_peer, ec);
    context->set_default_verify_paths(ec);
  }
  return context;
}

}  // namespace jb::io
