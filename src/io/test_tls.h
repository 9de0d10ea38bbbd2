// SPDX-License-Identifier: Apache-2.0
// A self-signed certificate for localhost, for tests of jb::io only. Made by
//   openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 36500 -nodes -subj /CN=localhost
//     -addext "subjectAltName=DNS:localhost,IP:127.0.0.1"
#pragma once

namespace jb::io {

inline constexpr char kTestCertPem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBnDCCAUGgAwIBAgIUNo7opFIzde5cf617LiUvAFjQRDMwCgYIKoZIzj0EAwIw\n"
    "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjAyNTk0MloYDzIxMjYxMDI5\n"
    "MDI1OTQyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
    "PQMBBwNCAAQ8Kbey4ymmSt858dikZk+IB7BWoqhanU5O5M0p4V4LE3Eh7TGliVnm\n"
    "Ygzq5jSqB0in8xDLW7tLB5/KJ3E4Cm29o28wbTAdBgNVHQ4EFgQUHk880ogvzRS1\n"
    "TMTKWG/EYtorxjIwHwYDVR0jBBgwFoAUHk880ogvzRS1TMTKWG/EYtorxjIwDwYD\n"
    "VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI\n"
    "zj0EAwIDSQAwRgIhAJvijbGbSz+0gQhJfgsoHwnoxstG7ICWl/HR5u9F4Su4AiEA\n"
    "h5B8P+PAnJ127S+TzPXuB/z9KO1/xaWnTjk10JIln9Q=\n"
    "-----END CERTIFICATE-----\n";

inline constexpr char kTestKeyPem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1EuzKYD+EsJYN5sL\n"
    "i/IZMPS1fqSCQ7aZaeJtEkiUHVGhRANCAAQ8Kbey4ymmSt858dikZk+IB7BWoqha\n"
    "nU5O5M0p4V4LE3Eh7TGliVnmYgzq5jSqB0in8xDLW7tLB5/KJ3E4Cm29\n"
    "-----END PRIVATE KEY-----\n";

}  // namespace jb::io
