// SPDX-License-Identifier: Apache-2.0
#include "media/layers/layer_reader.h"

#include <gtest/gtest.h>

#include "media/layers/test_dependency_writer.h"

namespace jb::media {
namespace {

bool Needs(const PacketLayers& packet, std::uint8_t spatial, std::uint8_t temporal) {
  return (packet.needed_by & MaskOf(Layers{spatial, temporal})) != 0;
}

// X, S; T only; TID and Y; the frame header.
Bytes Vp8Packet(int temporal, bool key = false) {
  return {0x90, 0x20, static_cast<std::uint8_t>(temporal << 6), static_cast<std::uint8_t>(key ? 0 : 1)};
}
// I with a short picture id, P, L, B, E; TID, U, SID, D; TL0PICIDX.
Bytes Vp9Packet(int spatial, int temporal, bool key = false) {
  const auto layers = static_cast<std::uint8_t>(temporal << 5 | spatial << 1 | (spatial > 0 ? 1 : 0));
  return {static_cast<std::uint8_t>(key ? 0xAC : 0xEC), 0x05, layers, 0x01, 0xAA};
}

TEST(LayerReader, AVp8PacketIsNeededByItsTemporalLayerAndThoseAbove) {
  LayerReader reader(SpatialDependency::kFull);
  const PacketLayers packet = reader.Read(Codec::kVp8, Vp8Packet(1), {});
  EXPECT_EQ(packet.layer, (Layers{0, 1}));
  EXPECT_TRUE(packet.begins_frame);
  EXPECT_FALSE(packet.key_picture);
  EXPECT_FALSE(Needs(packet, 0, 0));
  EXPECT_TRUE(Needs(packet, 0, 1));
  EXPECT_TRUE(Needs(packet, 3, 2));
  EXPECT_TRUE(reader.Read(Codec::kVp8, Vp8Packet(0, /*key=*/true), {}).key_picture);
}

TEST(LayerReader, LayersOfFullSvcBuildOnAllBelow) {
  LayerReader reader(SpatialDependency::kFull);
  const PacketLayers packet = reader.Read(Codec::kVp9, Vp9Packet(1, 1), {});
  EXPECT_EQ(packet.layer, (Layers{1, 1}));
  EXPECT_TRUE(packet.begins_frame);
  EXPECT_TRUE(packet.ends_frame);
  EXPECT_FALSE(Needs(packet, 0, 2));
  EXPECT_FALSE(Needs(packet, 1, 0));
  EXPECT_TRUE(Needs(packet, 1, 1));
  EXPECT_TRUE(Needs(packet, 2, 2));
}

TEST(LayerReader, LayersOfKSvcMeetAtKeyPicturesOnly) {
  LayerReader reader(SpatialDependency::kKeyPictures);
  const PacketLayers key = reader.Read(Codec::kVp9, Vp9Packet(0, 0, /*key=*/true), {});
  EXPECT_TRUE(key.key_picture);
  EXPECT_TRUE(Needs(key, 2, 0));
  const PacketLayers later = reader.Read(Codec::kVp9, Vp9Packet(0, 0), {});
  EXPECT_FALSE(later.key_picture);
  EXPECT_TRUE(Needs(later, 0, 2));
  EXPECT_FALSE(Needs(later, 1, 2));
}

TEST(LayerReader, LayersThatShareNothingNeedOnlyTheirOwn) {
  LayerReader reader(SpatialDependency::kNone);
  const PacketLayers key = reader.Read(Codec::kVp9, Vp9Packet(0, 0, /*key=*/true), {});
  EXPECT_TRUE(Needs(key, 0, 1));
  EXPECT_FALSE(Needs(key, 1, 1));
}

TEST(LayerReader, LayersBeyondTheGridCountAsItsLast) {
  LayerReader reader(SpatialDependency::kFull);
  EXPECT_EQ(reader.Read(Codec::kVp9, Vp9Packet(7, 7), {}).layer, (Layers{3, 3}));
}

TEST(LayerReader, WhatCannotBeReadIsOfTheBaseLayer) {
  LayerReader reader(SpatialDependency::kFull);
  for (const CodecInfo& codec : AllCodecs()) {
    for (const Bytes& payload : {Bytes{}, Bytes{0xFF}, Bytes{0xFF, 0xFF}}) {
      const PacketLayers packet = reader.Read(codec.codec, payload, {});
      EXPECT_EQ(packet.layer, (Layers{0, 0}));
      EXPECT_EQ(packet.needed_by, kAllLayers);
    }
  }
}

// --- dependency descriptors ---

Bytes Descriptor(const TestStructure& structure, int template_index, int id_offset, bool key = false) {
  TestDescriptor descriptor;
  descriptor.template_index = template_index;
  if (key) descriptor.attach = &structure;
  return WriteDependencyDescriptor(structure, descriptor, id_offset);
}
const Bytes kAv1Payload = {0x10, 0x32};

TEST(LayerReader, AFrameIsNeededByTheTargetsItIsPartOf) {
  LayerReader reader(SpatialDependency::kFull);
  const TestStructure shape = StructureL2T1Key();
  const PacketLayers key = reader.Read(Codec::kAv1, kAv1Payload, Descriptor(shape, 0, 0, /*key=*/true));
  EXPECT_TRUE(reader.has_new_templates());
  EXPECT_TRUE(key.key_picture);
  EXPECT_TRUE(Needs(key, 1, 0));
  const PacketLayers base = reader.Read(Codec::kAv1, kAv1Payload, Descriptor(shape, 1, 0));
  EXPECT_FALSE(reader.has_new_templates());
  EXPECT_TRUE(Needs(base, 0, 0));
  EXPECT_FALSE(Needs(base, 1, 0));
  EXPECT_FALSE(Needs(base, 3, 3)) << "who wants more than there is gets the most there is";
  EXPECT_TRUE(Needs(base, 0, 3));
  const PacketLayers upper = reader.Read(Codec::kH264, Bytes{0x41, 0x9A}, Descriptor(shape, 3, 0));
  EXPECT_EQ(upper.layer, (Layers{1, 0}));
  ASSERT_TRUE(upper.references);
  EXPECT_EQ(upper.references->count, 1);
  EXPECT_EQ(upper.references->back[0], 2);
}

TEST(LayerReader, PacketsOfBeforeAKeyFrameAreStillUnderstoodAfterIt) {
  LayerReader reader(SpatialDependency::kFull);
  const TestStructure shape = StructureL1T3();
  reader.Read(Codec::kAv1, kAv1Payload, Descriptor(shape, 0, 60, true));
  reader.Read(Codec::kAv1, kAv1Payload, Descriptor(shape, 0, 1, true));
  EXPECT_EQ(reader.Read(Codec::kAv1, kAv1Payload, Descriptor(shape, 3, 60)).layer, (Layers{0, 2}));
  EXPECT_EQ(reader.Read(Codec::kAv1, kAv1Payload, Descriptor(shape, 2, 1)).layer, (Layers{0, 1}));
  EXPECT_FALSE(reader.Read(Codec::kAv1, kAv1Payload, Descriptor(shape, 2, 6)).resolved) << "of the next key frame";
}

TEST(LayerReader, WhatOvertookItsTemplatesIsReadAgain) {
  LayerReader reader(SpatialDependency::kFull);
  const TestStructure shape = StructureL1T3();
  const Bytes early = Descriptor(shape, 3, 0);
  EXPECT_FALSE(reader.Read(Codec::kAv1, kAv1Payload, early).resolved);
  reader.Read(Codec::kAv1, kAv1Payload, Descriptor(shape, 0, 0, true));
  const PacketLayers again = reader.ReadAgain(early);
  EXPECT_TRUE(again.resolved);
  EXPECT_EQ(again.layer, (Layers{0, 2}));
}

TEST(LayerReader, TheSenderSaysWhichTargetsItStillProduces) {
  LayerReader reader(SpatialDependency::kFull);
  const TestStructure shape = StructureL2T1();
  reader.Read(Codec::kAv1, kAv1Payload, Descriptor(shape, 0, 0, true));
  EXPECT_TRUE(reader.active() & MaskOf(Layers{1, 0}));
  TestDescriptor descriptor;
  descriptor.template_index = 1;
  descriptor.active_targets = 0b01;
  reader.Read(Codec::kAv1, kAv1Payload, WriteDependencyDescriptor(shape, descriptor));
  EXPECT_FALSE(reader.active() & MaskOf(Layers{1, 0}));
  EXPECT_TRUE(reader.active() & MaskOf(Layers{0, 0}));
}

}  // namespace
}  // namespace jb::media
