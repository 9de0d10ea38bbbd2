// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/twcc.h"

#include <algorithm>

namespace jb::rtcp {
namespace {

constexpr std::size_t kFixedSize = 16;      // both SSRCs, base, count, reference time, feedback count
constexpr std::size_t kOneBitSymbols = 14;  // in a status vector chunk, section 3.1.4
constexpr std::size_t kTwoBitSymbols = 7;
constexpr std::uint8_t kReservedSymbol = 3;  // section 3.1.1: 0b11

// What a 16-bit chunk holds.
//  0                   1
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
// |0| S |       run length        |   section 3.1.3
// |1|0|     14 one-bit symbols    |   section 3.1.4
// |1|1|     7 two-bit symbols     |
struct ChunkView {
  std::uint16_t bits;
  bool is_run() const { return (bits & 0x8000) == 0; }
  bool is_two_bit() const { return (bits & 0x4000) != 0; }
  std::size_t capacity() const {
    if (is_run()) return bits & 0x1FFF;
    return is_two_bit() ? kTwoBitSymbols : kOneBitSymbols;
  }
  // `i` < capacity().
  std::uint8_t symbol(std::size_t i) const {
    if (is_run()) return static_cast<std::uint8_t>((bits >> 13) & 3);
    if (is_two_bit()) return static_cast<std::uint8_t>((bits >> (2 * (kTwoBitSymbols - 1 - i))) & 3);
    return static_cast<std::uint8_t>((bits >> (kOneBitSymbols - 1 - i)) & 1);
  }
};

std::size_t CeilDiv(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// |V=2|P| FMT=15  |    PT=205     |             length            |
// |                     SSRC of packet sender                     |
// |                      SSRC of media source                     |
// |      base sequence number     |      packet status count      |
// |          reference time, 64 ms units          | fb pkt. count |
// |          packet chunk         |         packet chunk      ....|
// | recv delta, one byte (small) or two (large or negative)   ....|
Result<TransportFeedback, ParseError> TransportFeedback::Parse(const RawPacket& packet) {
  if (!packet.IsFeedback(PacketType::kTransportFeedback, kFormatTransportWide)) {
    return Fail(ParseError::kBadFormat);
  }
  const ByteView body = packet.body;
  if (body.size() < kFixedSize) return Fail(ParseError::kTruncated);
  const std::uint8_t* p = body.data();
  TransportFeedback feedback;
  feedback.sender_ssrc_ = Ssrc(LoadU32(p));
  feedback.media_ssrc_ = Ssrc(LoadU32(p + 4));
  feedback.base_ = SeqNum(LoadU16(p + 8));
  feedback.status_count_ = LoadU16(p + 10);
  feedback.reference_units_ = static_cast<std::int32_t>(LoadU24(p + 12) << 8) >> 8;
  feedback.feedback_count_ = p[15];
  feedback.chunks_ = body.subspan(kFixedSize);
  JB_TRY_VOID(feedback.CheckChunksAndDeltas());
  return feedback;
}

// Splits chunks_ into chunks and deltas. Each turn consumes two bytes, so a packet bounds the loop.
Status<ParseError> TransportFeedback::CheckChunksAndDeltas() {
  if (status_count_ == 0 || status_count_ > kTwccMaxStatuses) return Fail(ParseError::kBadCount);
  std::size_t at = 0;
  std::size_t delta_bytes = 0;
  for (std::size_t left = status_count_; left > 0; at += 2) {
    if (chunks_.size() - at < 2) return Fail(ParseError::kTruncated);
    const ChunkView chunk{LoadU16(chunks_.data() + at)};
    const std::size_t count = std::min(chunk.capacity(), left);
    if (count == 0) return Fail(ParseError::kBadCount);
    const std::size_t distinct = chunk.is_run() ? 1 : count;
    for (std::size_t i = 0; i < distinct; ++i) {
      const std::uint8_t symbol = chunk.symbol(i);
      if (symbol == kReservedSymbol) return Fail(ParseError::kBadSymbol);
      delta_bytes += symbol * (chunk.is_run() ? count : 1);  // the symbol is the delta's size in bytes
    }
    left -= count;
  }
  if (chunks_.size() - at < delta_bytes) return Fail(ParseError::kTruncated);
  deltas_ = chunks_.subspan(at, delta_bytes);
  chunks_ = chunks_.first(at);
  return kOk;
}

TransportFeedback::Cursor::Cursor(const TransportFeedback& feedback)
    : feedback_(feedback), arrival_(feedback.reference_units_ * kTwccReferenceUnit) {}

std::optional<Duration> TransportFeedback::Cursor::Next() {
  if (left_in_chunk_ == 0) {
    chunk_ = LoadU16(feedback_.chunks_.data() + chunk_at_);
    chunk_at_ += 2;
    left_in_chunk_ = ChunkView{chunk_}.capacity();
  }
  const ChunkView chunk{chunk_};
  const std::uint8_t symbol = chunk.symbol(chunk.capacity() - left_in_chunk_);
  --left_in_chunk_;
  if (symbol == 0) return std::nullopt;
  const std::uint8_t* delta = feedback_.deltas_.data() + delta_at_;
  delta_at_ += symbol;
  const int units = symbol == 1 ? *delta : static_cast<std::int16_t>(LoadU16(delta));
  arrival_ += units * kTwccDeltaUnit;
  return arrival_;
}

TransportFeedbackBuilder::TransportFeedbackBuilder(SeqNum base, Time first_arrival)
    : base_(base), reference_(first_arrival.time_since_epoch() / kTwccReferenceUnit) {
  last_arrival_ = Time(reference_ * kTwccReferenceUnit);
}

// Every chunk but the last takes at least seven statuses: see NextChunk.
std::size_t TransportFeedbackBuilder::SizeBound(std::size_t statuses, std::size_t delta_bytes) {
  return kHeaderSize + kFixedSize + 2 * CeilDiv(statuses, kTwoBitSymbols) + delta_bytes + 3;
}

bool TransportFeedbackBuilder::Add(SeqNum seq, Time arrival) {
  const auto index = static_cast<std::size_t>(static_cast<std::uint16_t>(seq - base_));
  if (index < status_count_ || index >= kMaxStatuses) return false;
  const Duration since = arrival - last_arrival_;
  // Rounded to the nearest unit; what is rounded off is carried by last_arrival_, so it does not
  // add up.
  const std::int64_t half = since.count() < 0 ? -kTwccDeltaUnit.count() / 2 : kTwccDeltaUnit.count() / 2;
  const std::int64_t units = (since.count() + half) / kTwccDeltaUnit.count();
  if (units < INT16_MIN || units > INT16_MAX) return false;
  const Symbol symbol = units >= 0 && units <= 255 ? kSmallDelta : kLargeDelta;
  if (SizeBound(index + 1, delta_bytes_ + symbol) > kMaxSize) return false;
  std::fill(symbols_.begin() + static_cast<std::ptrdiff_t>(status_count_),
            symbols_.begin() + static_cast<std::ptrdiff_t>(index), kNotReceived);
  symbols_[index] = symbol;
  deltas_[index] = static_cast<std::int16_t>(units);
  status_count_ = index + 1;
  delta_bytes_ += symbol;
  last_arrival_ += units * kTwccDeltaUnit;
  return true;
}

TransportFeedbackBuilder::Chunk TransportFeedbackBuilder::Vector(std::size_t from, std::size_t bits_per_symbol) const {
  const std::size_t capacity = kOneBitSymbols / bits_per_symbol;
  Chunk chunk{static_cast<std::uint16_t>(bits_per_symbol == 2 ? 0xC000 : 0x8000),
              std::min(capacity, status_count_ - from)};
  for (std::size_t i = 0; i < chunk.taken; ++i) {
    const std::size_t shift = bits_per_symbol * (capacity - 1 - i);
    chunk.bits = static_cast<std::uint16_t>(chunk.bits | (unsigned{symbols_[from + i]} << shift));
  }
  return chunk;
}

// A run when it is longer than what a vector holds or reaches the end; else the vector that can say
// it.
TransportFeedbackBuilder::Chunk TransportFeedbackBuilder::NextChunk(std::size_t from) const {
  const auto begin = symbols_.begin() + static_cast<std::ptrdiff_t>(from);
  const auto end = symbols_.begin() + static_cast<std::ptrdiff_t>(status_count_);
  const auto run_end = std::find_if(begin, end, [&](std::uint8_t s) { return s != *begin; });
  const auto run = static_cast<std::size_t>(run_end - begin);
  const Chunk as_run{static_cast<std::uint16_t>((unsigned{*begin} << 13) | run), run};
  if (run >= kOneBitSymbols || run_end == end) return as_run;
  const auto window = std::min<std::ptrdiff_t>(end - begin, kOneBitSymbols);
  if (std::none_of(begin, begin + window, [](std::uint8_t s) { return s == kLargeDelta; })) {
    return Vector(from, 1);
  }
  return run >= kTwoBitSymbols ? as_run : Vector(from, 2);
}

void TransportFeedbackBuilder::Write(ByteWriter& out, Ssrc sender_ssrc, Ssrc media_ssrc,
                                     std::uint8_t feedback_count) const {
  std::size_t chunks = 0;
  for (std::size_t at = 0; at < status_count_; ++chunks) at += NextChunk(at).taken;
  const std::size_t body = kFixedSize + 2 * chunks + delta_bytes_;
  const std::size_t padding = (4 - body % 4) % 4;
  WriteHeader(out, PacketType::kTransportFeedback, kFormatTransportWide, body + padding, padding > 0);
  out.U32(sender_ssrc.value());
  out.U32(media_ssrc.value());
  out.U16(base_.value());
  out.U16(static_cast<std::uint16_t>(status_count_));
  out.U24(static_cast<std::uint32_t>(reference_) & 0xFFFFFF);
  out.U8(feedback_count);
  for (std::size_t at = 0; at < status_count_;) {
    const Chunk chunk = NextChunk(at);
    out.U16(chunk.bits);
    at += chunk.taken;
  }
  for (std::size_t i = 0; i < status_count_; ++i) {
    if (symbols_[i] == kSmallDelta) out.U8(static_cast<std::uint8_t>(deltas_[i]));
    if (symbols_[i] == kLargeDelta) out.U16(static_cast<std::uint16_t>(deltas_[i]));
  }
  if (padding > 0) {
    out.Zeros(padding - 1);
    out.U8(static_cast<std::uint8_t>(padding));
  }
}

}  // namespace jb::rtcp
