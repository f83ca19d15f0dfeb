#include "lockdep/dependency_graph.h"

#include <boost/test/unit_test.hpp>

#include "lib/prng.h"
#include "tests/lockdep/order_model.h"

namespace ring3::lockdep {
namespace {

constexpr EdgeKind kEn{.held_shared = false, .awaits_recursively = false};
constexpr EdgeKind kEr{.held_shared = false, .awaits_recursively = true};
constexpr EdgeKind kSn{.held_shared = true, .awaits_recursively = false};
constexpr EdgeKind kSr{.held_shared = true, .awaits_recursively = true};

struct GraphFixture {
  static DependencyGraph make(const Limits& limits) {
    auto created = DependencyGraph::create(limits);
    CHECK(created.ok());
    return std::move(*created);
  }
  static LockClassId id(size_t n) { return LockClassId(static_cast<uint16_t>(n)); }

  bool add(size_t from, size_t to, EdgeKind kind) {
    return graph.add_edge(id(from), id(to), kind, StackTrace());
  }
  size_t path_length(size_t from, size_t to, EdgeKind closing) {
    return graph.find_closed_path(id(to), id(from), closing).size();
  }

  DependencyGraph graph = make({.classes = 64, .edges = 256});
};

// That `path` leads from `first` to `last` and is a strong circle with the edge that closes it.
bool is_strong_circle(std::span<const DependencyEdge* const> path, LockClassId first,
                      LockClassId last, EdgeKind closing) {
  EdgeKind before = closing;
  LockClassId at = first;
  for (const DependencyEdge* edge : path) {
    if (edge->from != at) return false;
    if (before.awaits_recursively && edge->kind.held_shared) return false;
    at = edge->to;
    before = edge->kind;
  }
  return at == last && !(before.awaits_recursively && closing.held_shared);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lockdep_dependency_graph, GraphFixture)

BOOST_AUTO_TEST_CASE(knows_an_edge_by_direction_and_kind) {
  BOOST_REQUIRE(add(0, 1, kEr));
  BOOST_TEST(graph.has_edge(id(0), id(1), kEr));
  BOOST_TEST(!graph.has_edge(id(1), id(0), kEr));
  for (const EdgeKind kind : {kEn, kSn, kSr}) BOOST_TEST(!graph.has_edge(id(0), id(1), kind));
  BOOST_REQUIRE(add(0, 1, kSn));
  BOOST_TEST(graph.has_edge(id(0), id(1), kSn));
  BOOST_TEST(graph.edge_count() == 2u);
}

BOOST_AUTO_TEST_CASE(closes_a_circle_only_against_the_order) {
  BOOST_REQUIRE(add(0, 1, kEn));
  BOOST_REQUIRE(add(1, 2, kEn));
  BOOST_TEST(path_length(0, 2, kEn) == 0u);
  BOOST_TEST(path_length(2, 0, kEn) == 2u);
  BOOST_TEST(path_length(2, 3, kEn) == 0u);
}

BOOST_AUTO_TEST_CASE(recursive_wait_before_shared_hold_breaks_a_path) {
  BOOST_REQUIRE(add(0, 1, kEr));
  BOOST_REQUIRE(add(1, 2, kSn));
  BOOST_TEST(path_length(2, 0, kEn) == 0u);
  BOOST_REQUIRE(add(1, 2, kEn));
  BOOST_TEST(path_length(2, 0, kEn) == 2u);
}

BOOST_AUTO_TEST_CASE(joints_with_the_closing_edge_count_too) {
  BOOST_REQUIRE(add(0, 1, kSn));
  BOOST_TEST(path_length(1, 0, kEr) == 0u);
  BOOST_TEST(path_length(1, 0, kEn) == 1u);
  BOOST_REQUIRE(add(2, 3, kEr));
  BOOST_TEST(path_length(3, 2, kSn) == 0u);
  BOOST_TEST(path_length(3, 2, kEn) == 1u);
}

// The first wrong answer of Linux 6.1 in spec section 1b: X is reached first over a recursive
// read, and only the way through C goes on.
BOOST_AUTO_TEST_CASE(weak_path_does_not_hide_a_longer_strong_one) {
  constexpr size_t a = 0, b = 1, c = 2, x = 3;
  for (const bool weak_last : {false, true}) {
    DependencyGraph fresh = make({.classes = 4, .edges = 16});
    const auto edge = [&fresh](size_t from, size_t to, EdgeKind kind) {
      BOOST_REQUIRE(fresh.add_edge(id(from), id(to), kind, StackTrace()));
    };
    if (!weak_last) edge(b, x, kEr);
    edge(b, c, kEn);
    edge(c, x, kEn);
    if (weak_last) edge(b, x, kEr);
    edge(x, a, kSn);
    const auto path = fresh.find_closed_path(id(b), id(a), kEn);
    BOOST_TEST(path.size() == 3u);
    BOOST_TEST(is_strong_circle(path, id(b), id(a), kEn));
  }
}

BOOST_AUTO_TEST_CASE(finds_a_shortest_path) {
  for (size_t i = 0; i < 10; ++i) BOOST_REQUIRE(add(i, i + 1, kEn));
  BOOST_TEST(path_length(10, 0, kEn) == 10u);
  BOOST_REQUIRE(add(2, 9, kEn));
  BOOST_TEST(path_length(10, 0, kEn) == 4u);
}

BOOST_AUTO_TEST_CASE(path_carries_each_edges_own_trace) {
  const StackTrace here = StackTrace::capture();
  BOOST_REQUIRE(graph.add_edge(id(0), id(1), kEn, here));
  const auto path = graph.find_closed_path(id(0), id(1), kEn);
  BOOST_REQUIRE(path.size() == 1u);
  const auto seen = path[0]->trace.frames();
  BOOST_TEST(std::equal(seen.begin(), seen.end(), here.frames().begin(), here.frames().end()));
}

BOOST_AUTO_TEST_CASE(full_table_refuses_an_edge) {
  DependencyGraph small = make({.classes = 4, .edges = 2});
  BOOST_TEST(small.add_edge(id(0), id(1), kEn, StackTrace()));
  BOOST_TEST(small.add_edge(id(1), id(2), kEn, StackTrace()));
  BOOST_TEST(!small.add_edge(id(2), id(3), kEn, StackTrace()));
  BOOST_TEST(!small.has_edge(id(2), id(3), kEn));
}

// Random graphs of all densities, grown without ever closing a strong circle, as the checker does.
BOOST_AUTO_TEST_CASE(agrees_with_brute_force_on_random_graphs) {
  Prng random(0x10c4de9);
  size_t circles = 0;
  for (int round = 0; round < 300; ++round) {
    DependencyGraph grown = make({.classes = OrderModel::kClasses, .edges = 128});
    OrderModel model;
    for (int step = 0; step < 60; ++step) {
      const size_t from = random.below(OrderModel::kClasses);
      const size_t to = random.below(OrderModel::kClasses);
      const EdgeKind kind{random.chance(1, 2), random.chance(1, 2)};
      if (from == to || grown.has_edge(id(from), id(to), kind)) continue;
      const size_t expected = model.closed_path_length(from, to, kind);
      const auto path = grown.find_closed_path(id(to), id(from), kind);
      BOOST_REQUIRE(path.size() == expected);
      if (expected != 0) {
        ++circles;
        BOOST_REQUIRE(is_strong_circle(path, id(to), id(from), kind));
        continue;
      }
      BOOST_REQUIRE(grown.add_edge(id(from), id(to), kind, StackTrace()));
      model.add_edge(from, to, kind);
    }
  }
  BOOST_TEST(circles > 1000u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
