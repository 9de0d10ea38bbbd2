// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: what can be judged about DTLS 1.2 records without keys, done before the TLS
// library sees them, and the numbering of our own plaintext records.
//
//   0      1         3       5                      11       13
//   | type | version | epoch | 48-bit record number | length | fragment …      RFC 6347 section 4.1
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace jb::crypto {

struct FilteredRecords {
  std::uint64_t dropped = 0;     // records refused, and 1 for an unreadable rest
  bool plain_handshake = false;  // kept a handshake record of epoch 0
};

// Writes to `kept` the records of `datagram` that a DTLS 1.2 peer with AES-GCM can have sent. Refused:
//  - a length beyond the datagram, an unknown content type, an epoch above 1 (there is no rekeying);
//  - in epoch 0: alerts and application data (unauthenticated: RFC 6347 section 4.1.2.7 lets us ignore
//    them), and empty records;
//  - in epoch 1: records shorter than nonce and tag, which have killed associations in TLS libraries.
FilteredRecords FilterRecords(ByteView datagram, Bytes& kept);

// Gives the epoch-0 records of everything we send one increasing sequence, across retransmissions and
// restarts, so that no peer takes one for a replay. Record numbers are not part of the handshake hash.
class PlainRecordNumbering {
 public:
  void Apply(ByteSpan datagram);

 private:
  std::uint64_t next_ = 0;
};

}  // namespace jb::crypto
