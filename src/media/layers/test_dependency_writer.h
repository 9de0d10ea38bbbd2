// SPDX-License-Identifier: Apache-2.0
// For tests: the dependency descriptors of an encoder with the usual scalability modes, written from the same
// appendix of the AV1 RTP specification that the parser reads.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace jb::media {

class BitWriter {
 public:
  void Bits(std::uint32_t value, unsigned count) {
    for (unsigned i = count; i-- > 0;) {
      if (size_ % 8 == 0) bytes_.push_back(0);
      bytes_.back() |= static_cast<std::uint8_t>(((value >> i) & 1u) << (7 - size_ % 8));
      ++size_;
    }
  }
  void NonSymmetric(std::uint32_t value, std::uint32_t n) {
    unsigned width = 0;
    while (n >> width) ++width;
    const std::uint32_t short_ones = (1u << width) - n;
    if (value < short_ones) return Bits(value, width - 1);
    Bits(value + short_ones, width);
  }
  Bytes Take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
  std::size_t size_ = 0;
};

struct TestTemplate {
  int spatial = 0, temporal = 0;
  std::string_view indications;  // one of "-DSR" for each decode target
  std::vector<int> frame_diffs;
  std::vector<int> chain_diffs;
};

struct TestStructure {
  int targets = 1, chains = 1;
  std::vector<int> protected_by;  // by target
  std::vector<TestTemplate> templates;
};

// L1T3: pictures in the order T0 T2 T1 T2.
inline TestStructure StructureL1T3() {
  return {3,
          1,
          {0, 0, 0},
          {{0, 0, "SSS", {}, {0}},
           {0, 0, "SSS", {4}, {4}},
           {0, 1, "-DS", {2}, {2}},
           {0, 2, "--D", {1}, {1}},
           {0, 2, "--D", {1}, {3}}}};
}

// L2T1: each picture of the upper layer builds on the one below and on its own last one.
inline TestStructure StructureL2T1() {
  return {2,
          2,
          {0, 1},
          {{0, 0, "SS", {}, {0, 0}},
           {0, 0, "SR", {2}, {2, 1}},
           {1, 0, "-S", {1}, {1, 1}},
           {1, 0, "-S", {2, 1}, {1, 1}}}};
}

// L2T1_KEY: the layers meet in key pictures only.
inline TestStructure StructureL2T1Key() {
  return {2,
          2,
          {0, 1},
          {{0, 0, "SS", {}, {0, 0}},
           {0, 0, "S-", {2}, {2, 1}},
           {1, 0, "-S", {1}, {1, 1}},
           {1, 0, "-S", {2}, {1, 2}}}};
}

struct TestDescriptor {
  bool start = true, end = true;
  int template_index = 0;
  int frame_number = 0;
  const TestStructure* attach = nullptr;
  int active_targets = -1;  // not said
  std::string_view custom_indications;
  std::vector<int> custom_diffs;
  std::vector<int> custom_chains;
};

inline std::uint32_t IndicationBits(char name) { return static_cast<std::uint32_t>(std::string_view("-DSR").find(name)); }

inline void WriteStructure(BitWriter& out, const TestStructure& structure, int id_offset) {
  out.Bits(static_cast<std::uint32_t>(id_offset), 6);
  out.Bits(static_cast<std::uint32_t>(structure.targets - 1), 5);
  for (std::size_t i = 1; i < structure.templates.size(); ++i) {
    const TestTemplate &before = structure.templates[i - 1], &now = structure.templates[i];
    out.Bits(now.spatial != before.spatial ? 2 : now.temporal != before.temporal ? 1 : 0, 2);
  }
  out.Bits(3, 2);
  for (const TestTemplate& frame : structure.templates) {
    for (const char name : frame.indications) out.Bits(IndicationBits(name), 2);
  }
  for (const TestTemplate& frame : structure.templates) {
    for (const int diff : frame.frame_diffs) out.Bits(0x10u | static_cast<std::uint32_t>(diff - 1), 5);
    out.Bits(0, 1);
  }
  out.NonSymmetric(static_cast<std::uint32_t>(structure.chains), static_cast<std::uint32_t>(structure.targets + 1));
  if (structure.chains > 0) {
    for (const int chain : structure.protected_by) {
      out.NonSymmetric(static_cast<std::uint32_t>(chain), static_cast<std::uint32_t>(structure.chains));
    }
    for (const TestTemplate& frame : structure.templates) {
      for (const int diff : frame.chain_diffs) out.Bits(static_cast<std::uint32_t>(diff), 4);
    }
  }
  out.Bits(0, 1);  // no resolutions
}

inline void WriteCustoms(BitWriter& out, const TestDescriptor& descriptor) {
  for (const char name : descriptor.custom_indications) out.Bits(IndicationBits(name), 2);
  if (!descriptor.custom_diffs.empty()) {
    for (const int diff : descriptor.custom_diffs) {
      const unsigned nibbles = diff <= 16 ? 1 : diff <= 256 ? 2 : 3;
      out.Bits(nibbles, 2);
      out.Bits(static_cast<std::uint32_t>(diff - 1), 4 * nibbles);
    }
    out.Bits(0, 2);
  }
  for (const int diff : descriptor.custom_chains) out.Bits(static_cast<std::uint32_t>(diff), 8);
}

// `id_offset`: where this structure's templates begin among the 64 ids.
inline Bytes WriteDependencyDescriptor(const TestStructure& structure, const TestDescriptor& descriptor,
                                       int id_offset = 0) {
  BitWriter out;
  out.Bits(descriptor.start, 1);
  out.Bits(descriptor.end, 1);
  out.Bits(static_cast<std::uint32_t>(descriptor.template_index + id_offset) % 64, 6);
  out.Bits(static_cast<std::uint32_t>(descriptor.frame_number) & 0xFFFF, 16);
  const bool customs = !descriptor.custom_indications.empty() || !descriptor.custom_diffs.empty() ||
                       !descriptor.custom_chains.empty();
  if (!descriptor.attach && descriptor.active_targets < 0 && !customs) return out.Take();
  out.Bits(descriptor.attach != nullptr, 1);
  out.Bits(descriptor.active_targets >= 0, 1);
  out.Bits(!descriptor.custom_indications.empty(), 1);
  out.Bits(!descriptor.custom_diffs.empty(), 1);
  out.Bits(!descriptor.custom_chains.empty(), 1);
  if (descriptor.attach) WriteStructure(out, *descriptor.attach, id_offset);
  if (descriptor.active_targets >= 0) {
    out.Bits(static_cast<std::uint32_t>(descriptor.active_targets), static_cast<unsigned>(structure.targets));
  }
  WriteCustoms(out, descriptor);
  return out.Take();
}

}  // namespace jb::media
