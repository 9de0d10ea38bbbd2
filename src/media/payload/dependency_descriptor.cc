// SPDX-License-Identifier: Apache-2.0
#include "media/payload/dependency_descriptor.h"

#include <algorithm>

#include "media/payload/bit_reader.h"

namespace jb::media::dependency {
namespace {

using Checked = Result<Unit, ParseError>;

constexpr std::size_t kMandatorySize = 3;

bool AddFrameDiff(FrameDependencies& frame, std::uint32_t diff) {
  if (frame.frame_diff_count == kMaxFrameDiffs) return false;
  frame.frame_diffs[frame.frame_diff_count++] = static_cast<std::uint16_t>(diff);
  return true;
}

// template_layers(): one after the other, each a step from the one before. next_layer_idc 0: the same layer,
// 1: the next temporal, 2: the next spatial, 3: that was the last.
Checked ReadTemplateLayers(BitReader& in, Structure& out) {
  std::uint8_t spatial = 0, temporal = 0;
  while (true) {
    if (out.template_count == kMaxTemplates) return Fail(ParseError::kTooManyTemplates);
    FrameDependencies& frame = out.templates[out.template_count++];
    frame = {};
    frame.spatial_id = spatial;
    frame.temporal_id = temporal;
    const std::uint32_t next_layer = in.Bits(2);
    if (!in.ok()) return Fail(ParseError::kTruncated);
    if (next_layer == 3) return Unit{};
    if (next_layer == 1) ++temporal;
    if (next_layer == 2) {
      temporal = 0;
      ++spatial;
    }
    if (spatial >= kMaxSpatialIds || temporal >= kMaxTemporalIds) return Fail(ParseError::kTooManyLayers);
  }
}

void ReadIndications(BitReader& in, std::size_t targets, FrameDependencies& frame) {
  for (std::size_t target = 0; target < targets; ++target) frame.indications.Set(target, in.Bits(2));
}

// template_fdiffs() of one template: flag, 4 bits, again while the flag is set.
Checked ReadTemplateDiffs(BitReader& in, FrameDependencies& frame) {
  while (in.Flag()) {
    if (!AddFrameDiff(frame, in.Bits(4) + 1)) return Fail(ParseError::kTooManyReferences);
  }
  return Unit{};
}

void ReadTemplateChains(BitReader& in, Structure& out) {
  out.chain_count = static_cast<std::uint8_t>(in.NonSymmetric(out.decode_target_count + 1u));
  if (out.chain_count == 0) return;
  for (std::size_t target = 0; target < out.decode_target_count; ++target) {
    out.protected_by[target] = static_cast<std::uint8_t>(in.NonSymmetric(out.chain_count));
  }
  for (std::size_t i = 0; i < out.template_count; ++i) {
    for (std::size_t chain = 0; chain < out.chain_count; ++chain) {
      out.templates[i].chain_diffs[chain] = static_cast<std::uint8_t>(in.Bits(4));
    }
  }
}

// decode_target_layers(): a target reaches as high as the highest frame it has.
void FindTargetLayers(Structure& out) {
  for (std::size_t target = 0; target < out.decode_target_count; ++target) {
    Structure::Target& highest = out.targets[target];
    highest = {};
    for (std::size_t i = 0; i < out.template_count; ++i) {
      const FrameDependencies& frame = out.templates[i];
      if (frame.indications[target] == Indication::kNotPresent) continue;
      highest.spatial_id = std::max(highest.spatial_id, frame.spatial_id);
      highest.temporal_id = std::max(highest.temporal_id, frame.temporal_id);
    }
  }
}

void ReadResolutions(BitReader& in, Structure& out) {
  out.resolution_count = static_cast<std::uint8_t>(out.templates[out.template_count - 1u].spatial_id + 1);
  for (std::size_t spatial = 0; spatial < out.resolution_count; ++spatial) {
    out.resolutions[spatial].width = in.Bits(16) + 1;
    out.resolutions[spatial].height = in.Bits(16) + 1;
  }
}

Checked ReadStructure(BitReader& in, Structure& out) {
  out.template_count = out.resolution_count = 0;
  out.template_id_offset = static_cast<std::uint8_t>(in.Bits(6));
  out.decode_target_count = static_cast<std::uint8_t>(in.Bits(5) + 1);
  JB_TRY_VOID(ReadTemplateLayers(in, out));
  for (std::size_t i = 0; i < out.template_count; ++i) ReadIndications(in, out.decode_target_count, out.templates[i]);
  for (std::size_t i = 0; i < out.template_count; ++i) {
    JB_TRY_VOID(ReadTemplateDiffs(in, out.templates[i]));
  }
  ReadTemplateChains(in, out);
  FindTargetLayers(out);
  if (in.Flag()) ReadResolutions(in, out);
  if (!in.ok()) return Fail(ParseError::kTruncated);
  return Unit{};
}

// frame_fdiffs(): 2 bits say how many times 4 bits the next one has; none ends it.
Checked ReadFrameDiffs(BitReader& in, FrameDependencies& frame) {
  frame.frame_diff_count = 0;
  while (const std::uint32_t size = in.Bits(2)) {
    if (!AddFrameDiff(frame, in.Bits(4 * size) + 1)) return Fail(ParseError::kTooManyReferences);
  }
  return Unit{};
}

void ReadFrameChains(BitReader& in, std::size_t chains, FrameDependencies& frame) {
  for (std::size_t chain = 0; chain < chains; ++chain) {
    frame.chain_diffs[chain] = static_cast<std::uint8_t>(in.Bits(8));
  }
}

struct Customs {
  bool indications = false, frame_diffs = false, chains = false;
};

// extended_descriptor_fields(): | structure? | active targets? | custom indications? | diffs? | chains? | and the
// first two of them.
Result<Customs, ParseError> ReadExtended(BitReader& in, const Structure*& structure, Structure& fresh,
                                         Descriptor& out) {
  out.has_structure = in.Flag();
  const bool active_present = in.Flag();
  Customs customs;
  customs.indications = in.Flag();
  customs.frame_diffs = in.Flag();
  customs.chains = in.Flag();
  if (out.has_structure) {
    JB_TRY_VOID(ReadStructure(in, fresh));
    structure = &fresh;
    out.active_decode_targets = static_cast<std::uint32_t>((std::uint64_t{1} << fresh.decode_target_count) - 1);
  }
  if (!structure) return Fail(ParseError::kNoStructure);
  if (active_present) out.active_decode_targets = in.Bits(structure->decode_target_count);
  return customs;
}

}  // namespace

// | start | end | template id (6) | frame number (16) | then, when there are more than three bytes, the extended
// fields and this frame's own indications, diffs and chains. What is left is zero padding.
Result<Descriptor, ParseError> Parse(ByteView value, const Structure* known, Structure& fresh) {
  BitReader in(value);
  Descriptor out;
  out.start_of_frame = in.Flag();
  out.end_of_frame = in.Flag();
  const std::uint32_t template_id = in.Bits(6);
  out.frame_number = static_cast<std::uint16_t>(in.Bits(16));
  if (!in.ok()) return Fail(ParseError::kTruncated);
  const Structure* structure = known;
  Customs customs;
  if (value.size() > kMandatorySize) {
    JB_TRY(customs, ReadExtended(in, structure, fresh, out));
  }
  if (!structure) return Fail(ParseError::kNoStructure);
  const std::size_t index = (template_id + kMaxTemplates - structure->template_id_offset) % kMaxTemplates;
  if (index >= structure->template_count) return Fail(ParseError::kUnknownTemplate);
  out.frame = structure->templates[index];
  if (customs.indications) ReadIndications(in, structure->decode_target_count, out.frame);
  if (customs.frame_diffs) {
    JB_TRY_VOID(ReadFrameDiffs(in, out.frame));
  }
  if (customs.chains) ReadFrameChains(in, structure->chain_count, out.frame);
  if (!in.ok()) return Fail(ParseError::kTruncated);
  return out;
}

}  // namespace jb::media::dependency
