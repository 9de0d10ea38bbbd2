// SPDX-License-Identifier: Apache-2.0
// How many descriptors this process may have open: RLIMIT_NOFILE. Every connection takes one. Any thread.
#pragma once

#include <cstdint>

namespace jb::io {

// What holds now.
std::uint64_t FileLimit();
// Raises it as far as this process may, at most to a million, and answers what holds then. Shells and service
// managers start programs with 1024, which programs that use select() need and a server does not.
std::uint64_t RaiseFileLimit();
// What held before RaiseFileLimit(): what other programs that this one starts are given.
std::uint64_t InheritedFileLimit();

}  // namespace jb::io
