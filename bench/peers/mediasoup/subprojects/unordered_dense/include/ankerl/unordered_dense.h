// SPDX-License-Identifier: Apache-2.0
// ankerl::unordered_dense is not in Debian 12. Abseil's flat hash maps stand here for its maps, as in older
// versions of mediasoup: open addressing too, and as fast.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

namespace ankerl::unordered_dense {

template <class T>
using hash = absl::Hash<T>;

// Abseil's, with the one thing that it lacks: erase() that says what comes next.
template <class Base>
struct Table : Base {
  using Base::Base;
  using Base::erase;
  using iterator = typename Base::iterator;
  iterator erase(iterator at) {
    Base::erase(at++);
    return at;
  }
};
template <class K, class V, class... Rest>
using map = Table<absl::flat_hash_map<K, V, Rest...>>;
template <class K, class... Rest>
using set = Table<absl::flat_hash_set<K, Rest...>>;

}  // namespace ankerl::unordered_dense
