// SPDX-License-Identifier: Apache-2.0
// NACK, PLI, FIR and REMB.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "proto/rtcp/fir.h"
#include "proto/rtcp/nack.h"
#include "proto/rtcp/pli.h"
#include "proto/rtcp/remb.h"
#include "proto/rtcp/rtcp_test_util.h"

namespace jb::rtcp {
namespace {

using testing::ExpectTruncationsFail;
using testing::Only;
using testing::Written;

std::vector<SeqNum> Numbers(std::initializer_list<int> values) {
  std::vector<SeqNum> out;
  for (const int v : values) out.emplace_back(static_cast<std::uint16_t>(v));
  return out;
}
std::vector<SeqNum> AskedFor(const Nack& nack) {
  std::vector<SeqNum> out;
  nack.ForEach([&](SeqNum seq) { out.push_back(seq); });
  return out;
}

TEST(RtcpNack, PacksNumbersIntoAsFewItemsAsTheirOrderAllows) {
  const auto numbers = Numbers({10, 11, 26, 27, 40});
  const Bytes bytes = Written([&](ByteWriter& out) { EXPECT_EQ(WriteNack(out, Ssrc(1), Ssrc(2), numbers), 5u); });
  EXPECT_EQ(bytes, (Bytes{0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0x80, 0x01, 0, 27, 0x10, 0x00}));
  const Nack nack = Nack::Parse(Only(bytes)).value();
  EXPECT_EQ(nack.sender_ssrc, Ssrc(1));
  EXPECT_EQ(nack.media_ssrc, Ssrc(2));
  EXPECT_EQ(AskedFor(nack), numbers);
}

TEST(RtcpNack, NumbersComeBackAcrossTheWrapFromEveryStart) {
  for (const int start : {0, 1, 32767, 32768, 65534, 65535}) {
    std::vector<SeqNum> numbers;
    for (int i = 0; i < 200; i += 1 + i % 7) numbers.emplace_back(static_cast<std::uint16_t>(start + i));
    const Bytes bytes = Written([&](ByteWriter& out) { WriteNack(out, Ssrc(1), Ssrc(2), numbers); });
    EXPECT_EQ(AskedFor(Nack::Parse(Only(bytes)).value()), numbers);
  }
}

TEST(RtcpNack, TakesOnlyWhatFitsTheBuffer) {
  const auto numbers = Numbers({0, 100, 200, 300});
  const Bytes bytes =
      Written([&](ByteWriter& out) { EXPECT_EQ(WriteNack(out, Ssrc(1), Ssrc(2), numbers), 2u); }, 12 + 2 * 4 + 3);
  EXPECT_EQ(AskedFor(Nack::Parse(Only(bytes)).value()), Numbers({0, 100}));
  Bytes small(15);
  ByteWriter out(small);
  EXPECT_EQ(WriteNack(out, Ssrc(1), Ssrc(2), numbers), 0u);
  EXPECT_EQ(WriteNack(out, Ssrc(1), Ssrc(2), {}), 0u);
  EXPECT_EQ(out.size(), 0u);
}

TEST(RtcpNack, WithoutItemsOrWithHalfOfOneItIsRefused) {
  const Bytes bytes = Written([](ByteWriter& out) { WriteNack(out, Ssrc(1), Ssrc(2), Numbers({1, 100})); });
  ExpectTruncationsFail<Nack>(Only(bytes), {12});
}

TEST(RtcpPli, ComesBackAsWritten) {
  const Bytes bytes = Written([](ByteWriter& out) { WritePli(out, {Ssrc(1), Ssrc(2)}); });
  EXPECT_EQ(bytes, (Bytes{0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2}));
  EXPECT_EQ(Pli::Parse(Only(bytes)).value().media_ssrc, Ssrc(2));
  ExpectTruncationsFail<Pli>(Only(bytes));
}

TEST(RtcpFir, ListsItsEntries) {
  const FirEntry entries[] = {{Ssrc(5), 6}, {Ssrc(7), 255}};
  const Bytes bytes = Written([&](ByteWriter& out) { WriteFir(out, Ssrc(1), entries); });
  const Fir fir = Fir::Parse(Only(bytes)).value();
  ASSERT_EQ(fir.size(), 2u);
  EXPECT_EQ(fir[0], entries[0]);
  EXPECT_EQ(fir[1], entries[1]);
  ExpectTruncationsFail<Fir>(Only(bytes), {16});
}

TEST(RtcpRemb, BitratesKeep18BitsOfMantissa) {
  for (const std::uint64_t bps : {std::uint64_t{0}, std::uint64_t{262'143}, std::uint64_t{262'144},
                                  std::uint64_t{1'500'000}, std::uint64_t{10'000'000'000}, ~std::uint64_t{0}}) {
    const Ssrc ssrcs[] = {Ssrc(3), Ssrc(4)};
    const Bytes bytes = Written([&](ByteWriter& out) { WriteRemb(out, Ssrc(1), bps, ssrcs); });
    const Remb remb = Remb::Parse(Only(bytes)).value();
    EXPECT_LE(remb.bitrate_bps, bps);
    EXPECT_GE(static_cast<double>(remb.bitrate_bps), static_cast<double>(bps) * (1 - 1.0 / 131072));
    ASSERT_EQ(remb.size(), 2u);
    EXPECT_EQ(remb[1], Ssrc(4));
    ExpectTruncationsFail<Remb>(Only(bytes));
  }
}

TEST(RtcpRemb, TooManyStreamsOrBitsAreRefused) {
  Bytes bytes = Written([](ByteWriter& out) { WriteRemb(out, Ssrc(1), 1000, std::vector<Ssrc>{Ssrc(3)}); });
  bytes[16] = 2;  // num SSRC
  EXPECT_EQ(Remb::Parse(Only(bytes)).error(), ParseError::kBadCount);
  bytes[16] = 1;
  bytes[17] = 0xFF;  // exponent 63, mantissa of more than one bit
  EXPECT_EQ(Remb::Parse(Only(bytes)).error(), ParseError::kBadCount);
}

TEST(RtcpRemb, OtherApplicationFeedbackIsNotRemb) {
  const Bytes bytes = {0x8F, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'X', 0, 0, 0, 0};
  EXPECT_FALSE(Remb::IsRemb(Only(bytes)));
  EXPECT_EQ(Remb::Parse(Only(bytes)).error(), ParseError::kBadFormat);
}

}  // namespace
}  // namespace jb::rtcp
