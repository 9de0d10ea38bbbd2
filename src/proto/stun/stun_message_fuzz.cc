// SPDX-License-Identifier: Apache-2.0
// Arbitrary datagrams: once as they are, once with the length and FINGERPRINT made right so that
// the attributes behind them are reached.
#include <algorithm>

#include "base/bytes.h"
#include "proto/demux.h"
#include "proto/stun/crc32.h"
#include "proto/stun/message.h"

namespace {

void Read(jb::ByteView datagram) {
  (void)jb::proto::Classify(datagram);
  const auto message = jb::stun::Message::Parse(datagram);
  if (!message) return;
  (void)message->VerifyIntegrity("password");
  (void)message->username_local();
  (void)message->username_remote();
  (void)message->transaction_id();
  for (const std::uint16_t type : message->unknown_required()) JB_CHECK(type < 0x8000);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Read({data, size});
  jb::Bytes repaired(data, data + std::min<std::size_t>(size & ~std::size_t{3}, 2000));
  if (repaired.size() < jb::stun::kHeaderSize) return 0;
  const std::size_t fingerprint_at = repaired.size();
  repaired.insert(repaired.end(), {0x80, 0x28, 0, 4, 0, 0, 0, 0});
  repaired[0] &= 0x3F;
  jb::StoreU16(repaired.data() + 2, static_cast<std::uint16_t>(repaired.size() - jb::stun::kHeaderSize));
  jb::StoreU32(repaired.data() + 4, jb::stun::kMagicCookie);
  jb::StoreU32(repaired.data() + fingerprint_at + 4,
               jb::stun::Crc32(jb::ByteView(repaired).first(fingerprint_at)) ^ 0x5354554E);
  Read(repaired);
  return 0;
}
