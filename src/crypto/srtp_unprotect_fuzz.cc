// SPDX-License-Identifier: Apache-2.0
// Two halves of one input: bytes of the fuzzer's making must never be accepted, and packets built from
// them and protected by us must come back as they were.
#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "crypto/srtp.h"

using namespace jb;
using namespace jb::crypto;

namespace {

SrtpKeys Keys(SrtpProfile profile, bool mirrored) {
  const std::size_t key = profile == SrtpProfile::kAeadAes256Gcm ? 32 : 16;
  const std::size_t salt = profile == SrtpProfile::kAes128CmSha1_80 ? 14 : 12;
  SrtpKeys keys{profile, Bytes(key, 1), Bytes(salt, 2), Bytes(key, 3), Bytes(salt, 4)};
  if (mirrored) {
    keys.local_key.swap(keys.remote_key);
    keys.local_salt.swap(keys.remote_salt);
  }
  return keys;
}

void RefuseForged(SrtpSession& session, ByteView input) {
  Bytes rtp(input.begin(), input.end());
  Bytes rtcp = rtp;
  JB_CHECK(!session.UnprotectRtp(rtp).ok());
  JB_CHECK(!session.UnprotectRtcp(rtcp).ok());
}

void RoundTrip(SrtpSession& sender, SrtpSession& receiver, ByteView input) {
  Bytes packet(input.begin(), input.end());
  packet.resize(input.size() + SrtpSession::kMaxOverhead);
  if (const auto size = sender.ProtectRtp(packet, input.size()); size.ok()) {
    const auto back = receiver.UnprotectRtp(ByteSpan(packet).first(*size));
    JB_CHECK(back.ok() && *back == input.size());
    JB_CHECK(std::equal(input.begin(), input.end(), packet.begin()));
  }
  std::copy(input.begin(), input.end(), packet.begin());
  if (const auto size = sender.ProtectRtcp(packet, input.size()); size.ok()) {
    const auto back = receiver.UnprotectRtcp(ByteSpan(packet).first(*size));
    JB_CHECK(back.ok() && *back == input.size());
    JB_CHECK(std::equal(input.begin(), input.end(), packet.begin()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 4096) return 0;
  constexpr SrtpProfile kProfiles[] = {SrtpProfile::kAes128CmSha1_80, SrtpProfile::kAeadAes128Gcm,
                                       SrtpProfile::kAeadAes256Gcm};
  const SrtpProfile profile = kProfiles[data[0] % 3];
  const SrtpBackend backend = (data[0] & 4) != 0 ? SrtpBackend::kOpenSsl : SrtpBackend::kAuto;
  const ByteView input(data + 1, size - 1);
  SrtpSession sender(Keys(profile, false), backend);
  SrtpSession receiver(Keys(profile, true), backend);
  RefuseForged(receiver, input);
  RoundTrip(sender, receiver, input);
  return 0;
}
