// SPDX-License-Identifier: Apache-2.0
#include "media_loop/counting_malloc.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define JB_SANITIZER_HEAP
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JB_SANITIZER_HEAP
#endif

namespace {

// Both are touched by malloc: no constructors, and nothing that would allocate.
thread_local std::atomic<std::uint64_t> allocations{0};
void Count() { allocations.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

namespace jb {
const std::atomic<std::uint64_t>& AllocationsOfThisThread() { return allocations; }
}  // namespace jb

#ifdef JB_SANITIZER_HEAP

// A sanitizer's heap takes hooks and cannot be replaced.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                              void (*on_free)(const volatile void*));
std::size_t __sanitizer_get_current_allocated_bytes();
}

namespace {
const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, std::size_t) { Count(); }, [](const volatile void*) {});
}  // namespace

namespace jb {
std::size_t AllocatedBytes() { return installed != 0 ? __sanitizer_get_current_allocated_bytes() : 0; }
}  // namespace jb

#else

#include <malloc.h>

#include <cerrno>

// glibc's own, by the names that it keeps for this; free() stays what it is.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  Count();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  Count();
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  Count();
  return __libc_realloc(old, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  Count();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  *out = memalign(alignment, size);
  return *out ? 0 : ENOMEM;
}
}

namespace jb {
std::size_t AllocatedBytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}
}  // namespace jb

#endif
