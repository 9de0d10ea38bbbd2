// SPDX-License-Identifier: Apache-2.0
// TLS settings of our servers and clients. For the .cc files of jb::io only: Asio's TLS streams need
// OpenSSL's context, the one use of OpenSSL outside src/crypto.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "base/result.h"
#include "io/http_server.h"

namespace jb::io {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

// TLS 1.2 and up with the configured certificate. "bad_certificate" names the file that cannot be used.
Result<TlsContext> MakeServerTls(const HttpServerConfig& config);
// With the system's authorities, or accepting anything.
TlsContext MakeClientTls(bool accept_any_certificate);

}  // namespace jb::io
