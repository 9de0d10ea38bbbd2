// SPDX-License-Identifier: Apache-2.0
// Which transport a datagram belongs to: STUN by the username fragment it names, everything else by the
// address it comes from, once a check from there was authenticated (reliability I4, D1).
// Single-threaded; borrows the transports, which take themselves out.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/socket_address.h"
#include "sfu/tuple_hash.h"

namespace jb::sfu {

class Transport;

class Routes {
 public:
  explicit Routes(Random& random) : by_tuple_(64, TupleHash(random)) {}

  Transport* FindTuple(const Tuple& tuple) const {
    const auto found = by_tuple_.find(tuple);
    return found == by_tuple_.end() ? nullptr : found->second;
  }
  Transport* FindFragment(std::string_view username_fragment) const {
    const auto found = by_fragment_.find(username_fragment);
    return found == by_fragment_.end() ? nullptr : found->second;
  }
  // The tuple now belongs to `owner`; returns who had it before, if that is another.
  Transport* Bind(const Tuple& tuple, Transport& owner) {
    Transport*& slot = by_tuple_[tuple];
    Transport* before = slot == &owner ? nullptr : slot;
    slot = &owner;
    return before;
  }
  void Unbind(const Tuple& tuple, const Transport& owner) {
    const auto found = by_tuple_.find(tuple);
    if (found != by_tuple_.end() && found->second == &owner) by_tuple_.erase(found);
  }
  void AddFragment(const std::string& fragment, Transport& owner) { by_fragment_[fragment] = &owner; }
  void RemoveFragment(const std::string& fragment) { by_fragment_.erase(fragment); }
  std::size_t tuple_count() const { return by_tuple_.size(); }
  std::size_t fragment_count() const { return by_fragment_.size(); }

 private:
  struct FragmentHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<Tuple, Transport*, TupleHash> by_tuple_;
  // We choose the keys, so the hash needs no secret.
  std::unordered_map<std::string, Transport*, FragmentHash, std::equal_to<>> by_fragment_;
};

}  // namespace jb::sfu
