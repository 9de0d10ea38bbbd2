// SPDX-License-Identifier: Apache-2.0
#include "crypto/record_filter.h"

namespace jb::crypto {
namespace {

constexpr std::size_t kHeaderSize = 13;
constexpr std::size_t kGcmOverhead = 8 + 16;  // explicit nonce and tag, RFC 5288 section 3
constexpr std::uint8_t kDtlsMajorVersion = 0xfe;

enum ContentType : std::uint8_t {
  kChangeCipherSpec = 20,
  kAlert = 21,
  kHandshake = 22,
  kApplicationData = 23,
};

struct Record {
  std::uint8_t type;
  std::uint16_t epoch;
  std::size_t length;
};

Record ReadHeader(const std::uint8_t* p) { return {p[0], LoadU16(p + 3), LoadU16(p + 11)}; }

bool IsPlausible(const Record& record, std::uint8_t major_version) {
  if (major_version != kDtlsMajorVersion) return false;
  if (record.epoch == 0) {
    return record.length > 0 && (record.type == kChangeCipherSpec || record.type == kHandshake);
  }
  if (record.epoch != 1 || record.length < kGcmOverhead) return false;
  return record.type == kAlert || record.type == kHandshake || record.type == kApplicationData;
}

}  // namespace

FilteredRecords FilterRecords(ByteView datagram, Bytes& kept) {
  FilteredRecords result;
  kept.clear();
  while (!datagram.empty()) {
    const bool readable =
        datagram.size() >= kHeaderSize && ReadHeader(datagram.data()).length <= datagram.size() - kHeaderSize;
    if (!readable) {
      ++result.dropped;
      break;
    }
    const Record record = ReadHeader(datagram.data());
    const ByteView bytes = datagram.first(kHeaderSize + record.length);
    if (IsPlausible(record, bytes[1])) {
      kept.insert(kept.end(), bytes.begin(), bytes.end());
      result.plain_handshake |= record.epoch == 0 && record.type == kHandshake;
    } else {
      ++result.dropped;
    }
    datagram = datagram.subspan(bytes.size());
  }
  return result;
}

void PlainRecordNumbering::Apply(ByteSpan datagram) {
  while (datagram.size() >= kHeaderSize) {
    const Record record = ReadHeader(datagram.data());
    if (record.epoch == 0) {
      StoreU16(datagram.data() + 5, static_cast<std::uint16_t>(next_ >> 32));
      StoreU32(datagram.data() + 7, static_cast<std::uint32_t>(next_));
      ++next_;
    }
    datagram = datagram.subspan(std::min(datagram.size(), kHeaderSize + record.length));
  }
}

}  // namespace jb::crypto
