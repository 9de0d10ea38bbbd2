// SPDX-License-Identifier: Apache-2.0
// One payload to many receivers: SrtpBatch from where it lies, beside a copy and SrtpSession::ProtectRtp for each.
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/srtp.h"
#include "crypto/srtp_batch.h"
#include "micro/compare.h"

namespace jb::micro {
namespace {

constexpr std::size_t kReceivers = 64;
constexpr std::size_t kPackets = 16;  // of each turn, to all of them
constexpr std::size_t kHeader = 32, kPayload = 1168;
constexpr std::size_t kRoom = kHeader + kPayload + crypto::SrtpSession::kMaxOverhead;

crypto::SrtpKeys KeysOf(crypto::SrtpProfile profile, std::size_t i) {
  const bool cm = profile == crypto::SrtpProfile::kAes128CmSha1_80;
  crypto::SrtpKeys keys{profile, Bytes(16, 0x11), Bytes(cm ? 14 : 12, 0x22), Bytes(16, 0x33), Bytes(cm ? 14 : 12, 0x44)};
  keys.local_key[0] = static_cast<std::uint8_t>(i);
  return keys;
}

struct Receivers {
  Receivers(crypto::SrtpProfile profile, crypto::SrtpBackend backend) {
    for (std::size_t i = 0; i < kReceivers; ++i) {
      sessions.emplace_back(KeysOf(profile, i), backend);
      streams.push_back(*sessions[i].OpenSendStream(1));
    }
  }
  std::vector<crypto::SrtpSession> sessions;
  std::vector<crypto::SrtpSendStream*> streams;
  std::uint16_t next = 1000;
};

void Compare(const char* name, crypto::SrtpProfile profile, crypto::SrtpBackend backend) {
  Receivers simple(profile, backend), batched(profile, backend);
  crypto::SrtpBatch batch(backend);
  Bytes header(kHeader, 0), payload(kPayload, 0x42);
  header[0] = 0x90;  // version 2 with an extension, as ours
  StoreU32(header.data() + 8, 1);
  StoreU16(header.data() + 14, (kHeader - 16) / 4);
  std::vector<std::uint8_t> out(kReceivers * kRoom);
  const auto packet = [&](std::size_t i, std::uint16_t seq) {
    const ByteSpan bytes(out.data() + i * kRoom, kRoom);
    std::copy(header.begin(), header.end(), bytes.begin());
    StoreU16(bytes.data() + 2, seq);
    return bytes;
  };
  micro::Compare(
      name, "copy, ProtectRtp each", kPackets * kReceivers,
      [&] {
        for (std::size_t n = 0; n < kPackets; ++n, ++simple.next) {
          for (std::size_t i = 0; i < kReceivers; ++i) {
            const ByteSpan bytes = packet(i, simple.next);
            std::copy(payload.begin(), payload.end(), bytes.begin() + kHeader);
            JB_CHECK(simple.sessions[i].ProtectRtp(bytes, kHeader + kPayload).ok());
          }
        }
      },
      [&] {
        for (std::size_t n = 0; n < kPackets; ++n, ++batched.next) {
          for (std::size_t i = 0; i < kReceivers; ++i) {
            auto ticket = batched.sessions[i].TakeNumber(*batched.streams[i], batched.next);
            JB_CHECK(ticket.ok());
            batch.Add(std::move(*ticket), packet(i, batched.next), kHeader, payload);
          }
          batch.Finish();
        }
      });
}

}  // namespace

void CompareSrtp() {
  using crypto::SrtpBackend;
  using crypto::SrtpProfile;
  if (crypto::HasIpsecMb()) {
    Compare("SRTP batch, AES-GCM, ipsec-mb", SrtpProfile::kAeadAes128Gcm, SrtpBackend::kIpsecMb);
    Compare("SRTP batch, AES-CM and SHA-1, ipsec-mb", SrtpProfile::kAes128CmSha1_80, SrtpBackend::kIpsecMb);
  }
  Compare("SRTP batch, AES-GCM, OpenSSL", SrtpProfile::kAeadAes128Gcm, SrtpBackend::kOpenSsl);
  Compare("SRTP batch, AES-CM and SHA-1, OpenSSL", SrtpProfile::kAes128CmSha1_80, SrtpBackend::kOpenSsl);
}

}  // namespace jb::micro
