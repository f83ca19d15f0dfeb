#pragma once

// Free blocks in the kernel's order: a list of each order through the descriptors, from whose head
// blocks are taken, and to whose head they come.

#include <array>

#include "lib/list.h"
#include "mm/pages/page.h"
#include "mm/pages/page_units.h"

namespace ring3::mm {

class FreeLists {
 public:
  void insert(Page& page, Order order) { lists_[order.value()].push_front(page); }
  void remove(Page& page, Order order) { lists_[order.value()].remove(page); }

  // The block to take for a request of `wanted`, and its order: the first of the smallest order
  // that has one. Null when none has.
  Page* choose(Order wanted, Order& found) {
    for (found = wanted; found.valid(); found = found.higher()) {
      if (Page* page = lists_[found.value()].front()) return page;
    }
    return nullptr;
  }

  template <class Visit>
  void for_each(Order order, Visit visit) const {
    for (const Page& page : lists_[order.value()]) visit(page);
  }

 private:
  std::array<List<Page, &Page::list>, kOrders> lists_;
};

}  // namespace ring3::mm
