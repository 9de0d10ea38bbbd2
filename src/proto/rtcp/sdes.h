// SPDX-License-Identifier: Apache-2.0
// SDES: source description (RFC 3550 section 6.5). Of the items only CNAME is read; the others are
// stepped over.
#pragma once

#include <string_view>

#include "proto/rtcp/compound.h"

namespace jb::rtcp {

inline constexpr std::uint8_t kSdesCname = 1;  // RFC 3550 section 6.5.1

class SourceDescription {
 public:
  static Result<SourceDescription, ParseError> Parse(const RawPacket& packet);

  // fn(Ssrc, std::string_view cname) for each chunk that has a CNAME.
  template <class Fn>
  void ForEachCname(Fn&& fn) const {
    std::size_t at = 0;
    Ssrc ssrc;
    std::string_view cname;
    for (std::size_t i = 0; i < chunk_count_; ++i) {
      bool has_cname = false;
      if (!NextChunk(at, ssrc, cname, has_cname)) return;
      if (has_cname) fn(ssrc, cname);
    }
  }
  std::size_t chunk_count() const { return chunk_count_; }

 private:
  bool NextChunk(std::size_t& at, Ssrc& ssrc, std::string_view& cname, bool& has_cname) const;
  ByteView body_;
  std::size_t chunk_count_ = 0;
};

// One chunk with one CNAME; longer than 255 bytes is cut.
void WriteCname(ByteWriter& out, Ssrc ssrc, std::string_view cname);

}  // namespace jb::rtcp
