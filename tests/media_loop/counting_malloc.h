// SPDX-License-Identifier: Apache-2.0
// Counts what goes to the heap, by whatever way: operator new, malloc, C libraries. Whoever links
// counting_malloc.cc has its malloc replaced, so these are programs of their own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace jb {

// By this thread, since it began. Lives as long as the thread, and any thread may read it.
const std::atomic<std::uint64_t>& AllocationsOfThisThread();
// What the whole process holds, as asked for by it.
std::size_t AllocatedBytes();

}  // namespace jb
