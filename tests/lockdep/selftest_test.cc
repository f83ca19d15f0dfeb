#include <array>
#include <boost/test/unit_test.hpp>
#include <map>
#include <sstream>

#include "tests/lockdep/lockdep_fixture.h"

// Those of the kernel's own lock-checker tests that need neither interrupts nor wait contexts, as
// data: what one task does, and what the Linux 6.1 checker says to it.
//
//   S spinlock · M mutex · RT rt_mutex · W/R write or recursive read of an rwlock · WS/RS the same
//   of an rwsem, whose readers queue · + takes, - lets go · (A) a lock with a class of its own,
//   (X1) (X2) two locks of one class

namespace ring3::lockdep {
namespace {

struct Case {
  int id;  // the test's number in the kernel's list
  const char* sequence;
  std::string_view verdict;  // the title of the report, "" for none
};

constexpr Case kCases[] = {
    {2, "W+(X1) W+(X2)", kRecursive},
    {5, "WS+(X1) WS+(X2)", kRecursive},
    {6, "RS+(X1) RS+(X2)", kRecursive},
    {7, "RT+(X1) RT+(X2)", kRecursive},
    {8, "S+(A) S+(B) S-(B) S-(A) S+(B) S+(A) S-(A) S-(B)", kCircular},
    {10, "R+(A) R+(B) R-(B) R-(A) R+(B) R+(A) R-(A) R-(B)", ""},
    {11, "M+(A) M+(B) M-(B) M-(A) M+(B) M+(A) M-(A) M-(B)", kCircular},
    {12, "WS+(A) WS+(B) WS-(B) WS-(A) WS+(B) WS+(A) WS-(A) WS-(B)", kCircular},
    {15, "S+(A) S+(B) S-(B) S-(A) S+(B) S+(C) S-(C) S-(B) S+(C) S+(A) S-(A) S-(C)", kCircular},
    {18, "M+(A) M+(B) M-(B) M-(A) M+(B) M+(C) M-(C) M-(B) M+(C) M+(A) M-(A) M-(C)", kCircular},
    {22, "S+(A) S+(B) S-(B) S-(A) S+(C) S+(A) S-(A) S-(C) S+(B) S+(C) S-(C) S-(B)", kCircular},
    {25, "M+(A) M+(B) M-(B) M-(A) M+(C) M+(A) M-(A) M-(C) M+(B) M+(C) M-(C) M-(B)", kCircular},
    {26, "WS+(A) WS+(B) WS-(B) WS-(A) WS+(C) WS+(A) WS-(A) WS-(C) WS+(B) WS+(C) WS-(C) WS-(B)",
     kCircular},
    {27, "RS+(A) RS+(B) RS-(B) RS-(A) RS+(C) RS+(A) RS-(A) RS-(C) RS+(B) RS+(C) RS-(C) RS-(B)",
     kCircular},
    {28, "RT+(A) RT+(B) RT-(B) RT-(A) RT+(C) RT+(A) RT-(A) RT-(C) RT+(B) RT+(C) RT-(C) RT-(B)",
     kCircular},
    {29,
     "S+(A) S+(B) S-(B) S-(A) S+(B) S+(C) S-(C) S-(B) S+(C) S+(D) S-(D) S-(C) S+(D) S+(A) S-(A) "
     "S-(D)",
     kCircular},
    {31,
     "R+(A) R+(B) R-(B) R-(A) R+(B) R+(C) R-(C) R-(B) R+(C) R+(D) R-(D) R-(C) R+(D) R+(A) R-(A) "
     "R-(D)",
     ""},
    {32,
     "M+(A) M+(B) M-(B) M-(A) M+(B) M+(C) M-(C) M-(B) M+(C) M+(D) M-(D) M-(C) M+(D) M+(A) M-(A) "
     "M-(D)",
     kCircular},
    {35,
     "RT+(A) RT+(B) RT-(B) RT-(A) RT+(B) RT+(C) RT-(C) RT-(B) RT+(C) RT+(D) RT-(D) RT-(C) RT+(D) "
     "RT+(A) RT-(A) RT-(D)",
     kCircular},
    {36,
     "S+(A) S+(B) S-(B) S-(A) S+(C) S+(D) S-(D) S-(C) S+(B) S+(D) S-(D) S-(B) S+(D) S+(A) S-(A) "
     "S-(D)",
     kCircular},
    {37,
     "W+(A) W+(B) W-(B) W-(A) W+(C) W+(D) W-(D) W-(C) W+(B) W+(D) W-(D) W-(B) W+(D) W+(A) W-(A) "
     "W-(D)",
     kCircular},
    {40,
     "WS+(A) WS+(B) WS-(B) WS-(A) WS+(C) WS+(D) WS-(D) WS-(C) WS+(B) WS+(D) WS-(D) WS-(B) WS+(D) "
     "WS+(A) WS-(A) WS-(D)",
     kCircular},
    {42,
     "RT+(A) RT+(B) RT-(B) RT-(A) RT+(C) RT+(D) RT-(D) RT-(C) RT+(B) RT+(D) RT-(D) RT-(B) RT+(D) "
     "RT+(A) RT-(A) RT-(D)",
     kCircular},
    {44,
     "W+(A) W+(B) W-(B) W-(A) W+(C) W+(D) W-(D) W-(C) W+(B) W+(C) W-(C) W-(B) W+(D) W+(A) W-(A) "
     "W-(D)",
     kCircular},
    {45,
     "R+(A) R+(B) R-(B) R-(A) R+(C) R+(D) R-(D) R-(C) R+(B) R+(C) R-(C) R-(B) R+(D) R+(A) R-(A) "
     "R-(D)",
     ""},
    {48,
     "RS+(A) RS+(B) RS-(B) RS-(A) RS+(C) RS+(D) RS-(D) RS-(C) RS+(B) RS+(C) RS-(C) RS-(B) RS+(D) "
     "RS+(A) RS-(A) RS-(D)",
     kCircular},
    {49,
     "RT+(A) RT+(B) RT-(B) RT-(A) RT+(C) RT+(D) RT-(D) RT-(C) RT+(B) RT+(C) RT-(C) RT-(B) RT+(D) "
     "RT+(A) RT-(A) RT-(D)",
     kCircular},
    {50, "S+(A) S-(A) S-(A)", kBalance},
    {53, "M+(A) M-(A) M-(A)", kBalance},
    {54, "WS+(A) WS-(A) WS-(A)", kBalance},
    {56, "RT+(A) RT-(A) RT-(A)", kBalance},
    {65, "RS+(X1) RS+(X1)", kRecursive},
    {69, "RS+(X1) WS+(X2)", kRecursive},
    {70, "W+(X1) R+(X2)", kRecursive},
    {71, "WS+(X1) RS+(X2)", kRecursive},
    {72, "R+(X1) S+(Y1) S-(Y1) R-(X1) S+(Y1) W+(X1) W-(X1) S-(Y1)", kCircular},
    {73, "RS+(X1) M+(Y1) M-(Y1) RS-(X1) M+(Y1) WS+(X1) WS-(X1) M-(Y1)", kCircular},
    {75, "RS+(X1) M+(Y1) M-(Y1) RS-(X1) M+(Y1) RS+(X1) RS-(X1) M-(Y1)", kCircular},
    {78, "R+(X1) S+(Y1) S-(Y1) R-(X1) S+(Y1) R+(X1) R-(X1) S-(Y1) S+(Y1) W+(X1) W-(X1) S-(Y1)",
     kCircular},
    {79, "W+(X1) R+(Y1) R-(Y1) W-(X1) W+(Y1) R+(Z1) R-(Z1) W-(Y1) W+(Z1) R+(X1) R-(X1) W-(Z1)",
     kCircular},
    {80, "W+(X1) R+(Y1) R-(Y1) W-(X1) W+(Z1) R+(X1) R-(X1) W-(Z1) W+(Y1) R+(Z1) R-(Z1) W-(Y1)",
     kCircular},
    {81, "W+(Y1) R+(Z1) R-(Z1) W-(Y1) W+(X1) R+(Y1) R-(Y1) W-(X1) W+(Z1) R+(X1) R-(X1) W-(Z1)",
     kCircular},
    {83, "W+(Z1) R+(X1) R-(X1) W-(Z1) W+(X1) R+(Y1) R-(Y1) W-(X1) W+(Y1) R+(Z1) R-(Z1) W-(Y1)",
     kCircular},
    {87, "R+(Y1) R+(Z1) R-(Z1) R-(Y1) W+(X1) W+(Y1) W-(Y1) W-(X1) W+(Z1) R+(X1) R-(X1) W-(Z1)",
     kCircular},
    {90, "W+(Z1) R+(X1) R-(X1) W-(Z1) R+(Y1) R+(Z1) R-(Z1) R-(Y1) W+(X1) W+(Y1) W-(Y1) W-(X1)",
     kCircular},
    {91, "W+(X1) R+(Y1) R-(Y1) W-(X1) R+(Y1) R+(Z1) R-(Z1) R-(Y1) W+(Z1) W+(X1) W-(X1) W-(Z1)", ""},
    {92, "W+(X1) R+(Y1) R-(Y1) W-(X1) W+(Z1) W+(X1) W-(X1) W-(Z1) R+(Y1) R+(Z1) R-(Z1) R-(Y1)", ""},
    {93, "R+(Y1) R+(Z1) R-(Z1) R-(Y1) W+(X1) R+(Y1) R-(Y1) W-(X1) W+(Z1) W+(X1) W-(X1) W-(Z1)", ""},
    {95, "W+(Z1) W+(X1) W-(X1) W-(Z1) W+(X1) R+(Y1) R-(Y1) W-(X1) R+(Y1) R+(Z1) R-(Z1) R-(Y1)", ""},
    {97, "W+(X1) W+(Y1) W-(Y1) W-(X1) R+(Y1) R+(Z1) R-(Z1) R-(Y1) R+(Z1) W+(X1) W-(X1) R-(Z1)", ""},
    {99, "R+(Y1) R+(Z1) R-(Z1) R-(Y1) W+(X1) W+(Y1) W-(Y1) W-(X1) R+(Z1) W+(X1) W-(X1) R-(Z1)", ""},
    {102, "R+(Z1) W+(X1) W-(X1) R-(Z1) R+(Y1) R+(Z1) R-(Z1) R-(Y1) W+(X1) W+(Y1) W-(Y1) W-(X1)",
     ""},
    {384, "S+(A) RAW+(B) RAW-(B) S-(A)", ""},
    {388, "M+(A) RAW+(B) RAW-(B) M-(A)", ""},
    {390, "M+(A) M+(B) M-(B) M-(A)", ""},
};

// Plays one case on a fresh checker.
class Player : LockdepFixture {
 public:
  void play(const std::string& sequence) {
    std::istringstream steps(sequence);
    for (std::string step; steps >> step;) play_step(step);
  }
  std::string report() const { return only_report(); }

 private:
  // "WS+(X1)": what is done, whether it takes, and to which lock.
  void play_step(const std::string& step) {
    const size_t sign = step.find_first_of("+-");
    const std::string kind = step.substr(0, sign);
    LockMap& lock = lock_named(family(kind), step.substr(sign + 2, step.size() - sign - 3));
    if (step[sign] == '-') {
      task_.unlock(lock);
    } else if (kind == "R") {
      task_.read_lock(lock);
    } else if (kind == "RS") {
      task_.queued_read_lock(lock);
    } else {
      task_.lock(lock);
    }
  }

  // Reading and writing are done to the same lock.
  static std::string family(const std::string& kind) {
    if (kind == "R") return "W";
    if (kind == "RS") return "WS";
    return kind;
  }

  LockMap& lock_named(const std::string& family, const std::string& name) {
    const LockClassKey& key =
        keys_.try_emplace(family + name[0], LockClassKey{"case"}).first->second;
    return locks_.try_emplace(family + name, checker.get(), key, 0u, WaitType::kSpin).first->second;
  }

  std::map<std::string, LockClassKey> keys_;
  std::map<std::string, LockMap> locks_;
  LockingTask task_{*checker};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lockdep_selftest)

BOOST_AUTO_TEST_CASE(says_what_the_kernel_says) {
  for (const Case& c : kCases) {
    BOOST_TEST_CONTEXT("case " << c.id << ": " << c.sequence) {
      Player player;
      player.play(c.sequence);
      const std::string report = player.report();
      BOOST_TEST(report.empty() == c.verdict.empty(), report);
      BOOST_TEST(report.find(c.verdict) != std::string::npos, report);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
