// SPDX-License-Identifier: Apache-2.0
#include "crypto/client_hello.h"

#include <algorithm>
#include <utility>

namespace jb::crypto {
namespace {

constexpr std::size_t kRecordHeader = 13;
constexpr std::size_t kMessageHeader = 12;
constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kClientHello = 1;

// Chrome's has 1.4 KB, or 1.8 KB with a post-quantum key share.
constexpr std::size_t kMaxHello = 8192;
constexpr std::size_t kMaxFirst = 3;
constexpr std::size_t kMaxLater = 8;
constexpr std::size_t kMaxComplete = 3;

bool IsClientHello(ByteView record) {
  return record[0] == kHandshakeRecord && LoadU16(record.data() + 3) == 0 &&
         record.size() > kRecordHeader + kMessageHeader && record[kRecordHeader] == kClientHello;
}

Bytes MakeRecord(ByteView body) {
  Bytes out(kRecordHeader + kMessageHeader);
  out[0] = kHandshakeRecord;
  StoreU16(out.data() + 1, 0xfefd);  // DTLS 1.2; ClientHello says itself what it wants
  StoreU16(out.data() + 11, static_cast<std::uint16_t>(kMessageHeader + body.size()));
  std::uint8_t* message = out.data() + kRecordHeader;
  message[0] = kClientHello;
  StoreU24(message + 1, static_cast<std::uint32_t>(body.size()));
  StoreU24(message + 9, static_cast<std::uint32_t>(body.size()));
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

}  // namespace

std::size_t ClientHellos::Extract(Bytes& records, std::vector<Bytes>& complete) {
  std::size_t refused = 0;
  Bytes others;
  for (ByteView rest(records); rest.size() >= kRecordHeader;) {
    const ByteView record = rest.first(kRecordHeader + LoadU16(rest.data() + 11));
    rest = rest.subspan(record.size());
    if (!IsClientHello(record)) {
      others.insert(others.end(), record.begin(), record.end());
    } else if (!Add(record, complete)) {
      ++refused;
    }
  }
  records = std::move(others);
  return refused;
}

bool ClientHellos::Add(ByteView record, std::vector<Bytes>& complete) {
  const std::uint8_t* header = record.data() + kRecordHeader;
  const ByteView body = record.subspan(kRecordHeader + kMessageHeader);
  Fragment fragment{LoadU24(header + 1), LoadU24(header + 6), {}};
  const std::size_t size = LoadU24(header + 9);
  const bool first_message = LoadU16(header + 4) == 0;  // we send no HelloVerifyRequest
  const bool fits = size > 0 && size <= body.size() && fragment.offset + size <= fragment.message_size;
  if (!first_message || !fits || fragment.message_size > kMaxHello) return false;
  fragment.body.assign(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size));
  if (fragment.offset == 0) {
    Bytes whole = fragment.body;
    const std::size_t message_size = fragment.message_size;
    if (size < message_size) Remember(first_, std::move(fragment), kMaxFirst);
    Continue(message_size, whole, true, complete);
    return true;
  }
  Remember(later_, std::move(fragment), kMaxLater);
  for (std::size_t i = first_.size(); i-- > 0;) {
    Bytes whole = first_[i].body;
    Continue(first_[i].message_size, whole, false, complete);
  }
  return true;
}

void ClientHellos::Remember(std::vector<Fragment>& fragments, Fragment fragment, std::size_t limit) {
  std::erase(fragments, fragment);
  if (fragments.size() == limit) fragments.erase(fragments.begin());
  fragments.push_back(std::move(fragment));
}

// `body` is what has come of one hello, without gap. Only a hello with the fragment that came now is new.
void ClientHellos::Continue(std::size_t message_size, Bytes& body, bool has_newest,
                            std::vector<Bytes>& complete) const {
  if (body.size() == message_size) {
    if (has_newest) complete.push_back(MakeRecord(body));
    return;
  }
  for (std::size_t i = later_.size(); i-- > 0 && complete.size() < kMaxComplete;) {
    const Fragment& next = later_[i];
    const std::size_t before = body.size();
    if (next.message_size != message_size || next.offset != before) continue;
    body.insert(body.end(), next.body.begin(), next.body.end());
    Continue(message_size, body, has_newest || i + 1 == later_.size(), complete);
    body.resize(before);
  }
}

void ClientHellos::Clear() {
  first_.clear();
  later_.clear();
}

}  // namespace jb::crypto
