// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: finds the ClientHellos among what a server receives and puts their fragments
// together, before the TLS library sees them. The library follows the first ClientHello it reads and takes
// every other for a repetition; here each different one is told apart (RFC 6347 sections 4.2.2, 4.2.3).
//
//   0      1        4         6          9         12
//   | type | length | msg_seq | frag_off | frag_len | fragment …      handshake message, in a record
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace jb::crypto {

class ClientHellos {
 public:
  // Moves the ClientHello records of epoch 0 out of `records`, which FilterRecords() has kept. Appends to
  // `complete` the hellos that are whole with them, each as one record with the number 0, a few at most.
  // Returns how many records were refused. Fragments say nothing of whose they are: where several fit,
  // each combination is a hello, the newest first.
  std::size_t Extract(Bytes& records, std::vector<Bytes>& complete);
  void Clear();

 private:
  struct Fragment {
    std::size_t message_size = 0;
    std::size_t offset = 0;
    Bytes body;
    friend bool operator==(const Fragment&, const Fragment&) = default;
  };

  bool Add(ByteView record, std::vector<Bytes>& complete);
  static void Remember(std::vector<Fragment>& fragments, Fragment fragment, std::size_t limit);
  void Continue(std::size_t message_size, Bytes& body, bool has_newest, std::vector<Bytes>& complete) const;

  std::vector<Fragment> first_;  // at offset 0, newest last
  std::vector<Fragment> later_;
};

}  // namespace jb::crypto
