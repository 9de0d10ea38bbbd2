// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: HMAC-SHA1 with a prepared key, which SRTP computes for every packet.
#pragma once

#include <openssl/opensslconf.h>
#include <openssl/sha.h>

#include <initializer_list>

#include "crypto/hash.h"

namespace jb::crypto {

// Uses OpenSSL's SHA_CTX, deprecated in 3.0 but the only form whose state can be copied without an
// allocation: a key costs two compressions once instead of two per packet, and EVP_MAC allocates for
// every message.
class HmacSha1Key {
 public:
  explicit HmacSha1Key(ByteView key);
  Sha1Digest Sign(std::initializer_list<ByteView> parts) const;

 private:
  SHA_CTX inner_;
  SHA_CTX outer_;
};

}  // namespace jb::crypto
