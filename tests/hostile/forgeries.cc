// SPDX-License-Identifier: Apache-2.0
#include "hostile/forgeries.h"

#include <algorithm>
#include <string>

#include "base/time.h"
#include "crypto/certificate.h"
#include "crypto/dtls.h"
#include "proto/stun/message.h"

namespace jb::hostile {
namespace {

constexpr std::size_t kRecordHeader = 13;     // RFC 6347 section 4.1
constexpr std::size_t kHandshakeHeader = 12;  // RFC 6347 section 4.2.2

}  // namespace

Bytes BindingRequest(Random& random, const client::IceCredentials& remote, bool nominate) {
  std::uint8_t buffer[stun::kMaxMessageSize];
  const std::string username = remote.ufrag + ":evil";
  stun::BindingRequest request;
  random.Fill(request.id);
  request.username = username;
  request.password = remote.password;
  request.priority = 1;
  request.tie_breaker = random.U64();
  request.controlling = true;
  request.use_candidate = nominate;
  const auto bytes = stun::WriteBindingRequest(buffer, request);
  return Bytes(bytes->begin(), bytes->end());
}

Bytes WithOneBitChanged(Random& random, Bytes message) {
  message[random.Between(8, static_cast<std::uint32_t>(message.size() - 1))] ^= 1;
  return message;
}

Bytes Truncated(Random& random, Bytes packet) {
  packet.resize(random.Between(1, static_cast<std::uint32_t>(packet.size() - 1)));
  return packet;
}

Bytes ClientHello() {
  crypto::DtlsEndpoint client(crypto::DtlsRole::kClient, crypto::Certificate::Make());
  client.Start(Time(std::chrono::seconds(1)));
  Bytes hello;
  client.PollTransmit(hello);
  return hello;
}

std::vector<Bytes> Fragments(ByteView hello, std::size_t fragment) {
  const ByteView message = hello.subspan(kRecordHeader + kHandshakeHeader);
  std::vector<Bytes> out;
  for (std::size_t at = 0; at < message.size(); at += fragment) {
    const std::size_t n = std::min(fragment, message.size() - at);
    Bytes record(hello.begin(), hello.begin() + kRecordHeader + kHandshakeHeader);
    StoreU16(record.data() + 9, static_cast<std::uint16_t>(out.size()));  // the record's number, its low bits
    StoreU16(record.data() + 11, static_cast<std::uint16_t>(kHandshakeHeader + n));
    StoreU24(record.data() + kRecordHeader + 6, static_cast<std::uint32_t>(at));
    StoreU24(record.data() + kRecordHeader + 9, static_cast<std::uint32_t>(n));
    record.insert(record.end(), message.begin() + static_cast<std::ptrdiff_t>(at),
                  message.begin() + static_cast<std::ptrdiff_t>(at + n));
    out.push_back(std::move(record));
  }
  return out;
}

Bytes FakeMedia(Random& random, bool rtcp, std::size_t size) {
  Bytes out(std::max<std::size_t>(size, 16));
  random.Fill(out);
  out[0] = rtcp ? 0x81 : 0x90;
  out[1] = rtcp ? 200 : 96;
  return out;
}

}  // namespace jb::hostile
