// SPDX-License-Identifier: Apache-2.0
// A polling payload from a stranger; what is accepted must survive being written and read again.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "proto/engineio/packet.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jb::engineio;
  const std::string_view body = jb::AsText({data, size});
  static_cast<void>(ParsePacket(body));
  const auto packets = ParsePayload(body, 64);
  if (!packets.ok()) return 0;
  std::string payload;
  std::size_t expected = packets->size() - 1;  // separators
  for (const Packet& packet : *packets) {
    AppendToPayload(payload, packet);
    expected += EncodedSize(packet);
  }
  JB_CHECK(payload.size() == expected);
  const auto again = ParsePayload(payload, 64);
  JB_CHECK(again.ok() && *again == *packets);
  return 0;
}
