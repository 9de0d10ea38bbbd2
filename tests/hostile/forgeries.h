// SPDX-License-Identifier: Apache-2.0
// Datagrams that a stranger can make who knows no secret: forged STUN, ClientHellos whole and in fragments, things that
// look like media. Pure, but for the Random. Not thread-safe.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "client/ice_agent.h"

namespace jb::hostile {

// A Binding request as a browser sends it. Without the transport's password its integrity is wrong.
Bytes BindingRequest(Random& random, const client::IceCredentials& remote, bool nominate);
// Anywhere behind the header's first words: FINGERPRINT or integrity fit no more.
Bytes WithOneBitChanged(Random& random, Bytes message);
// Shorter by one byte at least, and never empty.
Bytes Truncated(Random& random, Bytes packet);

// A genuine ClientHello of a DTLS client of ours.
Bytes ClientHello();
// The same in records of one fragment each, at most `fragment` bytes of the message in one (RFC 6347 section 4.2.3).
std::vector<Bytes> Fragments(ByteView hello, std::size_t fragment);

// An RTP or RTCP header with noise behind it, such as no key protected.
Bytes FakeMedia(Random& random, bool rtcp, std::size_t size);

}  // namespace jb::hostile
