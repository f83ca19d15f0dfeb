#include "lib/cpu/task.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <thread>

#include "lib/cpu/fault.h"
#include "lib/cpu/topology.h"
#include "lib/os.h"

namespace ring3 {

BOOST_AUTO_TEST_SUITE(lib_cpu_task)

BOOST_AUTO_TEST_CASE(a_thread_is_a_task_of_its_own) {
  Task* first = &Task::current();
  BOOST_TEST(first == &Task::current());
  std::thread([first] {
    os::set_thread_name("worker");
    Task& task = Task::current();
    BOOST_TEST(&task != first);
    BOOST_TEST(task.id() == os::thread_id());
    BOOST_TEST(task.label() == "worker/" + std::to_string(task.id()));
    BOOST_TEST(task.cpu() < Topology::host().cpu_ids());
  }).join();
}

BOOST_AUTO_TEST_CASE(a_simulated_task_is_where_it_was_put_while_it_runs) {
  Task* own = &Task::current();
  Task outer("outer", 1, 40);
  Task inner("a-name-that-is-too-long", 2, 63);
  {
    const RunningTask running(outer);
    BOOST_TEST(&Task::current() == &outer);
    BOOST_TEST(Task::current().cpu() == 40u);
    outer.move_to(7);
    {
      const RunningTask nested(inner);
      BOOST_TEST(Task::current().whereabouts() == "CPU: 63 PID: 2 Comm: a-name-that-is-");
    }
    BOOST_TEST(Task::current().whereabouts() == "CPU: 7 PID: 1 Comm: outer");
  }
  BOOST_TEST(&Task::current() == own);
}

BOOST_AUTO_TEST_CASE(a_task_says_what_may_interrupt_it) {
  const Task& task = Task::current();
  const auto accepted = [&task] {
    std::string names;
    for (const Context context : {Context::kSoftirq, Context::kHardirq, Context::kNmi}) {
      if (task.accepts(context)) names += std::string(context_name(context)) + " ";
    }
    return names;
  };
  BOOST_TEST(accepted() == "softirq hardirq NMI ");
  {
    const BottomHalvesOff outer;
    const BottomHalvesOff inner;
    BOOST_TEST(accepted() == "hardirq NMI ");
    {
      const IrqsOff off;
      BOOST_TEST(accepted() == "NMI ");
    }
    BOOST_TEST(accepted() == "hardirq NMI ");
  }
  {
    const ContextGuard softirq(Context::kSoftirq);
    BOOST_TEST(accepted() == "hardirq NMI ");
    const ContextGuard hardirq(Context::kHardirq);
    BOOST_TEST(accepted() == "NMI ");
    const ContextGuard nmi(Context::kNmi);
    BOOST_TEST(accepted() == "");
    BOOST_TEST(context_name(task.context()) == "NMI");
  }
  BOOST_TEST(accepted() == "softirq hardirq NMI ");
  BOOST_CHECK(task.context() == Context::kTask);
}

BOOST_AUTO_TEST_CASE(scopes_of_allocation_nest) {
  Task& task = Task::current();
  BOOST_CHECK(task.alloc_scope() == AllocScope::kNone);
  {
    const AllocScopeGuard noio(AllocScope::kNoio);
    {
      const AllocScopeGuard memalloc(AllocScope::kMemalloc);
      BOOST_TEST(includes(task.alloc_scope(), AllocScope::kNoio));
      BOOST_TEST(includes(task.alloc_scope(), AllocScope::kMemalloc));
      BOOST_TEST(!includes(task.alloc_scope(), AllocScope::kNofs));
    }
    BOOST_CHECK(task.alloc_scope() == AllocScope::kNoio);
  }
  BOOST_CHECK(task.alloc_scope() == AllocScope::kNone);
}

BOOST_AUTO_TEST_CASE(the_nth_fault_point_of_a_task_fails_and_no_other) {
  FaultPoint slab("failslab");
  FaultPoint pages("fail_page_alloc");
  Task task("unlucky", 1, 0);
  Task lucky("lucky", 2, 0);
  task.set_fail_nth(3);
  {
    const RunningTask running(lucky);
    for (int i = 0; i < 5; ++i) BOOST_TEST(!slab.should_fail(1));
  }
  const RunningTask running(task);
  BOOST_TEST(!slab.should_fail(1));
  BOOST_TEST(!pages.should_fail(1));
  BOOST_TEST(task.fail_nth() == 1u);
  BOOST_TEST(slab.should_fail(1));
  BOOST_TEST(task.fail_nth() == 0u);
  for (int i = 0; i < 5; ++i) BOOST_TEST(!slab.should_fail(1));
  BOOST_TEST(slab.injected() == 1u);
  BOOST_TEST(pages.injected() == 0u);
}

BOOST_AUTO_TEST_CASE(a_fault_point_is_one_load_while_nothing_shall_fail) {
  BOOST_TEST(fault_internal::reasons.load() == 0u);
  Task task("counting", 1, 0);
  {
    FaultPoint point("failslab");
    point.arm({.probability = 100}, 1);
    point.arm({.probability = 50}, 1);
    task.set_fail_nth(2);
    task.set_fail_nth(5);
    BOOST_TEST(fault_internal::reasons.load() == 2u);
    point.arm({}, 1);
    BOOST_TEST(fault_internal::reasons.load() == 1u);
    point.arm({.probability = 100}, 1);
  }
  task.set_fail_nth(0);
  BOOST_TEST(fault_internal::reasons.load() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
