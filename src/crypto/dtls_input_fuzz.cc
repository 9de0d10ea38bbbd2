// SPDX-License-Identifier: Apache-2.0
// Datagrams of the fuzzer's making reach a server and a client at every stage of a real handshake.
// Whatever they are, nothing crashes, output stays bounded, and no keys come out without our peer's
// certificate.
#include <cstddef>
#include <cstdint>

#include "crypto/dtls_test_link.h"

using namespace jb;
using namespace jb::crypto;

namespace {

// Input: chunks of | stage and target (1) | size (2) | bytes |.
struct Script {
  ByteReader reader;
  std::uint8_t stage = 0;
  bool to_server = false;
  ByteView bytes = {};

  bool Next() {
    if (reader.remaining() < 3) return false;
    const std::uint8_t head = reader.U8();
    stage = head & 7;
    to_server = (head & 8) != 0;
    bytes = reader.Take(std::min<std::size_t>(reader.U16() % 2048, reader.remaining()));
    return true;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  DtlsLink link;
  Script script{ByteReader(ByteView(data, size))};
  int n = 0;
  bool more = script.Next();
  const auto inject = [&](int stage) {
    for (; more && script.stage <= stage; more = script.Next()) {
      (script.to_server ? link.server : link.client).HandlePacket(script.bytes, link.now);
    }
  };
  inject(0);
  link.on_datagram = [&](bool, const Bytes&) { inject(++n); };
  link.RunFor(std::chrono::seconds(5));
  inject(7);
  link.Run();
  JB_CHECK(link.datagrams < 2000);
  JB_CHECK(link.largest_datagram <= 1200);
  if (link.server.state() == DtlsState::kConnected && link.client.state() == DtlsState::kConnected) {
    JB_CHECK(link.server.keys().local_key == link.client.keys().remote_key);
  }
  return 0;
}
