#pragma once

// A checked memory for the slab tests, whose end proves that nothing leaked.

#include <boost/test/unit_test.hpp>

#include "mm/mm.h"
#include "tests/policy.h"
#include "tests/recording_sink.h"

namespace ring3::mm {

struct SlabFixture {
  SlabFixture()
      : lockdep(std::move(lockdep::Lockdep::create(sink).value())),
        memory(std::move(Memory::create({.size_bytes = size_t{64} << 20,
                                         .lockdep = lockdep.get(),
                                         .reports = &sink,
                                         .policy = &test::page_policy()})
                             .value())) {}
  ~SlabFixture() {
    BOOST_TEST(memory->count_faults() == 0u);
    BOOST_TEST(memory->close().none());
    BOOST_TEST(lockdep->reports() == 0u);
  }

  KmemCache& cache(const std::string& name, size_t size, void (*ctor)(void*) = nullptr) {
    return **memory->create_cache(
        {.name = name, .object_size = size, .align = 0, .how = CacheAlign::kNatural, .ctor = ctor});
  }
  std::vector<void*> alloc_many(KmemCache& cache, size_t count) {
    std::vector<void*> objects;
    for (size_t i = 0; i < count; ++i) objects.push_back(cache.alloc());
    return objects;
  }
  uint64_t pages_in_use() const {
    memory->pages().drain_all();
    return memory->pages().allocated_pages().value();
  }

  test::RecordingSink sink;
  std::unique_ptr<lockdep::Lockdep> lockdep;
  std::unique_ptr<Memory> memory;
};

}  // namespace ring3::mm
