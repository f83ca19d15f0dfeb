#pragma once

// What is not a time a pair: how soon an arena is up and what it costs then, what a refused request
// costs, and whether memory that is nearly full still serves.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "lib/os.h"
#include "lib/prng.h"
#include "mm/pages/pages.h"

namespace ring3::bench {

using Pages = std::unique_ptr<mm::PageAllocator>;
inline constexpr mm::Gfp kAnyZone = mm::kGfpHighuserMovable | mm::kGfpFlagNowarn;

inline Pages make_pages(const mm::PagePolicy& policy, uint64_t gib) {
  return std::move(
      mm::PageAllocator::create({.size_bytes = size_t{gib} << 30, .policy = &policy}).value());
}

// The nanoseconds of one of `count` calls, the least of 20 rounds.
template <class Operation>
double least_ns(uint64_t count, Operation operation) {
  double least = 1e18;
  for (int round = 0; round < 20; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < count; ++i) operation(i);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    least = std::min(least, took.count() / static_cast<double>(count));
  }
  return least;
}

struct StartFigures {
  double ms;        // until an arena of that size can be used
  double kib;       // resident then
  double burst_ns;  // a pair, 256 at a time, order 0
};
inline StartFigures start_figures(const mm::PagePolicy& policy, uint64_t gib) {
  const size_t before = os::resident_bytes();
  const auto start = std::chrono::steady_clock::now();
  const Pages pages = make_pages(policy, gib);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  const auto grown = static_cast<double>(os::resident_bytes() - before);
  std::vector<mm::Page*> held(256);
  const double ns = least_ns(512, [&](uint64_t i) {
    mm::Page*& page = held[i % 256];
    if (i < 256) {
      page = pages->alloc_pages(kAnyZone, mm::Order(0));
    } else {
      pages->free_pages(page, mm::Order(0));
    }
  });
  return {took.count(), grown / 1024, 2 * ns};
}

struct RefusalFigures {
  double refused_ns;   // a request of order 4 when every other page is in use
  double compound_ns;  // a pair of order 10 with __GFP_COMP, when all is free
  double plain_ns;     // and without
};
inline RefusalFigures refusal_figures(const mm::PagePolicy& policy) {
  const Pages pages = make_pages(policy, 1);
  const auto pair_ns = [&](mm::Gfp gfp) {
    return least_ns(10'000, [&](uint64_t) {
      pages->free_pages(pages->alloc_pages(gfp, mm::Order(10)), mm::Order(10));
    });
  };
  RefusalFigures figures{.refused_ns = 0,
                         .compound_ns = pair_ns(kAnyZone | mm::kGfpFlagComp),
                         .plain_ns = pair_ns(kAnyZone)};
  std::vector<mm::Page*> held;
  while (mm::Page* page = pages->alloc_pages(kAnyZone, mm::Order(0))) held.push_back(page);
  for (mm::Page* page : held) {
    if (pages->pfn_of(page).value() % 2 == 0) pages->free_pages(page, mm::Order(0));
  }
  figures.refused_ns =
      least_ns(10'000, [&](uint64_t) { pages->alloc_pages(kAnyZone, mm::Order(4)); });
  return figures;
}

// How many requests are refused of two threads that keep 95 % of 4 GiB in use with blocks of all
// orders: half a million operations each.
inline double refused_of_tight_load(const mm::PagePolicy& policy) {
  const Pages pages = make_pages(policy, 4);
  const uint64_t share = (uint64_t{4} << 30) / mm::kPageSize * 95 / 100 / 2;
  std::atomic<uint64_t> refused{0};
  const auto work = [&](uint64_t seed) {
    Prng prng(seed);
    std::vector<std::pair<mm::Page*, mm::Order>> held;
    uint64_t mine = 0;
    for (int i = 0; i < 500'000; ++i) {
      const mm::Order order(static_cast<unsigned>(prng.below(mm::kOrders)));
      if (mine + order.pages().value() <= share) {
        mm::Page* page = pages->alloc_pages(kAnyZone, order);
        refused += page == nullptr;
        if (page != nullptr) {
          held.emplace_back(page, order);
          mine += order.pages().value();
          continue;
        }
      }
      if (held.empty()) continue;
      std::swap(held[prng.below(held.size())], held.back());
      pages->free_pages(held.back().first, held.back().second);
      mine -= held.back().second.pages().value();
      held.pop_back();
    }
    for (const auto& [page, order] : held) pages->free_pages(page, order);
  };
  std::thread other(work, 1);
  work(2);
  other.join();
  return static_cast<double>(refused);
}

}  // namespace ring3::bench
