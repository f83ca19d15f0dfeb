#pragma once

// Every text the page allocator writes about a caller's mistake, in the shape of the kernel's
// "Bad page state".

#include <cstdint>
#include <string>

#include "mm/pages/page_check.h"
#include "mm/pages/page_owner.h"

namespace ring3::mm {

// The report for `misuse` of `page`, called from `caller` (a return address). `owners` is null
// where nobody recorded any.
std::string bad_page_report(PageMisuse misuse, const Memmap& memmap, const PageOwners* owners,
                            const Page& page, Order order, uintptr_t caller);
// What is known of the page that `address` lies in; empty outside of the arena.
std::string page_description(const Memmap& memmap, const PageOwners* owners, const void* address);
// The report for an address (or descriptor) that belongs to no page.
std::string bad_address_report(const Memmap& memmap, const void* address, Order order,
                               uintptr_t caller);
// The report for a request that cannot be served whatever the state of memory.
std::string bad_request_report(PageMisuse misuse, Gfp gfp, Order order, uintptr_t caller);
// The same for one that names a node of which there are only `nodes`.
std::string bad_node_report(unsigned node, unsigned nodes, Gfp gfp, Order order, uintptr_t caller);

}  // namespace ring3::mm
