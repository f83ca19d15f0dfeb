#include "net/timer/timer_wheel.h"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <vector>

#include "lib/prng.h"

namespace ring3::net {
namespace {

struct Wheel {
  Wheel() : timers(64) {}
  ~Wheel() {
    for (Timer& timer : timers) wheel.cancel(timer);
  }
  // Moves to `time`; the timers that fired, in order.
  std::vector<size_t> advance(Nanos time) {
    now = time;
    std::vector<size_t> fired;
    wheel.advance(
        time, [&](Timer& timer) { fired.push_back(static_cast<size_t>(&timer - timers.data())); });
    return fired;
  }
  void set(size_t i, Nanos deadline) { wheel.set(timers[i], now, deadline - now); }
  Nanos now{0};
  TimerWheel wheel{Nanos(0)};
  std::vector<Timer> timers;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(net_timer_wheel, Wheel)

BOOST_AUTO_TEST_CASE(a_near_timer_fires_at_its_tick) {
  set(0, milliseconds(5));
  BOOST_TEST(advance(milliseconds(4)).empty());
  BOOST_TEST(advance(milliseconds(5)).size() == 1u);
  BOOST_TEST(advance(seconds(100)).empty());
}

BOOST_AUTO_TEST_CASE(a_deadline_inside_a_tick_waits_for_its_end) {
  set(0, milliseconds(5) + Nanos(1));
  BOOST_TEST(advance(milliseconds(5)).empty());
  BOOST_TEST(advance(milliseconds(6)).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_timer_does_not_fire) {
  set(0, milliseconds(5));
  wheel.cancel(timers[0]);
  BOOST_TEST(!timers[0].pending());
  BOOST_TEST(!wheel.next_expiry().has_value());
  BOOST_TEST(advance(seconds(1)).empty());
}

BOOST_AUTO_TEST_CASE(setting_again_moves_a_timer) {
  set(0, milliseconds(5));
  set(0, milliseconds(20));
  BOOST_TEST(advance(milliseconds(19)).empty());
  BOOST_TEST(advance(milliseconds(20)).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_timer_in_the_past_fires_at_the_next_chance) {
  advance(seconds(10));
  set(0, seconds(1));
  BOOST_TEST(advance(seconds(10)).size() == 1u);
}

// As in a stack that nothing has happened to: a delay is as precise as its length, not as the time
// since the wheel was last advanced.
BOOST_AUTO_TEST_CASE(a_wheel_that_has_stood_still_is_as_precise_as_any) {
  now = seconds(1'000'000);
  set(0, now + milliseconds(200));
  BOOST_CHECK(wheel.next_expiry().value() >= now + milliseconds(200));
  BOOST_CHECK(wheel.next_expiry().value() <= now + milliseconds(226));
}

BOOST_AUTO_TEST_CASE(setting_a_timer_passes_over_none_that_is_due) {
  set(0, milliseconds(5));
  now = seconds(10);
  set(1, now + milliseconds(5));
  const std::vector<size_t> first{0};
  BOOST_TEST(advance(seconds(10)) == first);
}

BOOST_AUTO_TEST_CASE(a_timer_may_be_set_again_while_it_fires) {
  int fired = 0;
  set(0, milliseconds(10));
  for (int ms = 0; ms <= 100; ++ms) {
    wheel.advance(milliseconds(ms), [&](Timer& timer) {
      ++fired;
      wheel.set(timer, milliseconds(ms), milliseconds(10));
    });
  }
  BOOST_TEST(fired == 10);
}

BOOST_AUTO_TEST_CASE(a_timer_that_sets_itself_for_now_waits_for_the_next_tick) {
  for (const Nanos late : {Nanos(0), microseconds(1), milliseconds(700)}) {
    TimerWheel fresh(seconds(1));
    Timer timer;
    fresh.set(timer, seconds(1), milliseconds(5));
    const Nanos at = seconds(1) + milliseconds(5) + late;
    int fired = 0;
    fresh.advance(at, [&](Timer&) {
      if (++fired < 100) fresh.set(timer, at, Nanos(0));
    });
    BOOST_TEST(fired == 1);
    BOOST_CHECK(fresh.next_expiry().value() <= at + TimerWheel::kTick);
    fresh.cancel(timer);
  }
}

// A process that was stopped for ten minutes: what its overdue timers set is as precise as ever,
// and so is what anybody sets before the wheel is advanced.
BOOST_AUTO_TEST_CASE(a_delay_counts_from_now_though_others_are_overdue) {
  set(0, milliseconds(1));
  set(1, milliseconds(2));
  now = seconds(600);
  set(2, now + milliseconds(200));
  const auto is_precise = [&](Nanos expiry) {
    return expiry >= now + milliseconds(200) && expiry <= now + milliseconds(227);
  };
  std::vector<size_t> fired;
  wheel.advance(now, [&](Timer& timer) {
    fired.push_back(static_cast<size_t>(&timer - timers.data()));
    if (&timer == &timers[0]) set(3, now + milliseconds(200));
  });
  const std::vector<size_t> overdue{0, 1};
  BOOST_TEST(fired == overdue);
  BOOST_CHECK(is_precise(wheel.next_expiry().value()));
  wheel.cancel(timers[2]);
  BOOST_CHECK(is_precise(wheel.next_expiry().value()));
}

BOOST_AUTO_TEST_CASE(an_overdue_timer_can_still_be_cancelled_by_another) {
  set(0, milliseconds(1));
  set(1, milliseconds(2));
  int fired = 0;
  wheel.advance(seconds(1), [&](Timer&) {
    ++fired;
    wheel.cancel(timers[1]);
  });
  BOOST_TEST(fired == 1);
  BOOST_TEST(!wheel.next_expiry().has_value());
}

BOOST_AUTO_TEST_CASE(any_time_and_any_delay_may_be_given) {
  const Nanos lowest(std::numeric_limits<int64_t>::min());
  for (const Nanos start : {lowest, Nanos(-1), Nanos(0), seconds(100'000'000), Nanos::max()}) {
    for (const Nanos delay : {lowest, Nanos(-1), Nanos(0), seconds(1), Nanos::max()}) {
      TimerWheel fresh(start);
      Timer timer;
      fresh.set(timer, start, delay);
      const Nanos due = fresh.next_expiry().value();
      BOOST_CHECK(due >= Nanos(0));
      // "A deadline that never comes" lies as far away as the wheel and the clock reach.
      if (delay == Nanos::max() && start >= Nanos(0) && start < Nanos::max()) {
        BOOST_CHECK(due - start > seconds(11 * 86400));
      }
      // What is due at once is not due in twelve days.
      if (delay <= Nanos(0) && start < Nanos(0)) BOOST_CHECK(due <= TimerWheel::kTick);
      int fired = 0;
      fresh.advance(Nanos::max(), [&](Timer&) { ++fired; });
      BOOST_TEST(fired == 1);
    }
  }
}

// The promise: against an exact model, no timer is early, and none is late by more than 8/63 of its
// delay and two ticks. The wheel is advanced only when it has asked for it.
BOOST_AUTO_TEST_CASE(never_early_and_late_by_about_an_eighth_at_most) {
  struct Expected {
    Nanos set;
    Nanos deadline;
    bool pending = false;
  };
  Prng prng(1);
  std::vector<Expected> model(timers.size());
  size_t fired = 0;
  for (int step = 0; step < 200'000; ++step) {
    const size_t i = prng.below(timers.size());
    if (prng.chance(1, 3)) {
      const Nanos delay(static_cast<int64_t>(prng.below(uint64_t{1} << prng.between(10, 47))));
      model[i] = {now, now + delay, true};
      wheel.set(timers[i], now, delay);
    } else if (prng.chance(1, 10)) {
      model[i].pending = false;
      wheel.cancel(timers[i]);
    }
    // As a simulation does: to the next expiry, or a little.
    const auto next = wheel.next_expiry();
    if (next && prng.chance(1, 4)) {
      now = std::max(now, *next);
    } else {
      now += Nanos(static_cast<int64_t>(prng.below(2'000'000)));
    }
    const auto due = wheel.next_expiry();
    for (const size_t which : due&&* due <= now ? advance(now) : std::vector<size_t>{}) {
      ++fired;
      BOOST_REQUIRE(model[which].pending);
      BOOST_REQUIRE((now >= model[which].deadline));
      model[which].pending = false;
    }
    for (const Expected& expected : model) {
      if (!expected.pending) continue;
      const Nanos latest =
          expected.deadline + (expected.deadline - expected.set) * 8 / 63 + TimerWheel::kTick * 2;
      BOOST_REQUIRE((now < latest));
    }
  }
  BOOST_TEST(fired > 10'000u);
}

BOOST_AUTO_TEST_CASE(next_expiry_is_when_the_next_timer_fires) {
  Prng prng(2);
  for (int round = 0; round < 2000; ++round) {
    TimerWheel fresh(Nanos(static_cast<int64_t>(prng.below(1'000'000'000'000))));
    Timer timer;
    fresh.advance(Nanos(0), [](Timer&) {});
    fresh.set(timer, Nanos(0),
              seconds(2000) + milliseconds(static_cast<int64_t>(prng.below(1'000'000))));
    const Nanos next = fresh.next_expiry().value();
    bool fired = false;
    fresh.advance(next - Nanos(1), [&](Timer&) { fired = true; });
    BOOST_REQUIRE(!fired);
    fresh.advance(next, [&](Timer&) { fired = true; });
    BOOST_REQUIRE(fired);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
