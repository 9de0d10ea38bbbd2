// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/red_receiver.h"

#include "media/audio/opus_decoder.h"

namespace jb::media {
namespace {

// A neighbour of a block in time: how many numbers before the carrier, and when.
struct Neighbour {
  std::uint16_t back = 0;
  rtp::Timestamp timestamp;
};

std::uint32_t TicksOf(ByteView opus) {
  const auto duration = OpusDecoder::PacketDuration(opus);
  if (!duration) return 0;
  return static_cast<std::uint32_t>(duration->count() * (kOpusClockRate / 1000) / 1000);
}

}  // namespace

std::optional<rtp::SeqNum> RedReceiver::Place(rtp::SeqNum carrier, rtp::Timestamp timestamp,
                                              const red::Block& block) const {
  const std::uint32_t ticks = TicksOf(block.data);
  if (ticks == 0 || block.timestamp_offset == 0) return std::nullopt;
  const rtp::Timestamp at(timestamp.value() - block.timestamp_offset);
  Neighbour after{0, timestamp};
  std::optional<Neighbour> before;
  for (const Seen& seen : seen_) {
    const auto back = static_cast<std::uint16_t>(carrier.value() - seen.sequence_number.value());
    if (!seen.used || back == 0 || back >= kSize) continue;
    if (seen.timestamp == at) return std::nullopt;  // it has come
    if (seen.timestamp.IsNewerThan(at)) {
      if (back > after.back) after = {back, seen.timestamp};
    } else if (!before || back < before->back) {
      before = Neighbour{back, seen.timestamp};
    }
  }
  if (!before || before->back <= after.back + 1) return std::nullopt;  // no hole there
  if (before->back == after.back + 2) return carrier + -(std::int64_t{after.back} + 1);
  // Several in a row were lost: the packets between are taken to follow each other without a pause.
  const std::uint32_t later = after.timestamp.value() - at.value();
  const std::uint32_t steps = later / ticks;
  if (later % ticks != 0 || after.back + steps >= before->back) return std::nullopt;
  return carrier + -(std::int64_t{after.back} + steps);
}

}  // namespace jb::media
