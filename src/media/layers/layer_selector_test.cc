// SPDX-License-Identifier: Apache-2.0
// Selectors of each codec on packets as their readers see them.
#include "media/layers/layer_selector.h"

#include <gtest/gtest.h>

#include <vector>

#include "media/layers/dependency_selector.h"
#include "media/layers/test_dependency_writer.h"

namespace jb::media {
namespace {

using rtp::SeqNum;
using Action = LayerSelector::Action;

SeqNum Seq(int n) { return SeqNum(static_cast<std::uint16_t>(n)); }

// --- VP8 ---

struct Vp8Picture {
  int temporal = 0;
  bool sync = false;
  bool key = false;
};

// Three temporal layers: T0 T2 T1 T2; the upper ones build on the base only in every second round.
Vp8Picture Vp8PictureAt(int i) {
  static constexpr int kTemporal[] = {0, 2, 1, 2};
  const bool sync = i % 8 == 1 || i % 8 == 2;
  return {kTemporal[i % 4], sync, i == 0};
}

class Vp8Stream {
 public:
  explicit Vp8Stream(int first_picture = 0, bool wide = true, int seq = 100)
      : picture_(first_picture), wide_(wide), seq_(seq) {}

  struct Packet {
    PacketLayers layers;
    SeqNum seq;
    bool marker = false;
  };
  // Two packets.
  std::vector<Packet> Next(Vp8Picture picture) {
    if (picture.temporal == 0) ++tl0_;
    std::vector<Packet> out;
    for (int i = 0; i < 2; ++i) {
      Bytes payload = {static_cast<std::uint8_t>(i == 0 ? 0x90 : 0x80), 0xE0};
      if (wide_) {
        payload.push_back(static_cast<std::uint8_t>(0x80 | ((picture_ >> 8) & 0x7F)));
        payload.push_back(static_cast<std::uint8_t>(picture_));
      } else {
        payload.push_back(static_cast<std::uint8_t>(picture_ & 0x7F));
      }
      payload.push_back(tl0_);
      payload.push_back(static_cast<std::uint8_t>(picture.temporal << 6 | (picture.sync ? 0x20 : 0)));
      payload.push_back(picture.key ? 0x00 : 0x01);
      out.push_back({reader_.Read(Codec::kVp8, payload, {}), Seq(seq_++), i == 1});
    }
    ++picture_;
    return out;
  }

 private:
  LayerReader reader_{SpatialDependency::kFull};
  int picture_;
  bool wide_;
  int seq_;
  std::uint8_t tl0_ = 250;
};

vp8::PictureNumbers NumbersOf(const PacketLayers& packet, const LayerSelector::Verdict& verdict) {
  return verdict.numbers.value_or(vp8::PictureNumbers{*packet.picture_id, *packet.tl0_picture_index});
}

struct Vp8Receiver {
  explicit Vp8Receiver(std::uint8_t temporal) : selector(MakeLayerSelector(Codec::kVp8, SpatialDependency::kFull)) {
    selector->set_target({0, temporal});
    selector->Restart();
  }
  void Take(const std::vector<Vp8Stream::Packet>& packets) {
    for (const auto& packet : packets) {
      const auto verdict = selector->Select(packet.layers, packet.seq, packet.marker);
      if (verdict.action != Action::kForward) continue;
      EXPECT_EQ(verdict.marker, packet.marker);
      const vp8::PictureNumbers numbers = NumbersOf(packet.layers, verdict);
      if (!packet.layers.begins_frame) {
        EXPECT_EQ(numbers, pictures.back()) << "one picture, one number";
        continue;
      }
      pictures.push_back(numbers);
      temporal.push_back(packet.layers.layer.temporal);
    }
  }
  void ExpectContinuous() const {
    for (std::size_t i = 1; i < pictures.size(); ++i) {
      EXPECT_EQ(pictures[i].picture_id, (pictures[i - 1].picture_id + 1) & 0x7FFF) << i;
      const int base = temporal[i] == 0 ? 1 : 0;
      EXPECT_EQ(pictures[i].tl0_picture_index, static_cast<std::uint8_t>(pictures[i - 1].tl0_picture_index + base));
    }
  }
  std::unique_ptr<LayerSelector> selector;
  std::vector<vp8::PictureNumbers> pictures;
  std::vector<int> temporal;
};

TEST(Vp8Selector, PicturesLeftOutLeaveNoGapOverTheWrap) {
  for (const int first : {0, 1, 0x7FF0, 0x7FFE, 0x7FFF}) {
    for (const std::uint8_t temporal : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{2}}) {
      Vp8Stream stream(first);
      Vp8Receiver receiver(temporal);
      for (int i = 0; i < 100; ++i) receiver.Take(stream.Next(Vp8PictureAt(i)));
      EXPECT_EQ(receiver.pictures.size(), temporal == 2 ? 100u : temporal == 1 ? 50u : 25u);
      receiver.ExpectContinuous();
    }
  }
}

TEST(Vp8Selector, SevenBitPictureIdsBecomeFifteen) {
  Vp8Stream stream(120, /*wide=*/false);
  Vp8Receiver receiver(1);
  for (int i = 0; i < 2000; ++i) receiver.Take(stream.Next(Vp8PictureAt(i)));
  EXPECT_EQ(receiver.pictures.size(), 1000u);
  receiver.ExpectContinuous();
  EXPECT_GT(receiver.pictures.back().picture_id, 900);
}

TEST(Vp8Selector, UpAtSyncPointsOnlyAndDownAtOnce) {
  Vp8Stream stream;
  Vp8Receiver receiver(2);
  int i = 0;
  for (; i < 8; ++i) receiver.Take(stream.Next(Vp8PictureAt(i)));
  receiver.selector->set_target({0, 0});
  for (; i < 12; ++i) receiver.Take(stream.Next(Vp8PictureAt(i)));  // 8 is T0, the rest is left out
  EXPECT_EQ(receiver.pictures.size(), 9u);
  EXPECT_EQ(receiver.selector->current(), (Layers{0, 0}));
  receiver.selector->set_target({0, 2});
  for (; i < 16; ++i) receiver.Take(stream.Next(Vp8PictureAt(i)));  // 13 to 15 are no sync points
  EXPECT_EQ(receiver.selector->current(), (Layers{0, 0}));
  for (; i < 19; ++i) receiver.Take(stream.Next(Vp8PictureAt(i)));  // 17: T2, a step too far; 18: T1
  EXPECT_EQ(receiver.selector->current(), (Layers{0, 1}));
  for (; i < 26; ++i) receiver.Take(stream.Next(Vp8PictureAt(i)));  // 25: T2
  EXPECT_EQ(receiver.selector->current(), (Layers{0, 2}));
  receiver.ExpectContinuous();
}

TEST(Vp8Selector, AnotherSourceContinuesTheNumbers) {
  Vp8Stream low(500), high(20'000, true, 40'000);
  Vp8Receiver receiver(1);
  for (int i = 0; i < 9; ++i) receiver.Take(low.Next(Vp8PictureAt(i)));
  receiver.selector->Restart();
  for (int i = 0; i < 9; ++i) receiver.Take(high.Next(Vp8PictureAt(i)));
  receiver.selector->Restart();
  for (int i = 0; i < 9; ++i) receiver.Take(low.Next(Vp8PictureAt(i)));
  receiver.ExpectContinuous();
}

TEST(Vp8Selector, LatePacketsGoByWhatWasDecidedForTheirPlace) {
  Vp8Stream stream;
  Vp8Receiver receiver(2);
  receiver.Take(stream.Next(Vp8PictureAt(0)));
  const auto late = stream.Next(Vp8PictureAt(1));  // T2
  receiver.selector->set_target({0, 0});
  for (int i = 2; i < 5; ++i) receiver.Take(stream.Next(Vp8PictureAt(i)));
  EXPECT_EQ(receiver.selector->current(), (Layers{0, 0}));
  const auto verdict = receiver.selector->Select(late[0].layers, late[0].seq, late[0].marker);
  EXPECT_EQ(verdict.action, Action::kForward);
  EXPECT_EQ(NumbersOf(late[0].layers, verdict).picture_id, receiver.pictures[0].picture_id + 1);
}

TEST(Vp8Selector, APictureWhoseBeginningComesLateIsNotSwitchedTo) {
  Vp8Stream stream;
  Vp8Receiver receiver(0);
  receiver.Take(stream.Next(Vp8PictureAt(0)));
  receiver.selector->set_target({0, 2});
  const auto next = stream.Next({1, /*sync=*/true});
  receiver.Take({next[1]});
  receiver.Take({next[0]});
  EXPECT_EQ(receiver.selector->current(), (Layers{0, 0}));
  EXPECT_EQ(receiver.pictures.size(), 1u);
}

TEST(Vp8Selector, UntilSomethingIsLeftOutTheNumbersAreTheSenders) {
  Vp8Stream stream(0x7FFE);
  const auto selector = MakeLayerSelector(Codec::kVp8, SpatialDependency::kFull);
  selector->Restart();
  for (int i = 0; i < 8; ++i) {
    for (const auto& packet : stream.Next(Vp8PictureAt(i))) {
      EXPECT_FALSE(selector->Select(packet.layers, packet.seq, packet.marker).numbers) << i;
    }
  }
  selector->set_target({0, 0});
  for (int i = 8; i < 13; ++i) {
    for (const auto& packet : stream.Next(Vp8PictureAt(i))) {
      const auto verdict = selector->Select(packet.layers, packet.seq, packet.marker);
      if (i < 12) EXPECT_FALSE(verdict.numbers) << i;
      if (i == 12) EXPECT_EQ(NumbersOf(packet.layers, verdict).picture_id, *packet.layers.picture_id - 3);
    }
  }
}

TEST(Vp8Selector, WithoutNumbersNothingIsRenumbered) {
  LayerReader reader(SpatialDependency::kFull);
  const auto selector = MakeLayerSelector(Codec::kVp8, SpatialDependency::kFull);
  selector->Restart();
  const auto verdict = selector->Select(reader.Read(Codec::kVp8, Bytes{0x10, 0x00}, {}), Seq(1), true);
  EXPECT_EQ(verdict.action, Action::kForward);
  EXPECT_FALSE(verdict.numbers);
}

// --- VP9 ---

class Vp9Stream {
 public:
  Vp9Stream(int spatial_layers, SpatialDependency dependency) : reader_(dependency), spatial_layers_(spatial_layers) {}

  struct Packet {
    PacketLayers layers;
    SeqNum seq;
    bool marker = false;
  };
  // One picture, two packets in each spatial layer.
  std::vector<Packet> Next(int temporal, bool key = false, bool switch_up = false) {
    std::vector<Packet> out;
    for (int s = 0; s < spatial_layers_; ++s) {
      for (int i = 0; i < 2; ++i) {
        const int flags = 0xA0 | (key ? 0 : 0x40) | (i == 0 ? 0x08 : 0x04);
        const int layers = temporal << 5 | (switch_up ? 0x10 : 0) | s << 1 | (s > 0 ? 1 : 0);
        const Bytes payload = {static_cast<std::uint8_t>(flags), 1, static_cast<std::uint8_t>(layers), 0, 0xAA};
        out.push_back({reader_.Read(Codec::kVp9, payload, {}), Seq(seq_++), s == spatial_layers_ - 1 && i == 1});
      }
    }
    return out;
  }

 private:
  LayerReader reader_;
  int spatial_layers_;
  int seq_ = 65'530;
};

// The spatial layers forwarded of one picture; checks that exactly the last packet has the marker.
std::vector<int> SpatialOf(LayerSelector& selector, const std::vector<Vp9Stream::Packet>& picture) {
  std::vector<int> out;
  int markers = 0;
  bool last_marker = false;
  for (const auto& packet : picture) {
    const auto verdict = selector.Select(packet.layers, packet.seq, packet.marker);
    if (verdict.action != Action::kForward) continue;
    if (packet.layers.begins_frame) out.push_back(packet.layers.layer.spatial);
    markers += verdict.marker;
    last_marker = verdict.marker;
  }
  if (!out.empty()) {
    EXPECT_EQ(markers, 1);
    EXPECT_TRUE(last_marker);
  }
  return out;
}

TEST(Vp9Selector, FullSvcGoesUpAtKeyPicturesAndDownAtTheEndOfAFrame) {
  Vp9Stream stream(3, SpatialDependency::kFull);
  const auto selector = MakeLayerSelector(Codec::kVp9, SpatialDependency::kFull);
  selector->set_target({2, 0});
  selector->Restart();
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0, true)), (std::vector{0, 1, 2}));
  selector->set_target({0, 0});
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0)), (std::vector{0})) << "with the first frame of the lower layer";
  EXPECT_FALSE(selector->needs_key_frame());
  selector->set_target({1, 0});
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0)), (std::vector{0}));
  EXPECT_TRUE(selector->needs_key_frame());
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0, true)), (std::vector{0, 1}));
  EXPECT_FALSE(selector->needs_key_frame());
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0)), (std::vector{0, 1}));
}

TEST(Vp9Selector, WhoWantsMoreThanKeySvcHasGetsTheHighestThereIs) {
  Vp9Stream three(3, SpatialDependency::kKeyPictures);
  const auto selector = MakeLayerSelector(Codec::kVp9, SpatialDependency::kKeyPictures);
  selector->Restart();
  EXPECT_EQ(SpatialOf(*selector, three.Next(0, /*key=*/true)), (std::vector{0, 1, 2}));
  EXPECT_EQ(SpatialOf(*selector, three.Next(0)), (std::vector{2}));
  EXPECT_EQ(SpatialOf(*selector, three.Next(1)), (std::vector{2}));
  EXPECT_FALSE(selector->needs_key_frame());
}

TEST(Vp9Selector, KSvcForwardsOneLayerBetweenKeyPicturesAndChangesAtThem) {
  Vp9Stream stream(3, SpatialDependency::kKeyPictures);
  const auto selector = MakeLayerSelector(Codec::kVp9, SpatialDependency::kKeyPictures);
  selector->set_target({2, 0});
  selector->Restart();
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0, true)), (std::vector{0, 1, 2}));
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0)), (std::vector{2}));
  selector->set_target({1, 0});
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0)), (std::vector{2}));
  EXPECT_TRUE(selector->needs_key_frame());
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0, true)), (std::vector{0, 1}));
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0)), (std::vector{1}));
}

TEST(Vp9Selector, TemporalLayersGoUpAtSwitchingUpPoints) {
  Vp9Stream stream(2, SpatialDependency::kFull);
  const auto selector = MakeLayerSelector(Codec::kVp9, SpatialDependency::kFull);
  selector->set_target({1, 0});
  selector->Restart();
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0, true)).size(), 2u);
  EXPECT_TRUE(SpatialOf(*selector, stream.Next(2)).empty());
  selector->set_target({1, 2});
  EXPECT_TRUE(SpatialOf(*selector, stream.Next(1)).empty());
  EXPECT_TRUE(SpatialOf(*selector, stream.Next(2)).empty());
  EXPECT_EQ(SpatialOf(*selector, stream.Next(1, false, true)).size(), 2u) << "begins with that picture";
  EXPECT_TRUE(SpatialOf(*selector, stream.Next(2)).empty());
  EXPECT_EQ(SpatialOf(*selector, stream.Next(0, false, true)).size(), 2u) << "promises all above it";
  EXPECT_EQ(SpatialOf(*selector, stream.Next(2)).size(), 2u);
  selector->set_target({1, 1});
  EXPECT_TRUE(SpatialOf(*selector, stream.Next(2)).empty()) << "down at once";
  EXPECT_EQ(SpatialOf(*selector, stream.Next(1)).size(), 2u);
}

// --- dependency descriptors ---

class DependencyStream {
 public:
  explicit DependencyStream(TestStructure structure) : structure_(std::move(structure)) {}
  PacketLayers Next(int template_index, bool key = false) {
    TestDescriptor descriptor;
    descriptor.template_index = template_index;
    descriptor.frame_number = frame_++;
    if (key) {
      offset_ = (offset_ + static_cast<int>(structure_.templates.size())) % 64;
      descriptor.attach = &structure_;
    }
    const Bytes value = WriteDependencyDescriptor(structure_, descriptor, offset_);
    return reader.Read(Codec::kAv1, Bytes{0x10, 0x32}, value);
  }
  LayerReader reader{SpatialDependency::kFull};

 private:
  TestStructure structure_;
  int frame_ = 65'500;
  int offset_ = 60;
};

class DependencyReceiver {
 public:
  explicit DependencyReceiver(Layers target) { SetAndRestart(target); }
  void SetAndRestart(Layers target) {
    selector.set_target(target);
    selector.Restart();
  }
  bool Gets(const PacketLayers& packet) {
    return selector.Select(packet, Seq(seq_++), true).action == Action::kForward;
  }
  DependencySelector selector;

 private:
  int seq_ = 65'535;
};

TEST(DependencySelector, TemporalLayersChangeWhereTheFramesSaySo) {
  DependencyStream stream(StructureL1T3());
  DependencyReceiver receiver({0, 2});
  EXPECT_TRUE(receiver.Gets(stream.Next(0, true)));
  for (const int index : {3, 2, 4, 1}) EXPECT_TRUE(receiver.Gets(stream.Next(index)));
  receiver.selector.set_target({0, 0});
  for (const int index : {3, 2, 4}) EXPECT_EQ(receiver.Gets(stream.Next(index)), index != 3 || true);
  EXPECT_TRUE(receiver.Gets(stream.Next(1)));
  EXPECT_EQ(receiver.selector.current(), (Layers{0, 0}));
  for (const int index : {3, 2, 4}) EXPECT_FALSE(receiver.Gets(stream.Next(index)));
  receiver.selector.set_target({0, 2});
  EXPECT_TRUE(receiver.Gets(stream.Next(1))) << "its frame is a switch for all";
  for (const int index : {3, 2, 4}) EXPECT_TRUE(receiver.Gets(stream.Next(index)));
}

TEST(DependencySelector, ASpatialLayerIsBegunOnlyWithWhatItBuildsOn) {
  DependencyStream stream(StructureL2T1());
  DependencyReceiver receiver({1, 0});
  EXPECT_TRUE(receiver.Gets(stream.Next(0, true)));
  EXPECT_TRUE(receiver.Gets(stream.Next(2)));
  EXPECT_TRUE(receiver.Gets(stream.Next(1)));
  EXPECT_TRUE(receiver.Gets(stream.Next(3)));
  receiver.selector.set_target({0, 0});
  EXPECT_TRUE(receiver.Gets(stream.Next(1))) << "down with the next base frame";
  EXPECT_FALSE(receiver.Gets(stream.Next(3)));
  EXPECT_FALSE(receiver.selector.needs_key_frame());
  receiver.selector.set_target({1, 0});
  EXPECT_TRUE(receiver.Gets(stream.Next(1)));
  EXPECT_FALSE(receiver.Gets(stream.Next(3))) << "a switch, but for who has the one before";
  EXPECT_TRUE(receiver.selector.needs_key_frame());
  EXPECT_TRUE(receiver.Gets(stream.Next(0, true)));
  EXPECT_TRUE(receiver.Gets(stream.Next(2)));
  EXPECT_FALSE(receiver.selector.needs_key_frame());
  EXPECT_EQ(receiver.selector.current(), (Layers{1, 0}));
}

TEST(DependencySelector, KSvcForwardsOneLayerAndNeedsAKeyFrameDownToo) {
  DependencyStream stream(StructureL2T1Key());
  DependencyReceiver receiver({1, 0});
  EXPECT_TRUE(receiver.Gets(stream.Next(0, true)));
  EXPECT_TRUE(receiver.Gets(stream.Next(2)));
  EXPECT_FALSE(receiver.Gets(stream.Next(1)));
  EXPECT_TRUE(receiver.Gets(stream.Next(3)));
  receiver.selector.set_target({0, 0});
  EXPECT_FALSE(receiver.Gets(stream.Next(1)));
  EXPECT_TRUE(receiver.Gets(stream.Next(3)));
  EXPECT_TRUE(receiver.selector.needs_key_frame());
  EXPECT_TRUE(receiver.Gets(stream.Next(0, true)));
  EXPECT_FALSE(receiver.Gets(stream.Next(2)));
}

TEST(DependencySelector, TheMarkerEndsTheHighestLayerThatIsForwarded) {
  DependencyStream stream(StructureL2T1());
  DependencySelector selector;
  selector.set_target({0, 0});
  selector.Restart();
  const auto base = selector.Select(stream.Next(0, true), Seq(1), false);
  EXPECT_EQ(base.action, Action::kForward);
  EXPECT_TRUE(base.marker);
}

TEST(DependencySelector, WhatRefersToTemplatesThatAreNotThereIsHeld) {
  DependencyStream stream(StructureL1T3());
  DependencyReceiver receiver({0, 2});
  const PacketLayers early = stream.Next(1);
  EXPECT_FALSE(early.resolved);
  EXPECT_EQ(receiver.selector.Select(early, Seq(9), true).action, Action::kHold);
}

TEST(DependencySelector, AStreamWithoutDescriptorsIsForwardedWhole) {
  LayerReader reader(SpatialDependency::kFull);
  DependencySelector selector;
  selector.Restart();
  const PacketLayers packet = reader.Read(Codec::kH264, Bytes{0x41, 0x9A}, {});
  EXPECT_EQ(selector.Select(packet, Seq(1), true).action, Action::kForward);
  EXPECT_EQ(selector.current(), (Layers{0, 0}));
}

TEST(FrameWindow, ForgetsWhatIsOldAndKeepsCountOverTheWrap) {
  for (const int first : {0, 1, 32'767, 32'768, 65'534, 65'535}) {
    FrameWindow window;
    const auto number = [&](int i) { return static_cast<std::uint16_t>(first + i); };
    EXPECT_FALSE(window.Has(number(0)));
    for (int i = 0; i < 1000; i += 2) window.Add(number(i));
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(window.Has(number(i)), i % 2 == 0 && i > 998 - 256) << first << " " << i;
    window.Add(number(999 - 100));
    EXPECT_TRUE(window.Has(number(899)));
    window.Add(number(5000));
    EXPECT_FALSE(window.Has(number(998)));
    EXPECT_TRUE(window.Has(number(5000)));
    EXPECT_FALSE(window.Has(number(5001)));
  }
}

}  // namespace
}  // namespace jb::media
