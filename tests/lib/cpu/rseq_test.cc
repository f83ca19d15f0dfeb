#include "lib/cpu/rseq.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <thread>

#include "lib/cpu/percpu_counters.h"
#include "lib/cpu/percpu_stack.h"
#include "tests/lib/cpu/pinned.h"
#include "tests/without_rseq.h"

namespace ring3 {
namespace {

constexpr size_t kHostPage = 4096;

// This CPU's cell, on a page of its own that can be made unwritable, so that the commit of a
// sequence faults. The thread stays on the CPU. The handler makes the change that another thread
// would have made at that moment, and the kernel restarts the sequence, as it does after any
// signal.
class InterruptedCell {
 public:
  explicit InterruptedCell(rseq::StackCell before, rseq::StackCell on_fault) {
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

  rseq::Cells cells() const {
    return {.base = memory_ - cpu_ * kHostPage, .shift = 12, .cpus = cpu_ + 1};
  }
  rseq::StackCell& header() const { return *reinterpret_cast<rseq::StackCell*>(memory_); }
  void*& slot(size_t i) const {
    return reinterpret_cast<void**>(memory_ + sizeof(rseq::StackCell))[i];
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
  const unsigned cpu_ = Task::current().cpu();
  const test::Pinned pinned_{cpu_};
  std::byte* memory_;
  rseq::StackCell on_fault_;
  struct sigaction previous_ {};
  std::atomic<int> faults_{0};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lib_cpu_rseq)

constexpr uint64_t header_of(uint64_t pops, uint64_t depth) {
  return pops << rseq::kPopsShift | depth;
}
constexpr rseq::StackCell open_cell(uint64_t pops, uint64_t depth, uint32_t limit) {
  return {.header = header_of(pops, depth), .gate = rseq::open_gate(limit), .removed = 0};
}
constexpr rseq::StackCell closed_cell(uint64_t pops, uint64_t depth) {
  return {.header = header_of(pops, depth), .gate = rseq::kClosedGate, .removed = 0};
}

struct Interruption {
  rseq::StackCell before;
  rseq::StackCell then;
};

BOOST_AUTO_TEST_CASE(a_restarted_pop_forgets_its_first_attempt) {
  if (!rseq::registered()) return;
  int object = 0;
  // Emptied by another thread of this CPU; closed for a drain, which hands the pointer on.
  for (const Interruption& i : {Interruption{open_cell(5, 1, 4), open_cell(6, 0, 4)},
                                Interruption{open_cell(5, 1, 4), closed_cell(5, 1)}}) {
    InterruptedCell cell(i.before, i.then);
    cell.set_slot(0, &object);
    void* popped;
    BOOST_TEST(!rseq::stack_pop(cell.cells(), popped));
    BOOST_TEST(cell.faults() == 1);
    BOOST_TEST(cell.header().header == i.then.header);
  }
}

BOOST_AUTO_TEST_CASE(a_restarted_push_forgets_its_first_attempt) {
  if (!rseq::registered()) return;
  int object = 0;
  // The slot is on another page than the header: only the commit faults.
  constexpr uint32_t kFar = 1000;
  for (const Interruption& i :
       {Interruption{open_cell(0, kFar, kFar + 1), open_cell(0, kFar + 1, kFar + 1)},
        Interruption{open_cell(0, kFar, kFar + 1), closed_cell(0, kFar)}}) {
    InterruptedCell cell(i.before, i.then);
    BOOST_TEST(!rseq::stack_push(cell.cells(), &object));
    BOOST_TEST(cell.faults() == 1);
    BOOST_TEST(cell.header().header == i.then.header);
  }
}

BOOST_AUTO_TEST_CASE(a_restarted_close_forgets_its_first_attempt) {
  if (!rseq::registered()) return;
  InterruptedCell cell(open_cell(0, 1, 4), closed_cell(0, 1));
  BOOST_TEST(rseq::stack_close_own(cell.cells(), rseq::open_gate(4)) == nullptr);
  BOOST_TEST(cell.faults() == 1);
}

BOOST_AUTO_TEST_CASE(a_restarted_sequence_that_finds_the_same_is_done_once) {
  if (!rseq::registered()) return;
  int object = 0;
  {
    InterruptedCell cell(open_cell(7, 1, 4), open_cell(7, 1, 4));
    cell.set_slot(0, &object);
    void* popped = nullptr;
    BOOST_TEST(rseq::stack_pop(cell.cells(), popped));
    BOOST_TEST(popped == &object);
    BOOST_TEST(cell.header().header == header_of(8, 0));
  }
  {
    InterruptedCell cell(open_cell(7, 1, 4), open_cell(7, 1, 4));
    BOOST_TEST(rseq::stack_close_own(cell.cells(), rseq::open_gate(4)) == &cell.header());
    BOOST_TEST(cell.faults() == 1);
    BOOST_TEST(cell.header().gate == rseq::kClosedGate);
  }
  InterruptedCell counter({.header = 7, .gate = 0, .removed = 0},
                          {.header = 7, .gate = 0, .removed = 0});
  BOOST_TEST(rseq::counter_add(counter.cells(), 0, 2));
  BOOST_TEST(counter.faults() == 1);
  BOOST_TEST(counter.header().header == 9u);
}

BOOST_AUTO_TEST_CASE(a_cpu_number_without_a_cell_is_refused) {
  if (!rseq::registered()) return;
  int memory = 0;
  for (const uint32_t cpus : {0u, Task::current().cpu()}) {
    InterruptedCell here(open_cell(0, 1, 4), open_cell(0, 1, 4));
    const rseq::Cells cells{.base = here.cells().base, .shift = 12, .cpus = cpus};
    void* popped;
    BOOST_TEST(!rseq::stack_push(cells, &memory));
    BOOST_TEST(!rseq::stack_push(cells, uint32_t{1}));
    BOOST_TEST(!rseq::stack_pop(cells, popped));
    BOOST_TEST(rseq::stack_close_own(cells, rseq::open_gate(4)) == nullptr);
    BOOST_TEST(!rseq::counter_add(cells, 0, 1));
    BOOST_TEST(here.faults() == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_thread_without_an_area_takes_the_shared_path) {
  if (percpu_mode() != PerCpuMode::kRseq) return;
  auto stack = std::move(PerCpuStack<int*>::create(4).value());
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
    int* popped;
    BOOST_TEST(!stack.pop(popped));
    BOOST_TEST(!stack.evict(1, [](std::span<int*>) {}));
    counters.add(1, 2);
  }).join();
  BOOST_TEST(counters.sum(1) == 7u);
  BOOST_TEST(counters.sum(0) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
