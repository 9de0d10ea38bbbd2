// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a RED payload, and through the search for what of it was lost: every byte is in one header or one
// block, and no number is given out twice.
#include <set>

#include "base/result.h"
#include "media/payload/red.h"
#include "media/rtp/red_receiver.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jb;
  const auto parsed = media::red::Payload::Parse({data, size});
  if (!parsed.ok()) return 0;
  std::size_t total = 1 + parsed->primary().data.size();
  for (const media::red::Block& block : parsed->redundant()) total += 4 + block.data.size();
  JB_CHECK(total == size);

  media::RedReceiver receiver;
  receiver.HandlePacket(rtp::SeqNum(65'530), rtp::Timestamp(0xFFFFF000));
  std::set<std::uint16_t> recovered;
  receiver.Recover(*parsed, rtp::SeqNum(3), rtp::Timestamp(0xFFFFF000 + 9 * 960),
                   [&](const media::RedReceiver::Recovered& one) {
                     JB_CHECK(recovered.insert(one.sequence_number.value()).second);
                     JB_CHECK(one.sequence_number.IsNewerThan(rtp::SeqNum(65'530)));
                     JB_CHECK(rtp::SeqNum(3).IsNewerThan(one.sequence_number));
                   });
  return 0;
}
