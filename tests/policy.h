#pragma once

// The page policy that the tests of mm run under: the kernel's, or the one that RING3_TEST_POLICY
// names. `make check` runs them under each.

#include <cstdlib>

#include "mm/pages/pages.h"

namespace ring3::test {

inline const mm::PagePolicy& page_policy() {
  const char* name = std::getenv("RING3_TEST_POLICY");
  const mm::PagePolicy* named = name == nullptr ? nullptr : mm::page_policy_named(name);
  return named == nullptr ? mm::kKernelPolicy : *named;
}
// True for tests of what only that policy does.
inline bool is_policy(const mm::PagePolicy& policy) { return &page_policy() == &policy; }

}  // namespace ring3::test
