// SPDX-License-Identifier: Apache-2.0
#include "media/payload/dependency_descriptor.h"

#include <gtest/gtest.h>

#include "media/layers/test_dependency_writer.h"
#include "media/payload/bit_reader.h"

namespace jb::media::dependency {
namespace {

struct Parsed {
  Structure structure;
  Descriptor descriptor;
};

Parsed ParseKey(const TestStructure& shape, int id_offset = 0) {
  Parsed out;
  TestDescriptor key;
  key.attach = &shape;
  const auto parsed = Parse(WriteDependencyDescriptor(shape, key, id_offset), nullptr, out.structure);
  EXPECT_TRUE(parsed.ok());
  if (parsed.ok()) out.descriptor = *parsed;
  return out;
}

TEST(BitReader, ReadsAcrossBytesAndStopsAtTheEnd) {
  const Bytes bytes = {0b10110011, 0b01010101};
  BitReader in(bytes);
  EXPECT_EQ(in.Bits(3), 0b101u);
  EXPECT_EQ(in.Bits(7), 0b1001101u);
  EXPECT_EQ(in.remaining(), 6u);
  EXPECT_EQ(in.Bits(7), 0u);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.Bits(1), 0u) << "for good";
}

TEST(BitReader, SmallNumbersOfANonSymmetricRangeTakeLess) {
  // n = 5: 0, 1, 2 in two bits, 3 and 4 in three.
  const Bytes bytes = {0b00011011, 0b01110000};
  BitReader in(bytes);
  for (const std::uint32_t expected : {0u, 1u, 2u, 3u, 4u}) EXPECT_EQ(in.NonSymmetric(5), expected);
  EXPECT_EQ(in.position(), 12u);
  BitReader one(bytes);
  EXPECT_EQ(one.NonSymmetric(1), 0u);
  EXPECT_EQ(one.position(), 0u);
}

TEST(DependencyDescriptor, ReadsADescriptorWrittenByHand) {
  // 1 1 000101, 0x1234                        start, end, template 5, frame number
  // 1 0 0 0 0                                 a structure, nothing of the frame's own
  // 000101 00001                              its ids begin at 5; two decode targets
  // 01 11                                     template 0, then one of the next temporal layer, then no more
  // 10 10 00 01                               SS, -D
  // 1 0001 0, 1 0000 0                        2 back, 1 back
  // 10                                        one chain, which protects both targets
  // 0010 0001                                 2 back, 1 back
  // 1 0000001001111111 0000000101100111       640 x 360
  const Bytes bytes = {0xC5, 0x12, 0x34, 0x80, 0xA1, 0x7A, 0x18, 0xA0, 0x88, 0x60, 0x4F, 0xE0, 0x2C, 0xE0};
  Structure structure;
  const auto parsed = Parse(bytes, nullptr, structure);
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(parsed->start_of_frame && parsed->end_of_frame && parsed->has_structure);
  EXPECT_EQ(parsed->frame_number, 0x1234);
  EXPECT_EQ(parsed->active_decode_targets, 0b11u);
  EXPECT_EQ(structure.template_id_offset, 5);
  ASSERT_EQ(structure.template_count, 2);
  ASSERT_EQ(structure.decode_target_count, 2);
  EXPECT_EQ(structure.chain_count, 1);
  EXPECT_EQ(structure.targets[0].temporal_id, 0);
  EXPECT_EQ(structure.targets[1].temporal_id, 1);
  EXPECT_EQ(structure.templates[0].indications[1], Indication::kSwitch);
  EXPECT_EQ(structure.templates[1].indications[0], Indication::kNotPresent);
  EXPECT_EQ(structure.templates[1].indications[1], Indication::kDiscardable);
  EXPECT_EQ(structure.templates[1].frame_diffs[0], 1);
  EXPECT_EQ(structure.templates[1].chain_diffs[0], 1);
  ASSERT_EQ(parsed->frame.frame_diff_count, 1);
  EXPECT_EQ(parsed->frame.frame_diffs[0], 2);
  EXPECT_EQ(parsed->frame.chain_diffs[0], 2);
  ASSERT_EQ(structure.resolution_count, 1);
  EXPECT_EQ(structure.resolutions[0].width, 640u);
  EXPECT_EQ(structure.resolutions[0].height, 360u);
}

TEST(DependencyDescriptor, ReadsTheStructureOfThreeTemporalLayers) {
  const Parsed parsed = ParseKey(StructureL1T3(), 60);
  const Structure& structure = parsed.structure;
  EXPECT_TRUE(parsed.descriptor.has_structure);
  EXPECT_EQ(parsed.descriptor.active_decode_targets, 0b111u);
  EXPECT_EQ(structure.template_id_offset, 60);
  ASSERT_EQ(structure.template_count, 5);
  ASSERT_EQ(structure.decode_target_count, 3);
  ASSERT_EQ(structure.chain_count, 1);
  EXPECT_EQ(structure.targets[0].temporal_id, 0);
  EXPECT_EQ(structure.targets[2].temporal_id, 2);
  EXPECT_EQ(structure.targets[2].spatial_id, 0);
  const FrameDependencies& t1 = structure.templates[2];
  EXPECT_EQ(t1.temporal_id, 1);
  EXPECT_EQ(t1.indications[0], Indication::kNotPresent);
  EXPECT_EQ(t1.indications[1], Indication::kDiscardable);
  EXPECT_EQ(t1.indications[2], Indication::kSwitch);
  ASSERT_EQ(t1.frame_diff_count, 1);
  EXPECT_EQ(t1.frame_diffs[0], 2);
  EXPECT_EQ(t1.chain_diffs[0], 2);
}

TEST(DependencyDescriptor, ReadsSpatialLayersAndTheirChains) {
  const Parsed parsed = ParseKey(StructureL2T1());
  ASSERT_EQ(parsed.structure.chain_count, 2);
  EXPECT_EQ(parsed.structure.protected_by[1], 1);
  EXPECT_EQ(parsed.structure.targets[1].spatial_id, 1);
  const FrameDependencies& upper = parsed.structure.templates[3];
  ASSERT_EQ(upper.frame_diff_count, 2);
  EXPECT_EQ(upper.frame_diffs[0], 2);
  EXPECT_EQ(upper.frame_diffs[1], 1);
  EXPECT_EQ(upper.indications[0], Indication::kNotPresent);
}

TEST(DependencyDescriptor, ThreeBytesReferToATemplate) {
  const TestStructure shape = StructureL1T3();
  const Parsed key = ParseKey(shape, 62);  // ids 62, 63, 0, 1, 2
  TestDescriptor delta;
  delta.template_index = 3;
  delta.frame_number = 65'535;
  delta.end = false;
  const Bytes bytes = WriteDependencyDescriptor(shape, delta, 62);
  EXPECT_EQ(bytes.size(), 3u);
  Structure fresh;
  const auto parsed = Parse(bytes, &key.structure, fresh);
  ASSERT_TRUE(parsed.ok());
  EXPECT_TRUE(parsed->start_of_frame);
  EXPECT_FALSE(parsed->end_of_frame);
  EXPECT_EQ(parsed->frame_number, 65'535);
  EXPECT_FALSE(parsed->has_structure);
  EXPECT_FALSE(parsed->active_decode_targets);
  EXPECT_EQ(parsed->frame.temporal_id, 2);
  EXPECT_EQ(parsed->frame.frame_diffs[0], 1);
}

TEST(DependencyDescriptor, AFrameMayDifferFromItsTemplate) {
  const TestStructure shape = StructureL2T1();
  const Parsed key = ParseKey(shape);
  TestDescriptor delta;
  delta.template_index = 1;
  delta.active_targets = 1;
  delta.custom_indications = "DR";
  delta.custom_diffs = {3, 200, 4096};
  delta.custom_chains = {7, 255};
  Structure fresh;
  const auto parsed = Parse(WriteDependencyDescriptor(shape, delta), &key.structure, fresh);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->active_decode_targets, 1u);
  EXPECT_EQ(parsed->frame.indications[0], Indication::kDiscardable);
  EXPECT_EQ(parsed->frame.indications[1], Indication::kRequired);
  ASSERT_EQ(parsed->frame.frame_diff_count, 3);
  EXPECT_EQ(parsed->frame.frame_diffs[0], 3);
  EXPECT_EQ(parsed->frame.frame_diffs[1], 200);
  EXPECT_EQ(parsed->frame.frame_diffs[2], 4096);
  EXPECT_EQ(parsed->frame.chain_diffs[0], 7);
  EXPECT_EQ(parsed->frame.chain_diffs[1], 255);
}

TEST(DependencyDescriptor, ATemplateThatIsNotThereIsRefused) {
  const TestStructure shape = StructureL1T3();
  const Parsed key = ParseKey(shape);
  Structure fresh;
  TestDescriptor delta;
  delta.template_index = 5;
  EXPECT_EQ(Parse(WriteDependencyDescriptor(shape, delta), &key.structure, fresh).error(),
            ParseError::kUnknownTemplate);
  delta.template_index = 1;
  EXPECT_EQ(Parse(WriteDependencyDescriptor(shape, delta), nullptr, fresh).error(), ParseError::kNoStructure);
  delta.active_targets = 1;
  EXPECT_EQ(Parse(WriteDependencyDescriptor(shape, delta), nullptr, fresh).error(), ParseError::kNoStructure);
}

TEST(DependencyDescriptor, TooMuchIsRefused) {
  Structure fresh;
  TestDescriptor key;
  key.attach = nullptr;
  TestStructure many = {1, 0, {}, {}};
  for (int i = 0; i < 65; ++i) many.templates.push_back({0, 0, "S", {}, {}});
  key.attach = &many;
  EXPECT_EQ(Parse(WriteDependencyDescriptor(many, key), nullptr, fresh).error(), ParseError::kTooManyTemplates);
  TestStructure high = {1, 0, {}, {}};
  for (int i = 0; i < 5; ++i) high.templates.push_back({i, 0, "S", {}, {}});
  key.attach = &high;
  EXPECT_EQ(Parse(WriteDependencyDescriptor(high, key), nullptr, fresh).error(), ParseError::kTooManyLayers);
  TestStructure deep = {1, 0, {}, {}};
  for (int i = 0; i < 9; ++i) deep.templates.push_back({0, i, "S", {}, {}});
  key.attach = &deep;
  EXPECT_EQ(Parse(WriteDependencyDescriptor(deep, key), nullptr, fresh).error(), ParseError::kTooManyLayers);
  TestStructure leaning = {1, 0, {}, {{0, 0, "S", {1, 2, 3, 4, 5, 6, 7, 8, 9}, {}}}};
  key.attach = &leaning;
  EXPECT_EQ(Parse(WriteDependencyDescriptor(leaning, key), nullptr, fresh).error(), ParseError::kTooManyReferences);
}

TEST(DependencyDescriptor, EveryTruncationIsRefusedOrReadWithinItsBounds) {
  for (const TestStructure& shape : {StructureL1T3(), StructureL2T1(), StructureL2T1Key()}) {
    TestDescriptor key;
    key.attach = &shape;
    const Bytes whole = WriteDependencyDescriptor(shape, key);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      Structure fresh;
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(Parse(cut, nullptr, fresh).ok()) << size;
    }
  }
}

}  // namespace
}  // namespace jb::media::dependency
