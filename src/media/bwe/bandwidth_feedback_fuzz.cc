// SPDX-License-Identifier: Apache-2.0
// A receiver that says what it likes: bytes are feedback bodies, packets sent and time that passes, in any order.
// The estimate stays within its bounds, and nothing grows.
#include "media/bwe/bandwidth_estimator.h"

namespace {

using namespace jb;
using namespace jb::media;

void Step(BandwidthEstimator& estimator, ByteReader& in, Time& now) {
  switch (in.U8() % 5) {
    case 0:
      for (int i = in.U8(); i > 0; --i) estimator.HandleSent(100 + in.U8(), now);
      break;
    case 1: now += std::chrono::milliseconds(in.U8()); break;
    case 2: estimator.SetUsefulBitrate(std::uint64_t{in.U16()} * 1000, now); break;
    case 3: estimator.HandleRemb(in.U32(), now); break;
    default: {
      const ByteView body = in.Take(std::min<std::size_t>(in.U8(), in.remaining()));
      const auto feedback = rtcp::TransportFeedback::Parse(
          {rtcp::PacketType::kTransportFeedback, rtcp::kFormatTransportWide, body});
      if (feedback.ok()) estimator.HandleFeedback(*feedback, now);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader in(ByteView(data, size));
  BandwidthEstimator estimator(FeedbackKind::kTransportWide, in.U16());
  Time now{std::chrono::seconds(1000)};
  while (in.ok() && in.remaining() > 0) {
    Step(estimator, in, now);
    if (estimator.NextDeadline().value_or(kNever) <= now) estimator.HandleTimeout(now);
    // A cluster asks for a bounded number of packets, each of which is sent at once.
    for (int i = 0; i < 1000; ++i) {
      const std::size_t padding = estimator.PollPadding(now);
      if (padding == 0) break;
      JB_CHECK(i < 999 && padding <= ProbeController::kMaxPacketSize);
      estimator.HandleSent(padding, now);
    }
    JB_CHECK(estimator.target_bps() >= kMinBitrateBps && estimator.target_bps() <= estimator.estimate_bps());
    JB_CHECK(estimator.estimate_bps() < std::uint64_t{1} << 40);
  }
  return 0;
}
