// SPDX-License-Identifier: Apache-2.0
// Payload descriptors of the video codecs and the codec table.
#include <gtest/gtest.h>

#include "media/payload/av1.h"
#include "media/payload/codec.h"
#include "media/payload/h264.h"
#include "media/payload/vp8.h"
#include "media/payload/vp9.h"

namespace jb::media {
namespace {

// Every shorter payload is either refused or read without going over its end (the sanitizers see to
// that).
void ReadAllTruncations(Codec codec, const Bytes& payload) {
  for (std::size_t size = 0; size < payload.size(); ++size) {
    const Bytes cut(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size));
    (void)IsKeyFrame(codec, cut);
    (void)IsStartOfFrame(codec, cut);
  }
}

TEST(CodecTable, EveryCodecFindsItselfInAnyCase) {
  for (const CodecInfo& info : AllCodecs()) {
    EXPECT_EQ(&GetCodec(info.codec), &info);
    EXPECT_EQ(FindCodec(info.mime_type), &info);
    EXPECT_EQ(info.kind == MediaKind::kVideo, info.mime_type.starts_with("video/"));
    EXPECT_TRUE(info.mime_type.ends_with(info.name));
  }
  EXPECT_EQ(FindCodec("VIDEO/h264"), &GetCodec(Codec::kH264));
  EXPECT_EQ(FindCodec("Audio/OPUS"), &GetCodec(Codec::kOpus));
  EXPECT_EQ(FindCodec("video/rtx"), nullptr);
  EXPECT_EQ(FindCodec("video/VP80"), nullptr);
  EXPECT_EQ(GetCodec(Codec::kOpus).clock_rate, 48'000u);
  EXPECT_TRUE(IsKeyFrame(Codec::kOpus, {}));
}

TEST(Vp8, ReadsEveryFieldOfTheDescriptor) {
  const Bytes payload = {0xB0, 0xF0, 0xFF, 0x21, 0x33, 0xA7, 0x10};
  const auto d = vp8::Parse(payload).value();
  EXPECT_TRUE(d.non_reference);
  EXPECT_TRUE(d.start_of_partition);
  EXPECT_EQ(d.partition, 0);
  EXPECT_EQ(d.picture_id, 0x7F21);
  EXPECT_TRUE(d.long_picture_id);
  EXPECT_EQ(d.tl0_picture_index, 0x33);
  EXPECT_EQ(d.temporal_layer, 2);
  EXPECT_TRUE(d.layer_sync);
  EXPECT_EQ(d.key_index, 7);
  EXPECT_EQ(d.size, 6u);
  EXPECT_TRUE(d.key_frame);
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_FALSE(vp8::Parse(ByteView(payload).first(size))) << size;
  }
}

TEST(Vp8, AShortPictureIdHasOneByte) {
  const auto d = vp8::Parse(Bytes{0x90, 0x80, 0x7F, 0x01}).value();
  EXPECT_EQ(d.picture_id, 0x7F);
  EXPECT_FALSE(d.long_picture_id);
  EXPECT_EQ(d.size, 3u);
  EXPECT_FALSE(d.key_frame);
}

TEST(Vp8, OnlyTheFirstPacketOfAKeyFrameIsOne) {
  EXPECT_TRUE(vp8::IsKeyFrame(Bytes{0x10, 0x00}));
  EXPECT_FALSE(vp8::IsKeyFrame(Bytes{0x10, 0x01})) << "an inter frame";
  EXPECT_FALSE(vp8::IsKeyFrame(Bytes{0x00, 0x00})) << "not the start of a partition";
  EXPECT_FALSE(vp8::IsKeyFrame(Bytes{0x11, 0x00})) << "another partition";
  EXPECT_FALSE(vp8::IsKeyFrame(Bytes{0x10})) << "no frame";
  EXPECT_TRUE(vp8::IsStartOfFrame(Bytes{0x10, 0x01}));
}

TEST(Vp8, AShortPictureIdIsWidened) {
  // X, S; I, L, T; picture id 5; TL0PICIDX 9; TID 1; the frame.
  const Bytes payload = {0x90, 0xE0, 0x05, 0x09, 0x40, 0x01, 0xAB};
  Bytes out(payload.size() + 1);
  ASSERT_EQ(vp8::WidenPictureId(payload, 0x1234, out), out.size());
  EXPECT_EQ(out, (Bytes{0x90, 0xE0, 0x92, 0x34, 0x09, 0x40, 0x01, 0xAB}));
  EXPECT_EQ(vp8::Parse(out)->picture_id, 0x1234);
  EXPECT_EQ(vp8::WidenPictureId(out, 1, out), 0u) << "it has 15 bits already";
  EXPECT_EQ(vp8::WidenPictureId(Bytes{0x10, 0x00}, 1, out), 0u) << "it has none";
  Bytes small(payload.size());
  EXPECT_EQ(vp8::WidenPictureId(payload, 1, small), 0u);
  for (std::size_t size = 0; size < 6; ++size) {
    EXPECT_EQ(vp8::WidenPictureId(ByteView(payload).first(size), 1, out), 0u) << size;
  }
}

TEST(Vp8, RenumberingTouchesOnlyTheNumbersThatAreThere) {
  const auto renumbered = [](Bytes payload) {
    vp8::Renumber(payload, {0x7F85, 0x33});
    return payload;
  };
  EXPECT_EQ(renumbered({0x90, 0xE0, 0x80, 0x05, 0x09, 0x40, 0x01}), (Bytes{0x90, 0xE0, 0xFF, 0x85, 0x33, 0x40, 0x01}));
  EXPECT_EQ(renumbered({0x90, 0xE0, 0x05, 0x09, 0x40, 0x01}), (Bytes{0x90, 0xE0, 0x05, 0x33, 0x40, 0x01}));
  EXPECT_EQ(renumbered({0x90, 0x60, 0x09, 0x40, 0x01}), (Bytes{0x90, 0x60, 0x33, 0x40, 0x01}));
  EXPECT_EQ(renumbered({0x90, 0x20, 0x40, 0x01}), (Bytes{0x90, 0x20, 0x40, 0x01}));
  EXPECT_EQ(renumbered({0x10, 0x01}), (Bytes{0x10, 0x01}));
  const Bytes whole = {0x90, 0xE0, 0x80, 0x05, 0x09, 0x40};
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(renumbered(cut), cut) << "a descriptor with nothing behind it is left alone";
  }
}

TEST(Vp9, ReadsLayersAndPictureId) {
  // I, L, B; 15-bit picture id; TID 1, U, SID 2, D; TL0PICIDX.
  const Bytes payload = {0xA8, 0x81, 0x02, 0x35, 0x09, 0xAA};
  const auto d = vp9::Parse(payload).value();
  EXPECT_EQ(d.picture_id, 0x0102);
  EXPECT_TRUE(d.start_of_frame);
  EXPECT_FALSE(d.end_of_frame);
  EXPECT_EQ(d.temporal_layer, 1);
  EXPECT_TRUE(d.switching_up_point);
  EXPECT_EQ(d.spatial_layer, 2);
  EXPECT_TRUE(d.inter_layer_dependency);
  EXPECT_EQ(d.tl0_picture_index, 9);
  EXPECT_EQ(d.size, 5u);
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_FALSE(vp9::Parse(ByteView(payload).first(size))) << size;
  }
}

TEST(Vp9, StepsOverReferencesAndTheScalabilityStructure) {
  // P, F, V: three references; N_S = 1 (two layers) with sizes, N_G = 2 with 1 and 0 references.
  const Bytes payload = {0x52, 0x03, 0x05, 0x02, 0x38, 1, 2, 3, 4, 5, 6, 7, 8, 2, 0x04, 9, 0x30, 0xEE};
  const auto d = vp9::Parse(payload).value();
  ASSERT_EQ(d.references.count, 3);
  EXPECT_EQ(d.references.picture_diffs[0], 1);
  EXPECT_EQ(d.references.picture_diffs[1], 2);
  EXPECT_EQ(d.references.picture_diffs[2], 1);
  ASSERT_TRUE(d.structure);
  EXPECT_EQ(d.structure->spatial_layer_count, 2);
  EXPECT_EQ(d.structure->sizes[0].width, 0x0102);
  EXPECT_EQ(d.structure->sizes[1].height, 0x0708);
  EXPECT_EQ(d.structure->picture_count, 2);
  std::vector<vp9::ScalabilityStructure::Picture> pattern;
  d.structure->ForEachPicture([&](const auto& picture) { pattern.push_back(picture); });
  ASSERT_EQ(pattern.size(), 2u);
  EXPECT_EQ(pattern[0].temporal_layer, 0);
  ASSERT_EQ(pattern[0].references.count, 1);
  EXPECT_EQ(pattern[0].references.picture_diffs[0], 9);
  EXPECT_EQ(pattern[1].temporal_layer, 1);
  EXPECT_TRUE(pattern[1].switching_up_point);
  EXPECT_EQ(pattern[1].references.count, 0);
  EXPECT_EQ(d.size, payload.size() - 1);
  ReadAllTruncations(Codec::kVp9, payload);
}

TEST(Vp9, AKeyFrameBeginsUnpredictedInTheBaseLayer) {
  EXPECT_TRUE(vp9::IsKeyFrame(Bytes{0x08, 0xAA}));
  EXPECT_FALSE(vp9::IsKeyFrame(Bytes{0x48, 0xAA})) << "inter-predicted";
  EXPECT_FALSE(vp9::IsKeyFrame(Bytes{0x00, 0xAA})) << "not its beginning";
  EXPECT_TRUE(vp9::IsKeyFrame(Bytes{0x28, 0x00, 0x00, 0xAA}));
  EXPECT_FALSE(vp9::IsKeyFrame(Bytes{0x28, 0x03, 0x00, 0xAA})) << "an upper layer of it";
  EXPECT_TRUE(vp9::IsStartOfFrame(Bytes{0x48, 0xAA}));
}

TEST(H264, FindsIdrAndSpsInEveryPacketForm) {
  EXPECT_TRUE(h264::IsKeyFrame(Bytes{0x65, 0x88})) << "single IDR";
  EXPECT_TRUE(h264::IsKeyFrame(Bytes{0x67, 0x42})) << "single SPS";
  EXPECT_FALSE(h264::IsKeyFrame(Bytes{0x68, 0xCE})) << "a PPS alone";
  EXPECT_FALSE(h264::IsKeyFrame(Bytes{0x61, 0x88})) << "a plain slice";
  EXPECT_TRUE(h264::IsKeyFrame(Bytes{0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xCE})) << "STAP-A with SPS";
  EXPECT_TRUE(h264::IsKeyFrame(Bytes{0x78, 0, 2, 0x09, 0xF0, 0, 2, 0x65, 0x88})) << "STAP-A with IDR";
  EXPECT_FALSE(h264::IsKeyFrame(Bytes{0x78, 0, 2, 0x61, 0x88})) << "STAP-A without";
  EXPECT_TRUE(h264::IsKeyFrame(Bytes{0x7C, 0x85, 0x88})) << "first fragment of an IDR";
  EXPECT_FALSE(h264::IsKeyFrame(Bytes{0x7C, 0x05, 0x88})) << "a later one";
  EXPECT_FALSE(h264::IsKeyFrame(Bytes{0x7C, 0x81, 0x88})) << "first fragment of a plain slice";
}

TEST(H264, ASliceBeginsAFrameOnlyFromMacroblockZero) {
  EXPECT_TRUE(h264::IsStartOfFrame(Bytes{0x61, 0x88}));
  EXPECT_FALSE(h264::IsStartOfFrame(Bytes{0x61, 0x48}));
  EXPECT_FALSE(h264::IsKeyFrame(Bytes{0x65, 0x48})) << "the second slice of a key frame";
  EXPECT_TRUE(h264::IsStartOfFrame(Bytes{0x09, 0xF0}));
}

TEST(H264, BrokenAggregatesAreNothing) {
  EXPECT_FALSE(h264::IsKeyFrame({}));
  EXPECT_FALSE(h264::IsKeyFrame(Bytes{0x78}));
  EXPECT_FALSE(h264::IsKeyFrame(Bytes{0x78, 0, 9, 0x67}));
  EXPECT_FALSE(h264::IsKeyFrame(Bytes{0x78, 0, 0, 0, 2, 0x67, 0x42}));
  EXPECT_FALSE(h264::IsKeyFrame(Bytes{0x7C}));
  EXPECT_FALSE(h264::IsKeyFrame(Bytes{0x7D, 0x85, 0x88})) << "FU-B is not ours";
  ReadAllTruncations(Codec::kH264, {0x78, 0, 2, 0x09, 0xF0, 0, 2, 0x65, 0x88});
}

TEST(Av1, TheNBitBeginsAKeyFrame) {
  EXPECT_TRUE(av1::IsKeyFrame(Bytes{0x18, 0x0A}));
  EXPECT_FALSE(av1::IsKeyFrame(Bytes{0x10, 0x0A}));
  EXPECT_FALSE(av1::IsKeyFrame(Bytes{0x98, 0x0A})) << "Z and N exclude each other";
  EXPECT_FALSE(av1::IsKeyFrame(Bytes{0x08})) << "no OBU behind it";
  EXPECT_TRUE(av1::IsStartOfFrame(Bytes{0x10, 0x32}));
  EXPECT_FALSE(av1::IsStartOfFrame(Bytes{0x90, 0x32}));
  const auto header = av1::Parse(Bytes{0x68}).value();
  EXPECT_TRUE(header.continues_in_next);
  EXPECT_EQ(header.element_count, 2);
  EXPECT_TRUE(header.new_sequence);
}

}  // namespace
}  // namespace jb::media
