#include "mm/pages/page_report.h"

#include <fmt/format.h>

#include "lib/cpu/task.h"
#include "lib/stack_trace.h"

namespace ring3::mm {
namespace {

const char* reason(PageMisuse misuse) {
  switch (misuse) {
    case PageMisuse::kOrderTooLarge:
      return "order is above the highest, 10";
    case PageMisuse::kConflictingZones:
      return "gfp flags name more than one zone";
    case PageMisuse::kConflictingTypes:
      return "gfp flags are both movable and reclaimable";
    case PageMisuse::kReserved:
      return "page is reserved";
    case PageMisuse::kOutsideArena:
      return "address is not in the arena";
    case PageMisuse::kNotAligned:
      return "address is not aligned to a page";
    case PageMisuse::kNotHead:
      return "page is not the head of a block";
    case PageMisuse::kDoubleFree:
      return "page is free already";
    case PageMisuse::kFreedTwiceAtOnce:
      return "page was freed twice at once";
    case PageMisuse::kWrongOrder:
      return "block was allocated with another order";
    case PageMisuse::kStillOwned:
      return "page is still in use by its owner";
    case PageMisuse::kNoReference:
      return "page has no reference that could be put";
    case PageMisuse::kLeaked:
      return "page is still allocated";
  }
  return "?";
}

const char* state_name(PageState state) {
  switch (state) {
    case PageState::kInside:
      break;
    case PageState::kBuddy:
      return "buddy";
    case PageState::kPcp:
      return "pcp";
    case PageState::kAllocated:
      return "allocated";
  }
  return "?";
}

const char* owner_name(PageOwner owner) {
  switch (owner) {
    case PageOwner::kNobody:
      return "none";
    case PageOwner::kSlab:
      return "slab";
    case PageOwner::kLargeKmalloc:
      return "large-kmalloc";
    case PageOwner::kShared:
      return "shared";
  }
  return "?";
}

std::string owner_text(const PageOwners* owners, const Memmap& memmap, Pfn pfn) {
  return owners == nullptr ? "page_owner is disabled\n" : page_owner_report(*owners, memmap, pfn);
}

std::string state_text(FrameState state, const char* name_inside) {
  return fmt::format("state:{} order:{} owner:{}",
                     state.kind() == PageState::kInside ? name_inside : state_name(state.kind()),
                     state.order().value(), owner_name(state.owner()));
}

std::string refused_because(std::string_view why, Gfp gfp, Order order, uintptr_t caller) {
  return fmt::format(
      "WARNING: bad page request in process {}: order:{}, mode:{:#x}({})\n"
      "request refused because: {}\n"
      "Call site: {}\n",
      Task::current().label(), order.value(), gfp.bits(), to_string(gfp), why,
      describe_address(caller));
}

}  // namespace

std::string page_description(const Memmap& memmap, const PageOwners* owners, const void* address) {
  const Page* page = memmap.page_of(address);
  if (page == nullptr) return {};
  const Pfn pfn = memmap.pfn_of(*page);
  const Pfn head = memmap.head_of(pfn);
  const FrameState state = memmap.state(head);
  const auto offset = static_cast<const std::byte*>(address) -
                      static_cast<const std::byte*>(memmap.address_of(memmap.page(head)));
  return fmt::format("{} is {} bytes into block pfn:{:05x} {}\n{}", address, offset, head.value(),
                     state_text(state, "free"), owner_text(owners, memmap, pfn));
}

std::string bad_page_report(PageMisuse misuse, const Memmap& memmap, const PageOwners* owners,
                            const Page& page, Order order, uintptr_t caller) {
  // A page inside a block is what the block is: free if it has merged into a free one.
  const Pfn pfn = memmap.pfn_of(page);
  const Pfn head = memmap.head_of(pfn);
  std::string within;
  if (head != pfn) {
    within = fmt::format("page lies in block pfn:{:05x} {}\n", head.value(),
                         state_text(memmap.state(head), "free"));
  }
  return fmt::format(
      "BUG: Bad page state in process {}  pfn:{:05x}\n"
      "page:{} {}\n"
      "{}"
      "page dumped because: {} (asked with order {})\n"
      "{}"
      "Call site: {}\n",
      Task::current().label(), pfn.value(), fmt::ptr(&page),
      state_text(memmap.state(pfn), head == pfn ? "free" : "inside"), within, reason(misuse),
      order.value(), owner_text(owners, memmap, pfn), describe_address(caller));
}

std::string bad_address_report(const Memmap& memmap, const void* address, Order order,
                               uintptr_t caller) {
  const auto* start = static_cast<const std::byte*>(memmap.address_of(memmap.page(Pfn(0))));
  return fmt::format(
      "BUG: Bad page state in process {}  pfn:none\n"
      "page dumped because: {} (asked with order {}): {} lies outside [{}, {})\n"
      "Call site: {}\n",
      Task::current().label(), reason(PageMisuse::kOutsideArena), order.value(), address,
      fmt::ptr(start), fmt::ptr(start + memmap.size_bytes()), describe_address(caller));
}

std::string bad_request_report(PageMisuse misuse, Gfp gfp, Order order, uintptr_t caller) {
  return refused_because(reason(misuse), gfp, order, caller);
}

std::string bad_node_report(unsigned node, unsigned nodes, Gfp gfp, Order order, uintptr_t caller) {
  const auto why = fmt::format("there is no node {}; use 0 to {}", node, nodes - 1);
  return refused_because(why, gfp, order, caller);
}

}  // namespace ring3::mm
