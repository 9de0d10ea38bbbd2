// SPDX-License-Identifier: Apache-2.0
#include "services/tts/ogg_opus_writer.h"

#include <array>

namespace jb::services {
namespace {

constexpr std::uint8_t kFirstPage = 0x02, kLastPage = 0x04;  // RFC 3533 section 6, header_type_flag
constexpr std::size_t kPacketsPerPage = 10;                  // 200 ms: a player starts soon
constexpr std::size_t kFrame = media::kOpusFrameSamples;

// CRC-32 with polynomial 0x04C11DB7, not reflected, start 0: RFC 3533 section 6.
std::uint32_t OggCrc(ByteView data) {
  static const std::array<std::uint32_t, 256> kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t r = i << 24;
      for (int bit = 0; bit < 8; ++bit) r = (r & 0x80000000u) ? (r << 1) ^ 0x04C11DB7u : r << 1;
      table[i] = r;
    }
    return table;
  }();
  std::uint32_t crc = 0;
  for (std::uint8_t b : data) crc = (crc << 8) ^ kTable[((crc >> 24) ^ b) & 0xFF];
  return crc;
}

void Little(Bytes& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void Text(Bytes& out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }

}  // namespace

OggOpusWriter::OggOpusWriter(std::uint32_t serial) : serial_(serial) {}

void OggOpusWriter::Begin(Bytes& out) {
  begun_ = true;
  Bytes head;  // RFC 7845 section 5.1
  Text(head, "OpusHead");
  head.push_back(1);                                                          // version
  head.push_back(1);                                                          // channels
  Little(head, static_cast<std::uint64_t>(encoder_.lookahead_samples()), 2);  // pre-skip
  Little(head, 48000, 4);                                                     // input sample rate, informative
  Little(head, 0, 2);                                                         // output gain
  head.push_back(0);                                                          // mapping family: mono or stereo
  packets_ = {head};
  WritePage(out, kFirstPage, 0);
  Bytes tags;  // section 5.2
  Text(tags, "OpusTags");
  Little(tags, 10, 4);
  Text(tags, "jb calling");
  Little(tags, 0, 4);
  packets_ = {tags};
  WritePage(out, 0, 0);
}

Bytes OggOpusWriter::Push(std::span<const std::int16_t> pcm) {
  Bytes out;
  if (!begun_) Begin(out);
  given_samples_ += static_cast<std::int64_t>(pcm.size());
  held_.insert(held_.end(), pcm.begin(), pcm.end());
  std::size_t at = 0;
  for (; held_.size() - at >= kFrame; at += kFrame) {
    // One page is always held back, so that the last one can carry the end mark.
    if (packets_.size() == kPacketsPerPage) WritePage(out, 0, encoded_samples_);
    EncodeFrame(std::span(held_).subspan(at, kFrame));
  }
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(at));
  return out;
}

Bytes OggOpusWriter::Finish() {
  Bytes out;
  if (!begun_) Begin(out);
  // The decoder is `lookahead` behind: enough silence follows to push the last sound out.
  const std::int64_t end = given_samples_ + encoder_.lookahead_samples();
  while (encoded_samples_ < end) {
    held_.resize(kFrame);
    if (packets_.size() == kPacketsPerPage) WritePage(out, 0, encoded_samples_);
    EncodeFrame(held_);
    held_.clear();
  }
  // A granule position short of the samples encoded cuts the padding off: RFC 7845 section 4.4.
  WritePage(out, kLastPage, end);
  return out;
}

void OggOpusWriter::EncodeFrame(std::span<const std::int16_t> frame) {
  Bytes packet(media::kMaxOpusFrameBytes);
  packet.resize(encoder_.Encode(frame.first<kFrame>(), packet));
  packets_.push_back(std::move(packet));
  encoded_samples_ += static_cast<std::int64_t>(kFrame);
}

//  0               1               2               3
//  "OggS"                                                          |
//  version 0       | flags         | granule position, 8 bytes ...
//  serial number, 4 bytes | page number, 4 bytes | CRC, 4 bytes | segments, 1 byte | segment table
void OggOpusWriter::WritePage(Bytes& out, std::uint8_t flags, std::int64_t granule) {
  Bytes segments, body;
  for (const Bytes& packet : packets_) {
    for (std::size_t left = packet.size();; left -= 255) {
      segments.push_back(static_cast<std::uint8_t>(std::min<std::size_t>(left, 255)));
      if (left < 255) break;
    }
    body.insert(body.end(), packet.begin(), packet.end());
  }
  packets_.clear();
  Bytes page;
  Text(page, "OggS");
  page.push_back(0);
  page.push_back(flags);
  Little(page, static_cast<std::uint64_t>(granule), 8);
  Little(page, serial_, 4);
  Little(page, page_++, 4);
  Little(page, 0, 4);
  page.push_back(static_cast<std::uint8_t>(segments.size()));
  page.insert(page.end(), segments.begin(), segments.end());
  page.insert(page.end(), body.begin(), body.end());
  const std::uint32_t crc = OggCrc(page);
  for (int i = 0; i < 4; ++i) page[22 + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(crc >> (8 * i));
  out.insert(out.end(), page.begin(), page.end());
}

}  // namespace jb::services
