#include "lib/cpu/topology.h"

#include <boost/test/unit_test.hpp>

#include "lib/cpu/task.h"

namespace ring3 {

BOOST_AUTO_TEST_SUITE(lib_cpu_topology)

BOOST_AUTO_TEST_CASE(a_list_of_cpus_is_read_as_sysfs_prints_it) {
  const auto numbers = [](std::initializer_list<unsigned> list) {
    return std::vector<unsigned>(list);
  };
  BOOST_TEST(parse_cpu_list("0-3\n") == numbers({0, 1, 2, 3}));
  BOOST_TEST(parse_cpu_list("0,5,2") == numbers({0, 5, 2}));
  BOOST_TEST(parse_cpu_list("1") == numbers({1}));
  BOOST_TEST(parse_cpu_list("0-1,8-11,4") == numbers({0, 1, 8, 9, 10, 11, 4}));
  BOOST_TEST(parse_cpu_list("8191").size() == 1u);
  for (const char* nonsense :
       {"", "\n", "x", "0-", "3-1", "1-2-3", "0,", "0 1", "8192", "0-4294967295", "4294967295"}) {
    BOOST_TEST_INFO(nonsense);
    BOOST_TEST(parse_cpu_list(nonsense).empty());
  }
}

BOOST_AUTO_TEST_CASE(the_host_has_this_cpu) {
  const Topology& host = Topology::host();
  BOOST_TEST(host.online_count() >= 1u);
  BOOST_TEST(host.online_count() <= host.cpu_ids());
  BOOST_TEST(Task::current().cpu() < host.cpu_ids());
  for (unsigned cpu = 0; cpu < host.cpu_ids(); ++cpu) {
    BOOST_TEST(host.node_of(cpu) < host.node_count());
  }
  for (unsigned node = 0; node < host.node_count(); ++node) {
    BOOST_TEST(host.distance(node, node) == Topology::kLocalDistance);
  }
}

BOOST_AUTO_TEST_CASE(a_simulated_machine_spreads_its_cpus_over_its_nodes) {
  const Topology machine = std::move(Topology::simulated(64, 4).value());
  BOOST_TEST(machine.cpu_ids() == 64u);
  BOOST_TEST(machine.online_count() == 64u);
  BOOST_TEST(machine.node_count() == 4u);
  BOOST_TEST(machine.node_of(0) == 0u);
  BOOST_TEST(machine.node_of(15) == 0u);
  BOOST_TEST(machine.node_of(16) == 1u);
  BOOST_TEST(machine.node_of(63) == 3u);
  BOOST_TEST(machine.distance(1, 1) == 10u);
  BOOST_TEST(machine.distance(0, 3) == 20u);

  const Topology uneven = std::move(Topology::simulated(3, 2).value());
  BOOST_TEST(uneven.node_of(0) == 0u);
  BOOST_TEST(uneven.node_of(1) == 0u);
  BOOST_TEST(uneven.node_of(2) == 1u);
}

BOOST_AUTO_TEST_CASE(a_machine_that_cannot_be_is_refused_with_its_figures) {
  struct Wrong {
    unsigned cpus, nodes;
  };
  for (const Wrong wrong : {Wrong{0, 1}, {1, 0}, {2, 3}, {8193, 1}, {8192, 1025}}) {
    const auto machine = Topology::simulated(wrong.cpus, wrong.nodes);
    BOOST_REQUIRE(!machine.ok());
    BOOST_CHECK(machine.error().code == Errc::kInvalidArgument);
    BOOST_TEST(machine.error().message.find(std::to_string(wrong.cpus) + " CPUs") !=
               std::string::npos);
  }
  BOOST_TEST(Topology::simulated(8192, 1024).ok());
}

BOOST_AUTO_TEST_CASE(a_cpu_goes_and_comes_but_never_the_last) {
  Topology machine = std::move(Topology::simulated(2, 1).value());
  BOOST_TEST(machine.set_online(1, false).ok());
  BOOST_TEST(!machine.is_online(1));
  BOOST_TEST(machine.online_count() == 1u);
  BOOST_TEST(machine.cpu_ids() == 2u);
  BOOST_TEST(machine.set_online(1, false).ok());
  const Status last = machine.set_online(0, false);
  BOOST_REQUIRE(!last.ok());
  BOOST_TEST(last.error().message.find("CPU 0 is the last") != std::string::npos);
  BOOST_TEST(machine.is_online(0));
  BOOST_TEST(machine.set_online(1, true).ok());
  BOOST_TEST(machine.online_count() == 2u);
  BOOST_TEST(!machine.set_online(2, true).ok());
  BOOST_TEST(!machine.is_online(2));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
