// SPDX-License-Identifier: Apache-2.0
#include "media/layers/layer_reader.h"

#include <array>
#include <tuple>
#include <utility>

#include "media/payload/dependency_descriptor.h"
#include "media/payload/vp8.h"
#include "media/payload/vp9.h"

namespace jb::media {
namespace {

using dependency::Indication;

constexpr std::uint8_t kNoTarget = 0xFF;
static_assert(dependency::kMaxFrameDiffs == kMaxReferences);

// Which layers cannot do without a packet of that one.
LayerMask NeededBy(Layers layer, bool key_picture, SpatialDependency dependency) {
  switch (dependency) {
    case SpatialDependency::kFull: return MaskFrom(layer);
    case SpatialDependency::kKeyPictures: return key_picture ? MaskFrom(layer) : RowFrom(layer);
    case SpatialDependency::kNone: return RowFrom(layer);
  }
  return kAllLayers;
}

}  // namespace

// The templates of a key frame, and which decode target stands for each choice of layers: the one of just these, or
// the highest that goes no higher.
struct LayerReader::Templates {
  dependency::Structure structure;
  std::array<std::uint8_t, kMaxSpatialLayers * kMaxTemporalLayers> target_of{};
  bool used = false;

  void MapTargets() {
    used = true;
    for (std::uint8_t s = 0; s < kMaxSpatialLayers; ++s) {
      for (std::uint8_t t = 0; t < kMaxTemporalLayers; ++t) target_of[GridIndex({s, t})] = HighestUpTo({s, t});
    }
  }
  std::uint8_t HighestUpTo(Layers layers) const {
    std::uint8_t best = kNoTarget;
    Layers best_layers;
    for (std::uint8_t i = 0; i < structure.decode_target_count; ++i) {
      const Layers own = ClampedLayers(structure.targets[i].spatial_id, structure.targets[i].temporal_id);
      const bool fits = own.spatial <= layers.spatial && own.temporal <= layers.temporal;
      if (fits && (best == kNoTarget || own > best_layers)) {
        best = i;
        best_layers = own;
      }
    }
    return best;
  }
  // The layers whose target the frame is not absent from, or that may be switched to with it.
  std::pair<LayerMask, LayerMask> Masks(const dependency::Indications& indications) const {
    LayerMask needed = 0, switches = 0;
    for (std::size_t i = 0; i < target_of.size(); ++i) {
      if (target_of[i] == kNoTarget) continue;
      const Indication indication = indications[target_of[i]];
      if (indication != Indication::kNotPresent) needed |= static_cast<LayerMask>(1u << i);
      if (indication == Indication::kSwitch) switches |= static_cast<LayerMask>(1u << i);
    }
    return {needed, switches};
  }
  LayerMask ActiveLayers(std::uint32_t active_targets) const {
    LayerMask mask = 0;
    for (std::size_t i = 0; i < target_of.size(); ++i) {
      if (target_of[i] != kNoTarget && (active_targets >> target_of[i]) & 1u) mask |= static_cast<LayerMask>(1u << i);
    }
    return mask;
  }
};

// The last two: packets of before a key frame may come after it. Ids of templates do not repeat between the two.
struct LayerReader::Memory {
  Templates current, previous, fresh;
};

LayerReader::LayerReader(SpatialDependency dependency) : dependency_(dependency) {}
LayerReader::LayerReader(LayerReader&&) noexcept = default;
LayerReader& LayerReader::operator=(LayerReader&&) noexcept = default;
LayerReader::~LayerReader() = default;

PacketLayers LayerReader::Read(Codec codec, ByteView payload, std::optional<ByteView> descriptor) {
  has_new_templates_ = false;
  switch (codec) {
    case Codec::kVp8: return ReadVp8(payload);
    case Codec::kVp9: return ReadVp9(payload);
    case Codec::kH264:
    case Codec::kAv1:
      if (descriptor) return ReadDescriptor(*descriptor);
      break;
    case Codec::kOpus: break;
  }
  PacketLayers out;
  out.begins_frame = IsStartOfFrame(codec, payload);
  out.key_picture = IsKeyFrame(codec, payload);
  return out;
}

PacketLayers LayerReader::ReadAgain(ByteView descriptor) {
  PacketLayers out = ReadDescriptor(descriptor);
  has_new_templates_ = false;
  return out;
}

PacketLayers LayerReader::ReadVp8(ByteView payload) {
  PacketLayers out;
  const auto descriptor = vp8::Parse(payload);
  if (!descriptor) return out;
  out.layer = ClampedLayers(0, descriptor->temporal_layer.value_or(0));
  out.descriptor_size = static_cast<std::uint8_t>(descriptor->size);
  out.needed_by = MaskFrom(out.layer);
  // RFC 7741 section 4.2, Y: the frame builds on the base layer only, so its own layer may begin with it.
  if (descriptor->layer_sync) out.switch_to = MaskOf(out.layer);
  out.begins_frame = descriptor->start_of_frame();
  out.key_picture = descriptor->key_frame;
  out.tl0_picture_index = descriptor->tl0_picture_index;
  if (!descriptor->picture_id) return out;
  out.picture_id = *descriptor->picture_id;
  if (!descriptor->long_picture_id) {  // seven bits, which wrap too soon to leave pictures out
    const std::int64_t unwrapped = short_picture_ids_.Unwrap(static_cast<std::uint8_t>(*out.picture_id << 1)) >> 1;
    out.picture_id = static_cast<std::uint16_t>(unwrapped & vp8::kMaxPictureId);
    out.narrow_picture_id = true;
  }
  return out;
}

PacketLayers LayerReader::ReadVp9(ByteView payload) const {
  PacketLayers out;
  const auto descriptor = vp9::Parse(payload);
  if (!descriptor) return out;
  out.layer = ClampedLayers(descriptor->spatial_layer, descriptor->temporal_layer);
  out.key_picture = !descriptor->inter_predicted;
  out.needed_by = NeededBy(out.layer, out.key_picture, dependency_);
  // RFC 9628 section 4.2, U: later pictures of the temporal layers above build on nothing before this one.
  if (descriptor->switching_up_point) out.switch_to = RowFrom(out.layer);
  out.begins_frame = descriptor->start_of_frame;
  out.ends_frame = descriptor->end_of_frame;
  return out;
}

PacketLayers LayerReader::ReadDescriptor(ByteView value) {
  if (!memory_) memory_ = std::make_unique<Memory>();
  Memory& memory = *memory_;
  const Templates* templates = &memory.current;
  auto parsed = dependency::Parse(value, templates->used ? &templates->structure : nullptr, memory.fresh.structure);
  if (!parsed.ok() && parsed.error() == dependency::ParseError::kUnknownTemplate && memory.previous.used) {
    templates = &memory.previous;
    parsed = dependency::Parse(value, &templates->structure, memory.fresh.structure);
  }
  PacketLayers out;
  if (!parsed.ok()) {
    out.resolved = false;
    return out;
  }
  if (parsed->has_structure) {
    std::swap(memory.previous, memory.current);
    std::swap(memory.current, memory.fresh);
    memory.current.MapTargets();
    templates = &memory.current;
    has_new_templates_ = true;
  }
  if (parsed->active_decode_targets && templates == &memory.current) {
    active_ = templates->ActiveLayers(*parsed->active_decode_targets);
  }
  const dependency::FrameDependencies& frame = parsed->frame;
  out.layer = ClampedLayers(frame.spatial_id, frame.temporal_id);
  std::tie(out.needed_by, out.switch_to) = templates->Masks(frame.indications);
  out.begins_frame = parsed->start_of_frame;
  out.ends_frame = parsed->end_of_frame;
  out.key_picture = parsed->has_structure;
  FrameReferences& references = out.references.emplace();
  references.frame_number = parsed->frame_number;
  references.count = frame.frame_diff_count;
  references.back = frame.frame_diffs;
  return out;
}

}  // namespace jb::media
