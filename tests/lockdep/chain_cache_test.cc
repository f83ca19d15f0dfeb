#include "lockdep/chain_cache.h"

#include <boost/test/unit_test.hpp>

#include "lib/prng.h"

namespace ring3::lockdep {

BOOST_AUTO_TEST_SUITE(lockdep_chain_cache)

BOOST_AUTO_TEST_CASE(contains_what_was_inserted_and_nothing_else) {
  auto cache = ChainCache::create(1000);
  BOOST_REQUIRE(cache.ok());
  Prng keys(1);
  for (int i = 0; i < 1000; ++i) BOOST_REQUIRE(cache->insert(keys.next()));
  BOOST_TEST(cache->size() == 1000u);
  Prng again(1);
  for (int i = 0; i < 1000; ++i) BOOST_TEST(cache->contains(again.next()));
  for (int i = 0; i < 1000; ++i) BOOST_TEST(!cache->contains(again.next()));
}

BOOST_AUTO_TEST_CASE(keys_of_one_slot_live_side_by_side) {
  auto cache = ChainCache::create(16);
  BOOST_REQUIRE(cache.ok());
  for (uint64_t i = 1; i <= 8; ++i) BOOST_REQUIRE(cache->insert(i << 32));
  for (uint64_t i = 1; i <= 8; ++i) BOOST_TEST(cache->contains(i << 32));
  BOOST_TEST(!cache->contains(uint64_t{9} << 32));
}

BOOST_AUTO_TEST_CASE(key_zero_is_a_key) {
  auto cache = ChainCache::create(4);
  BOOST_REQUIRE(cache.ok());
  BOOST_TEST(!cache->contains(0));
  BOOST_TEST(cache->insert(0));
  BOOST_TEST(cache->contains(0));
  BOOST_TEST(cache->size() == 1u);
}

BOOST_AUTO_TEST_CASE(full_cache_refuses_new_keys_only) {
  auto cache = ChainCache::create(3);
  BOOST_REQUIRE(cache.ok());
  for (const uint64_t key : {10, 20, 30}) BOOST_REQUIRE(cache->insert(key));
  BOOST_TEST(!cache->insert(40));
  BOOST_TEST(!cache->contains(40));
  BOOST_TEST(cache->insert(20));
  BOOST_TEST(cache->size() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
