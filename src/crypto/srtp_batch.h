// SPDX-License-Identifier: Apache-2.0
// Seals RTP packets of many sessions together: each payload goes once from where it lies to its place in its packet,
// encrypted on the way, so that what several receivers get is never copied plain. AES-GCM packets are finished one
// after the other; AES-CM ones, where Intel's library runs, up to 16 at a time.
// SrtpSession::ProtectRtp is the simple form, and gives equal bytes.
// Single-threaded, whoever drives it. Allocates nothing after it was made.
#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.h"
#include "crypto/srtp.h"

namespace jb::crypto {

class CounterModeLanes;

class SrtpBatch {
 public:
  explicit SrtpBatch(SrtpBackend backend = SrtpBackend::kAuto);
  ~SrtpBatch();

  // `packet` begins with `header_size` bytes of header and has room for the payload and
  // SrtpSession::kMaxOverhead bytes behind it. `payload` is plain; it lies behind the header already, or
  // apart from `packet`. Answers the size of the sealed packet, whose bytes, and those of `payload`, are the
  // batch's until Finish().
  std::size_t Add(SrtpTicket ticket, ByteSpan packet, std::size_t header_size, ByteView payload);
  void Finish();

 private:
  std::unique_ptr<CounterModeLanes> lanes_;
};

}  // namespace jb::crypto
