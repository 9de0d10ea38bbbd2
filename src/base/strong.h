// SPDX-License-Identifier: Apache-2.0
// Strong<Tag, Rep>: a number or string that cannot be mixed up with another one.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace jb {

template <class Tag, class Rep>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value_(std::move(v)) {}
  constexpr const Rep& value() const { return value_; }
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
  friend constexpr bool operator==(const Strong&, const Strong&) = default;

 private:
  Rep value_{};
};

// Ids that several modules speak of. All are opaque text made by us, unique within their kind.
using RoomCode = Strong<struct RoomCodeTag, std::string>;
using ParticipantId = Strong<struct ParticipantIdTag, std::string>;
using TransportId = Strong<struct TransportIdTag, std::string>;
using ProducerId = Strong<struct ProducerIdTag, std::string>;
using ConsumerId = Strong<struct ConsumerIdTag, std::string>;
using Language = Strong<struct LanguageTag, std::string>;  // BCP-47, lower-case primary subtag: "vi"

}  // namespace jb

template <class Tag, class Rep>
struct std::hash<jb::Strong<Tag, Rep>> {
  std::size_t operator()(const jb::Strong<Tag, Rep>& s) const { return std::hash<Rep>{}(s.value()); }
};
