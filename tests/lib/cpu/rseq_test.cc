#include "lib/cpu/rseq.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <thread>

#include "lib/cpu/percpu.h"
#include "tests/without_rseq.h"

namespace ring3 {
namespace {

constexpr size_t kHostPage = 4096;

// One cell on a page of its own that can be made unwritable, so that the commit of a sequence
// faults. The handler makes the change that another thread would have made at that moment, and the
// kernel restarts the sequence, as it does after any signal.
class InterruptedCell {
 public:
  explicit InterruptedCell(rseq::StackHeader before, rseq::StackHeader on_fault) {
    memory_ = static_cast<std::byte*>(
        mmap(nullptr, 3 * kHostPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    BOOST_REQUIRE(memory_ != MAP_FAILED);
    current_ = this;
    on_fault_ = on_fault;
    header() = before;
    struct sigaction action {};
    action.sa_handler = [](int) { current_->change(); };
    sigaction(SIGSEGV, &action, &previous_);
    mprotect(memory_, kHostPage, PROT_READ);
  }
  ~InterruptedCell() {
    sigaction(SIGSEGV, &previous_, nullptr);
    munmap(memory_, 3 * kHostPage);
  }

  void* base() const { return memory_; }
  rseq::StackHeader& header() const { return *reinterpret_cast<rseq::StackHeader*>(memory_); }
  void*& slot(size_t i) const {
    return reinterpret_cast<void**>(memory_ + sizeof(rseq::StackHeader))[i];
  }
  int faults() const { return faults_; }
  // Stores into the cell although it cannot be written.
  void set_slot(size_t i, void* pointer) {
    mprotect(memory_, kHostPage, PROT_READ | PROT_WRITE);
    slot(i) = pointer;
    mprotect(memory_, kHostPage, PROT_READ);
  }

 private:
  void change() {
    if (++faults_ > 1) _exit(99);
    mprotect(memory_, kHostPage, PROT_READ | PROT_WRITE);
    header() = on_fault_;
  }

  static inline InterruptedCell* current_;
  std::byte* memory_;
  rseq::StackHeader on_fault_;
  struct sigaction previous_ {};
  std::atomic<int> faults_{0};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lib_cpu_rseq)

struct Interruption {
  rseq::StackHeader before;
  rseq::StackHeader then;
};

BOOST_AUTO_TEST_CASE(a_restarted_pop_forgets_its_first_attempt) {
  if (!rseq::registered()) return;
  int object = 0;
  // Emptied by another thread of this CPU; stopped for a drain, which hands the pointer on.
  for (const Interruption& i : {Interruption{{1, 0}, {0, 0}}, Interruption{{1, 0}, {1, 1}}}) {
    InterruptedCell cell(i.before, i.then);
    cell.set_slot(0, &object);
    void* popped = &object;
    BOOST_CHECK(rseq::stack_pop(cell.base(), 0, popped) == rseq::Outcome::kRefused);
    BOOST_TEST(popped == nullptr);
    BOOST_TEST(cell.faults() == 1);
    BOOST_TEST(cell.header().count == i.then.count);
  }
}

BOOST_AUTO_TEST_CASE(a_restarted_push_forgets_its_first_attempt) {
  if (!rseq::registered()) return;
  int object = 0;
  // The slot is on another page than the header: only the commit faults.
  constexpr uint32_t kFar = 1000;
  for (const Interruption& i :
       {Interruption{{kFar, 0}, {kFar + 1, 0}}, Interruption{{kFar, 0}, {kFar, 1}}}) {
    InterruptedCell cell(i.before, i.then);
    BOOST_CHECK(rseq::stack_push(cell.base(), 0, kFar + 1, &object) == rseq::Outcome::kRefused);
    BOOST_TEST(cell.faults() == 1);
    BOOST_TEST(cell.header().count == i.then.count);
  }
}

BOOST_AUTO_TEST_CASE(a_restarted_sequence_that_finds_the_same_is_done_once) {
  if (!rseq::registered()) return;
  int object = 0;
  {
    InterruptedCell cell({1, 0}, {1, 0});
    cell.set_slot(0, &object);
    void* popped = nullptr;
    BOOST_CHECK(rseq::stack_pop(cell.base(), 0, popped) == rseq::Outcome::kDone);
    BOOST_TEST(popped == &object);
    BOOST_TEST(cell.header().count == 0u);
  }
  InterruptedCell counter({7, 0}, {7, 0});
  BOOST_CHECK(rseq::counter_add(counter.base(), 0, 0, 2) == rseq::Outcome::kDone);
  BOOST_TEST(counter.faults() == 1);
  BOOST_TEST(counter.header().count == 9u);
}

BOOST_AUTO_TEST_CASE(a_cpu_number_without_a_cell_is_refused) {
  if (!rseq::registered()) return;
  std::array<uint64_t, 8> cell{};
  constexpr uint32_t kNoCells = 0;
  void* popped = &cell;
  BOOST_CHECK(rseq::stack_push(cell.data(), 0, 4, &cell, kNoCells) == rseq::Outcome::kRefused);
  BOOST_CHECK(rseq::stack_pop(cell.data(), 0, popped, kNoCells) == rseq::Outcome::kRefused);
  BOOST_CHECK(rseq::counter_add(cell.data(), 0, 0, 1, kNoCells) == rseq::Outcome::kRefused);
  BOOST_CHECK((cell == std::array<uint64_t, 8>{}));
}

BOOST_AUTO_TEST_CASE(a_thread_without_an_area_takes_the_shared_path) {
  if (percpu_mode() != PerCpuMode::kRseq) return;
  PerCpuStack stack = std::move(PerCpuStack::create(4).value());
  PerCpuCounters counters = std::move(PerCpuCounters::create(2).value());
  counters.add(1, 5);
  std::thread([&] {
    const test::WithoutRseq thread;
    if (!thread.done()) {
      BOOST_TEST_MESSAGE("this kernel or C library lets no thread go without rseq");
      return;
    }
    BOOST_TEST(!rseq::registered());
    int object = 0;
    BOOST_TEST(!stack.push(&object));
    BOOST_TEST(stack.pop() == nullptr);
    counters.add(1, 2);
  }).join();
  BOOST_TEST(counters.sum(1) == 7u);
  BOOST_TEST(counters.sum(0) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
