// SPDX-License-Identifier: Apache-2.0
// For the tests of this folder: feedback as a receiver would send it.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "proto/rtcp/twcc.h"

namespace jb::media::testing {

// Calls `handle` with the feedback for the numbers from `base` on: when each arrived, nullopt for what did not.
template <class Handle>
void GiveFeedback(std::uint16_t base, const std::vector<std::optional<Time>>& arrivals, std::uint8_t count,
                  Handle&& handle) {
  std::optional<Time> first;
  for (const auto& arrival : arrivals) {
    if (arrival && !first) first = arrival;
  }
  JB_CHECK(first.has_value());
  rtcp::TransportFeedbackBuilder builder(rtp::SeqNum(base), *first);
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    if (arrivals[i]) JB_CHECK(builder.Add(rtp::SeqNum(base) + static_cast<std::int64_t>(i), *arrivals[i]));
  }
  std::array<std::uint8_t, rtcp::TransportFeedbackBuilder::kMaxSize> buffer;
  ByteWriter out(buffer);
  builder.Write(out, rtp::Ssrc(1), rtp::Ssrc(2), count);
  rtcp::Compound::Parse(out.written()).value().ForEach([&](const rtcp::RawPacket& packet) {
    handle(rtcp::TransportFeedback::Parse(packet).value());
  });
}

}  // namespace jb::media::testing
