// SPDX-License-Identifier: Apache-2.0
// Walks a compound RTCP packet (RFC 3550 section 6.1; reduced-size accepted, RFC 5506). Checks the
// framing of every packet before the first is handed out; each type has a file of its own that
// parses the body. Views borrow the datagram. No threads, no allocation.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "proto/rtp/types.h"

namespace jb::rtcp {

using rtp::SeqNum;
using rtp::Ssrc;

inline constexpr std::size_t kHeaderSize = 4;

enum class PacketType : std::uint8_t {
  kSenderReport = 200,       // RFC 3550
  kReceiverReport = 201,     // RFC 3550
  kSourceDescription = 202,  // RFC 3550
  kBye = 203,                // RFC 3550
  kApplication = 204,        // RFC 3550; ignored
  kTransportFeedback = 205,  // RFC 4585: generic NACK, transport-wide feedback
  kPayloadFeedback = 206,    // RFC 4585: PLI, FIR, REMB
  kExtendedReport = 207,     // RFC 3611
};

// FMT values of the two feedback types.
inline constexpr std::uint8_t kFormatNack = 1;            // RFC 4585 section 6.2.1, type 205
inline constexpr std::uint8_t kFormatTransportWide = 15;  // draft-holmer-rmcat-transport-wide-cc-extensions-01
inline constexpr std::uint8_t kFormatPli = 1;             // RFC 4585 section 6.3.1, type 206
inline constexpr std::uint8_t kFormatFir = 4;             // RFC 5104 section 4.3.1
inline constexpr std::uint8_t kFormatAfb = 15;            // RFC 4585 section 6.4; REMB is one of these

enum class ParseError : std::uint8_t {
  kTruncated,   // a length runs over the end, or a body is too short for its type
  kBadVersion,  // not version 2
  kBadPadding,  // padding count 0 or larger than the body
  kBadCount,    // a count field that the body does not hold
  kBadFormat,   // another packet than the parser is for
  kBadSymbol,   // transport-wide feedback: the reserved status 0b11
};

// One packet of a compound, its framing checked.
struct RawPacket {
  PacketType type = PacketType::kReceiverReport;
  std::uint8_t count = 0;  // the 5 bits that are a count or a format (FMT)
  ByteView body;           // after the 4-byte header, without padding
  bool Is(PacketType t) const { return type == t; }
  bool IsFeedback(PacketType t, std::uint8_t format) const { return type == t && count == format; }
};

class Compound {
 public:
  // An empty datagram is kTruncated.
  static Result<Compound, ParseError> Parse(ByteView datagram);

  // fn(const RawPacket&) for each packet in order.
  template <class Fn>
  void ForEach(Fn&& fn) const {
    for (std::size_t at = 0; at < bytes_.size();) fn(Take(at));
  }
  std::size_t packet_count() const { return packet_count_; }

 private:
  explicit Compound(ByteView bytes) : bytes_(bytes) {}
  Status<ParseError> Check();
  RawPacket Take(std::size_t& at) const;

  ByteView bytes_;
  std::size_t packet_count_ = 0;
};

// For the writers of this folder: the 4-byte header of a packet whose body has `body_size` bytes,
// which must be a multiple of 4.
void WriteHeader(ByteWriter& out, PacketType type, std::uint8_t count, std::size_t body_size, bool padded = false);

}  // namespace jb::rtcp
