// SPDX-License-Identifier: Apache-2.0
// A stranger's packets through the jitter buffer into the decoder. Input: records of
// [seq step, timestamp step (×120), time step in ms, length, payload...].
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "media/audio/jitter_buffer.h"
#include "media/audio/opus_decoder.h"

namespace {

using jb::media::JitterBuffer;

void Drain(JitterBuffer& buffer, jb::media::OpusDecoder& decoder, jb::Time now) {
  static std::vector<std::int16_t> pcm(16000);
  while (const auto frame = buffer.Pop(now)) {
    JB_CHECK(frame->duration >= jb::Duration(0) && frame->duration <= std::chrono::seconds(60));
    if (frame->restarted) decoder.Reset();
    if (frame->kind == JitterBuffer::Kind::kPacket) {
      (void)decoder.Decode(frame->payload, pcm).ok();
    } else if (frame->kind == JitterBuffer::Kind::kLost) {
      const auto n = static_cast<std::size_t>(frame->duration.count() * 16 / 1000);
      JB_CHECK(n <= 1600);
      decoder.DecodeLost(frame->payload, std::span(pcm).first(n));
    }
  }
  JB_CHECK(buffer.size() <= JitterBuffer::kMaxPackets);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  jb::ByteReader in({data, size});
  JitterBuffer buffer;
  jb::media::OpusDecoder decoder(16000);
  jb::Time now{std::chrono::seconds(1)};
  std::uint16_t seq = in.U16();
  std::uint32_t timestamp = in.U32();
  while (in.ok() && in.remaining() > 0) {
    seq = static_cast<std::uint16_t>(seq + static_cast<std::int8_t>(in.U8()));
    timestamp += static_cast<std::uint32_t>(static_cast<std::int8_t>(in.U8())) * 120;
    now += std::chrono::milliseconds(in.U8());
    const std::size_t length = in.U8();
    buffer.Insert(seq, timestamp, in.Take(std::min(length, in.remaining())), now);
    Drain(buffer, decoder, now);
  }
  if (const auto deadline = buffer.NextDeadline()) {
    Drain(buffer, decoder, std::max(now, *deadline));
    JB_CHECK(buffer.size() < JitterBuffer::kMaxPackets);
  }
  return 0;
}
