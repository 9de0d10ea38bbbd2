// SPDX-License-Identifier: Apache-2.0
// For the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include "proto/rtcp/compound.h"

namespace jb::rtcp::testing {

// What `write` puts into a buffer of `size` bytes.
template <class Write>
Bytes Written(Write&& write, std::size_t size = 2000) {
  Bytes buffer(size);
  ByteWriter out(buffer);
  write(out);
  EXPECT_TRUE(out.ok());
  buffer.resize(out.size());
  return buffer;
}

// The only packet of a datagram; it borrows the bytes.
inline RawPacket Only(ByteView bytes) {
  RawPacket only;
  const Compound compound = Compound::Parse(bytes).value();
  EXPECT_EQ(compound.packet_count(), 1u);
  compound.ForEach([&](const RawPacket& packet) { only = packet; });
  return only;
}

// Parsing every shorter body must fail, except where `ok_sizes` says so.
template <class Packet>
void ExpectTruncationsFail(const RawPacket& whole, std::initializer_list<std::size_t> ok_sizes = {}) {
  ASSERT_TRUE(Packet::Parse(whole).ok());
  for (std::size_t size = 0; size < whole.body.size(); ++size) {
    RawPacket cut = whole;
    cut.body = whole.body.first(size);
    const bool may_pass = std::find(ok_sizes.begin(), ok_sizes.end(), size) != ok_sizes.end();
    EXPECT_EQ(Packet::Parse(cut).ok(), may_pass) << "body of " << size;
  }
}

}  // namespace jb::rtcp::testing
