// SPDX-License-Identifier: Apache-2.0
#include "client/load_payload.h"

#include <algorithm>
#include <array>

namespace jb::client {
namespace {

// Longer than any payload, so that each packet's filler is one copy from somewhere in it.
constexpr std::size_t kPatternSize = 8192;
constexpr std::size_t kFillerStarts = 4096;

// Of the picture that a key frame claims; nobody decodes it.
constexpr std::uint16_t kWidth = 640;
constexpr std::uint16_t kHeight = 360;

const std::array<std::uint8_t, kPatternSize>& Pattern() {
  static const auto pattern = [] {
    std::array<std::uint8_t, kPatternSize> out;
    std::uint32_t state = 0x9E3779B9;  // xorshift32 (Marsaglia 2003): bytes that no compression or zeroing resembles
    for (std::uint8_t& byte : out) {
      state ^= state << 13;
      state ^= state >> 17;
      state ^= state << 5;
      byte = static_cast<std::uint8_t>(state);
    }
    return out;
  }();
  return pattern;
}

// The filler is anchored at the payload's end, since an SFU may insert bytes at its beginning.
const std::uint8_t* FillerEnd(const LoadStamp& stamp) {
  const std::size_t start = (stamp.number * 2654435761u + stamp.stream * 40503u) % kFillerStarts;
  return Pattern().data() + start + (kPatternSize - kFillerStarts);
}

void WriteTail(ByteSpan payload, std::size_t filler_at, const LoadStamp& stamp) {
  const std::size_t end = payload.size() - kLoadStampSize;
  const std::uint8_t* filler_end = FillerEnd(stamp);
  std::copy(filler_end - (end - filler_at), filler_end, payload.begin() + static_cast<std::ptrdiff_t>(filler_at));
  std::uint8_t* at = payload.data() + end;
  StoreU32(at, stamp.run);
  StoreU32(at + 4, stamp.stream);
  StoreU32(at + 8, stamp.number);
  StoreU64(at + 12, static_cast<std::uint64_t>(stamp.sent_at.time_since_epoch().count()));
}

// RFC 7741 section 4.2:  X|R|N|S|R|PID  I|L|T|K|RSV  M|PictureID  TL0PICIDX  TID|Y|KEYIDX
void WriteDescriptor(std::uint8_t* out, const Vp8Packet& packet) {
  out[0] = static_cast<std::uint8_t>(0x80 | (packet.non_reference ? 0x20 : 0) | (packet.first_of_frame ? 0x10 : 0));
  out[1] = 0xE0;
  StoreU16(out + 2, static_cast<std::uint16_t>(0x8000 | packet.picture_id));
  out[4] = packet.tl0_picture_index;
  out[5] = static_cast<std::uint8_t>((packet.temporal_layer << 6) | (packet.layer_sync ? 0x20 : 0));
}

// RFC 6386 section 9.1: a 3-byte tag (key frame when bit 0 is clear, shown, size of the first partition); a key
// frame goes on with a start code and its dimensions.
std::size_t WriteFrameHeader(std::uint8_t* out, bool key_frame) {
  out[0] = static_cast<std::uint8_t>((key_frame ? 0 : 1) | 0x10);
  out[1] = 0x10;
  out[2] = 0;
  if (!key_frame) return 3;
  constexpr std::array<std::uint8_t, 7> kStartCodeAndSize{
      0x9D, 0x01, 0x2A, kWidth & 0xFF, kWidth >> 8, kHeight & 0xFF, kHeight >> 8};
  std::copy(kStartCodeAndSize.begin(), kStartCodeAndSize.end(), out + 3);
  return 3 + kStartCodeAndSize.size();
}

}  // namespace

std::size_t WriteVp8Payload(ByteSpan out, std::size_t size, const Vp8Packet& packet, const LoadStamp& stamp) {
  const ByteSpan payload = out.first(std::clamp(size, kMinLoadPayload, out.size()));
  WriteDescriptor(payload.data(), packet);
  std::size_t at = kVp8DescriptorSize;
  if (packet.first_of_frame) at += WriteFrameHeader(payload.data() + at, packet.key_frame);
  WriteTail(payload, at, stamp);
  return payload.size();
}

// RFC 6716 section 3.2.5: TOC; V=0 P=1 M=1; padding length, where 255 stands for 254 and another byte; the frame; the
// padding. The frame is one byte of CELT: with nothing coded after it a decoder conceals or is silent.
std::size_t WriteOpusPayload(ByteSpan out, std::size_t size, const LoadStamp& stamp) {
  constexpr std::uint8_t kToc = (31 << 3) | 3;  // fullband CELT, 20 ms, mono, code 3
  constexpr std::uint8_t kOneFramePadded = 0x41;
  constexpr std::array<std::uint8_t, 2> kSilence{0xFF, 0xFE};  // section 4.3: the silence flag
  const ByteSpan payload = out.first(std::clamp(size, kMinLoadPayload, out.size()));
  payload[0] = kToc;
  payload[1] = kOneFramePadded;
  std::size_t at = 2;
  // Each length byte is one that the padding itself does not get.
  std::size_t padding = payload.size() - at - kSilence.size() - 1;
  while (padding > 254) {
    payload[at++] = 255;
    padding -= 255;
  }
  payload[at++] = static_cast<std::uint8_t>(padding);
  std::copy(kSilence.begin(), kSilence.end(), payload.begin() + static_cast<std::ptrdiff_t>(at));
  WriteTail(payload, at + kSilence.size(), stamp);
  return payload.size();
}

std::optional<LoadStamp> ReadStamp(ByteView payload, std::uint32_t run) {
  if (payload.size() < kMinLoadPayload) return std::nullopt;
  const std::uint8_t* at = payload.data() + payload.size() - kLoadStampSize;
  if (LoadU32(at) != run) return std::nullopt;
  LoadStamp stamp;
  stamp.run = run;
  stamp.stream = LoadU32(at + 4);
  stamp.number = LoadU32(at + 8);
  stamp.sent_at = WallTime(std::chrono::microseconds(static_cast<std::int64_t>(LoadU64(at + 12))));
  return stamp;
}

bool IsIntact(ByteView payload, std::size_t skip, const LoadStamp& stamp) {
  const std::size_t end = payload.size() - kLoadStampSize;
  if (skip >= end) return true;
  const std::uint8_t* filler_end = FillerEnd(stamp);
  return std::equal(payload.begin() + static_cast<std::ptrdiff_t>(skip), payload.begin() + static_cast<std::ptrdiff_t>(end),
                    filler_end - (end - skip), filler_end);
}

}  // namespace jb::client
