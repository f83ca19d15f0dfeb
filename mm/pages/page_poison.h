#pragma once

// A pattern in free pages, so that who writes into one is seen when it is next handed out: the
// kernel's page_poison (mm/page_poison.c).

#include <cstddef>
#include <string>

#include "mm/pages/page_units.h"

namespace ring3::mm {

inline constexpr unsigned char kPagePoison = 0xaa;  // PAGE_POISON

// True when each of the bytes is kPagePoison.
bool is_poisoned(const void* start, size_t size_bytes);

// What is said of a page that is not: "pagealloc: single bit error" or "memory corruption", and the
// bytes from the first wrong one to the last.
std::string page_poison_report(const void* start, size_t size_bytes);

}  // namespace ring3::mm
