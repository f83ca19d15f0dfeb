#pragma once

// Tells AddressSanitizer which bytes of an arena may be touched, so that a use after free inside
// memory that ring3 manages is named as one. Nothing in other builds.

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define RING3_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RING3_ASAN 1
#endif
#endif

#ifdef RING3_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace ring3 {

#ifdef RING3_ASAN
inline constexpr bool kHaveAsan = true;
#else
inline constexpr bool kHaveAsan = false;
#endif

// Any access to [start, start + size_bytes) is from now on an error, to the granularity of 8.
inline void asan_poison([[maybe_unused]] const void* start, [[maybe_unused]] size_t size_bytes) {
#ifdef RING3_ASAN
  __asan_poison_memory_region(start, size_bytes);
#endif
}

inline void asan_unpoison([[maybe_unused]] const void* start, [[maybe_unused]] size_t size_bytes) {
#ifdef RING3_ASAN
  __asan_unpoison_memory_region(start, size_bytes);
#endif
}

// `call` is called when ASan has reported an error, before it ends the process.
inline void asan_at_death([[maybe_unused]] void (*call)()) {
#ifdef RING3_ASAN
  __asan_set_death_callback(call);
#endif
}

}  // namespace ring3
