// SPDX-License-Identifier: Apache-2.0
#include "media/layers/layer_meter.h"

#include <gtest/gtest.h>

namespace jb::media {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{std::chrono::seconds(100)};

PacketLayers Of(Layers layer) {
  PacketLayers packet;
  packet.layer = layer;
  packet.needed_by = MaskFrom(layer);
  return packet;
}

TEST(LayerMeter, AReceiverIsChargedForEverythingItsLayersBuildOn) {
  LayerMeter meter(1500ms);
  // Two temporal layers of two spatial ones, 25 pictures per second, every second one in the upper temporal layer.
  for (int i = 0; i < 200; ++i) {
    const auto temporal = static_cast<std::uint8_t>(i % 2);
    meter.Add(Of({0, temporal}), 100, kStart + i * 40ms);
    meter.Add(Of({1, temporal}), 400, kStart + i * 40ms);
  }
  const Time now = kStart + 200 * 40ms;
  const auto bps = [&](std::uint8_t s, std::uint8_t t) { return static_cast<double>(meter.BitrateBps({s, t}, now)); };
  EXPECT_NEAR(bps(0, 0), 12.5 * 100 * 8, 600);
  EXPECT_NEAR(bps(0, 1), 25 * 100 * 8, 1200);
  EXPECT_NEAR(bps(1, 0), 12.5 * 500 * 8, 3000);
  EXPECT_NEAR(bps(1, 1), 25 * 500 * 8, 6000);
}

TEST(LayerMeter, WhatHasEndedIsForgottenAfterTheWindow) {
  LayerMeter meter(1500ms);
  for (int i = 0; i < 100; ++i) meter.Add(Of({0, 0}), 1000, kStart + i * 20ms);
  const Time end = kStart + 2s;
  EXPECT_GT(meter.BitrateBps({0, 0}, end), 390'000u);
  EXPECT_NEAR(static_cast<double>(meter.BitrateBps({0, 0}, end + 1s)), 200'000, 25'000);
  EXPECT_EQ(meter.BitrateBps({0, 0}, end + 2100ms), 0u);
  EXPECT_EQ(meter.BitrateBps({0, 0}, end + 1h), 0u);
  meter.Add(Of({0, 0}), 1000, end + 2h);
  EXPECT_NEAR(static_cast<double>(meter.BitrateBps({0, 0}, end + 2h)), 4200, 400);
}

TEST(LayerMeter, WhatLastsIsNoLessThanOfTheWindowsBefore) {
  LayerMeter meter(1500ms);
  const auto send = [&](int from_ms, int to_ms, std::size_t bytes) {
    for (int ms = from_ms; ms < to_ms; ms += 20) meter.Add(Of({0, 0}), bytes, kStart + ms * 1ms);
  };
  send(0, 6000, 1000);
  send(6000, 8000, 250);  // small pictures for a moment
  EXPECT_NEAR(static_cast<double>(meter.BitrateBps({0, 0}, kStart + 8s)), 100'000, 5000);
  EXPECT_NEAR(static_cast<double>(meter.LastingBps({0, 0}, kStart + 8s)), 250'000, 8000);
  send(8000, 12'000, 250);
  EXPECT_NEAR(static_cast<double>(meter.LastingBps({0, 0}, kStart + 12s)), 100'000, 5000) << "it has become less";
  send(12'000, 14'000, 2000);
  EXPECT_NEAR(static_cast<double>(meter.LastingBps({0, 0}, kStart + 14s)), 800'000, 20'000) << "more is more at once";
  EXPECT_EQ(meter.LastingBps({0, 0}, kStart + 1h), 0u);
}

TEST(LayerMeter, OneKeyFrameAtTheStartIsNoFlood) {
  LayerMeter meter(1500ms);
  meter.Add(Of({0, 0}), 10'000, kStart);
  EXPECT_EQ(meter.BitrateBps({0, 0}, kStart), 160'000u);
}

TEST(LayerMeter, ALayerFlowsWhileItsOwnPacketsCome) {
  LayerMeter meter(1500ms);
  meter.Add(Of({0, 0}), 100, kStart);
  EXPECT_TRUE(meter.Flows({0, 0}, kStart + 1500ms));
  EXPECT_FALSE(meter.Flows({0, 0}, kStart + 1501ms));
  EXPECT_FALSE(meter.Flows({0, 1}, kStart)) << "needed by it, but not it";
}

TEST(LayerMeter, ALayerFlowsSinceItLastBegan) {
  LayerMeter meter(1500ms);
  EXPECT_EQ(meter.FlowsSince({0, 0}), std::nullopt);
  meter.Add(Of({0, 0}), 100, kStart);
  meter.Add(Of({0, 0}), 100, kStart + 1500ms);
  EXPECT_EQ(meter.FlowsSince({0, 0}), kStart);
  EXPECT_EQ(meter.FlowsSince({0, 1}), std::nullopt);
  meter.Add(Of({0, 0}), 100, kStart + 3001ms);
  EXPECT_EQ(meter.FlowsSince({0, 0}), kStart + 3001ms);
  meter.Reset();
  EXPECT_EQ(meter.FlowsSince({0, 0}), std::nullopt);
}

}  // namespace
}  // namespace jb::media
