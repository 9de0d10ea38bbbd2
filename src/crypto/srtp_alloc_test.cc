// SPDX-License-Identifier: Apache-2.0
// The media path allocates nothing, neither by operator new nor inside the crypto libraries.
#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <cstdlib>
#include <new>

#include "crypto/srtp_test_packets.h"

namespace {

std::size_t g_allocations = 0;

void* CountingMalloc(std::size_t size, const char*, int) {
  ++g_allocations;
  return std::malloc(size);
}
void* CountingRealloc(void* p, std::size_t size, const char*, int) {
  ++g_allocations;
  return std::realloc(p, size);
}
void PlainFree(void* p, const char*, int) { std::free(p); }

// Must precede OpenSSL's first allocation, hence a static.
const bool g_counting = CRYPTO_set_mem_functions(CountingMalloc, CountingRealloc, PlainFree) == 1;

}  // namespace

// Not inlined: g++ warns of a mismatch when it sees through one of the pair only.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++g_allocations;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace jb::crypto {
namespace {

TEST(SrtpAllocations, AreNoneAfterTheFirstPacketOfAnSsrc) {
  ASSERT_TRUE(g_counting);
  for (SrtpProfile profile :
       {SrtpProfile::kAes128CmSha1_80, SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm}) {
    for (SrtpBackend backend : {SrtpBackend::kOpenSsl, SrtpBackend::kAuto}) {
      SrtpSession sender(MakeTestKeys(profile), backend);
      SrtpSession receiver(Mirror(MakeTestKeys(profile)), backend);
      Bytes rtp = MakeRtp(7, 0, 1000), rtcp = MakeRtcp(7, 20);
      const std::size_t rtp_size = rtp.size(), rtcp_size = rtcp.size();
      rtp.resize(rtp_size + SrtpSession::kMaxOverhead);
      rtcp.resize(rtcp_size + SrtpSession::kMaxOverhead);
      std::size_t after_first = 0;
      bool ok = true;
      for (std::uint16_t seq = 65000; seq != 300; ++seq) {
        StoreU16(rtp.data() + 2, seq);
        const auto a = sender.ProtectRtp(rtp, rtp_size);
        const auto b = sender.ProtectRtcp(rtcp, rtcp_size);
        ok = ok && a.ok() && b.ok() && receiver.UnprotectRtp(ByteSpan(rtp).first(*a)).ok() &&
             receiver.UnprotectRtcp(ByteSpan(rtcp).first(*b)).ok();
        if (seq == 65000) after_first = g_allocations;
      }
      EXPECT_TRUE(ok);
      EXPECT_EQ(g_allocations, after_first);
    }
  }
}

}  // namespace
}  // namespace jb::crypto
