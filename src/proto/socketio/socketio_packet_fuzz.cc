// SPDX-License-Identifier: Apache-2.0
// A stream of text and binary messages from a stranger into the packet decoder. Messages are separated by
// 0xFF (text follows) or 0xFE (binary follows), which no UTF-8 text holds.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "proto/socketio/packet.h"

namespace {

using namespace jb::socketio;

void Check(const Packet& packet) {
  // What we write for it must read the same. The one exception is the size of an id, which is checked.
  Decoder decoder;
  auto again = decoder.HandleText(Encode(packet));
  JB_CHECK(again.ok());
  for (const std::string& attachment : packet.attachments) {
    JB_CHECK(!*again);
    again = decoder.HandleBinary(attachment);
    JB_CHECK(again.ok());
  }
  JB_CHECK(*again);
  JB_CHECK((*again)->type == packet.type && (*again)->id == packet.id && (*again)->nsp == packet.nsp);
  JB_CHECK((*again)->attachments == packet.attachments);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Decoder decoder;
  std::size_t at = 0;
  while (at < size) {
    const bool binary = data[at] == 0xFE;
    if (data[at] >= 0xFE) ++at;
    const std::size_t start = at;
    while (at < size && data[at] < 0xFE) ++at;
    const std::string_view message = jb::AsText({data + start, at - start});
    const auto packet = binary ? decoder.HandleBinary(message) : decoder.HandleText(message);
    if (!packet.ok()) return 0;
    if (*packet) Check(**packet);
  }
  return 0;
}
