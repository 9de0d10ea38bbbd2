// SPDX-License-Identifier: Apache-2.0
#include "base/socket_address.h"

#include <gtest/gtest.h>

namespace jb {
namespace {

TEST(SocketAddress, AMappedIpv4AddressIsTheIpv4Address) {
  EXPECT_EQ(SocketAddress::Parse("::ffff:192.0.2.1", 7), SocketAddress::Parse("192.0.2.1", 7));
}

TEST(SocketAddress, TextRoundTrips) {
  EXPECT_EQ(SocketAddress::Parse("192.0.2.1", 40000)->text(), "192.0.2.1:40000");
  EXPECT_EQ(SocketAddress::Parse("2001:db8::1", 40000)->text(), "[2001:db8::1]:40000");
  EXPECT_TRUE(SocketAddress::Parse("127.3.2.1", 1)->is_loopback());
  EXPECT_TRUE(SocketAddress::Parse("::1", 1)->is_loopback());
}

TEST(SocketAddress, NamesAndBrokenAddressesAreRefused) {
  EXPECT_FALSE(SocketAddress::Parse("localhost", 1));
  EXPECT_FALSE(SocketAddress::Parse("1.2.3", 1));
  EXPECT_FALSE(SocketAddress::Parse("1.2.3.4.5", 1));
  EXPECT_FALSE(SocketAddress::FromBytes(Bytes(5), 1));
}

}  // namespace
}  // namespace jb
