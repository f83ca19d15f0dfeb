// The one main() of all tests: Boost.Test's.
#define BOOST_TEST_MODULE ring3
#include <boost/test/unit_test.hpp>
