#pragma once

// Clang's thread-safety attributes (clang.llvm.org/docs/ThreadSafetyAnalysis.html); nothing under
// other compilers. `make analyze` turns a violation into an error.

#if defined(__clang__)
#define RING3_TSA(attribute) __attribute__((attribute))
#else
#define RING3_TSA(attribute)
#endif

#define CAPABILITY(name) RING3_TSA(capability(name))
#define SCOPED_CAPABILITY RING3_TSA(scoped_lockable)
#define GUARDED_BY(lock) RING3_TSA(guarded_by(lock))
#define PT_GUARDED_BY(lock) RING3_TSA(pt_guarded_by(lock))
#define REQUIRES(...) RING3_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) RING3_TSA(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) RING3_TSA(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) RING3_TSA(acquire_shared_capability(__VA_ARGS__))
#define RELEASE(...) RING3_TSA(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) RING3_TSA(release_shared_capability(__VA_ARGS__))
#define RELEASE_GENERIC(...) RING3_TSA(release_generic_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) RING3_TSA(try_acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE_SHARED(...) RING3_TSA(try_acquire_shared_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS RING3_TSA(no_thread_safety_analysis)
