// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: a BIO that keeps datagram borders. One read takes one datagram, one write is
// one datagram. Writing always succeeds: a write left half done is a state the TLS library has
// mishandled, and here it cannot arise.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "crypto/openssl_ptr.h"

namespace jb::crypto {

struct DatagramPipe {
  ByteView input;             // the next datagram to read; empty: would block
  std::vector<Bytes> output;  // written since it was last taken
};

// The BIO borrows `pipe`, which must outlive it.
BioPtr MakeDatagramBio(DatagramPipe& pipe);

}  // namespace jb::crypto
