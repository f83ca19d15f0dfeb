// Bytes as timers set, cancelled and run at any time from the lowest to the highest, beside a model
// that knows each deadline. No timer is early, none is lost, none fires twice in one advance, and
// none is late by more than an eighth of its delay and two ticks once the wheel is advanced.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>

#include "lib/check.h"
#include "net/timer/timer_wheel.h"

using namespace ring3;
using namespace ring3::net;

namespace {

constexpr size_t kTimers = 8;
// A delay beyond what the wheel reaches ends there.
constexpr Nanos kReach = seconds(12 * 86400);

// Numbers of every size: a byte says how many bits are left of eight bytes' worth.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(data, size) {}
  bool empty() const { return rest_.empty(); }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  Nanos nanos() {
    const unsigned bits = byte() % 64;
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) value = value << 8 | byte();
    const auto magnitude = static_cast<int64_t>(value >> 1 >> (63 - bits));
    return Nanos((value & 1) != 0 ? -magnitude - 1 : magnitude);
  }

 private:
  std::span<const uint8_t> rest_;
};

class Session {
 public:
  Session(Input input, Nanos start) : input_(input), now_(start), wheel_(start) {}
  ~Session() {
    for (Timer& timer : timers_) wheel_.cancel(timer);
  }

  void run() {
    while (!input_.empty()) step();
    advance(Nanos::max());
    for (const auto& expected : model_) CHECK(!expected.has_value());
    CHECK(!wheel_.next_expiry().has_value());
  }

 private:
  struct Expected {
    Nanos set;
    Nanos deadline;
  };

  void step() {
    const size_t i = input_.byte() % kTimers;
    switch (input_.byte() % 4) {
      case 0:
        set(i, input_.nanos());
        break;
      case 1:
        wheel_.cancel(timers_[i]);
        model_[i].reset();
        break;
      case 2:
        advance(std::max(now_, input_.nanos()));
        break;
      case 3:
        if (const auto next = wheel_.next_expiry()) advance(std::max(now_, *next));
        break;
    }
    CHECK_EQ(
        wheel_.next_expiry().has_value(),
        std::any_of(model_.begin(), model_.end(), [](const auto& e) { return e.has_value(); }));
  }

  void set(size_t i, Nanos delay) {
    wheel_.set(timers_[i], now_, delay);
    const Nanos start = std::max(now_, Nanos(0));
    const Nanos wait = std::clamp(delay, Nanos(0), kReach);
    model_[i] = {start, wait > Nanos::max() - start ? Nanos::max() : start + wait};
  }

  void advance(Nanos to) {
    now_ = to;
    std::array<bool, kTimers> fired{};
    wheel_.advance(now_, [&](Timer& timer) {
      const auto i = static_cast<size_t>(&timer - timers_.data());
      CHECK(!fired[i]);
      fired[i] = true;
      CHECK(model_[i].has_value());
      // The clock ends in the middle of a tick, so there the last one counts as reached.
      CHECK(std::max(now_, Nanos(0)) >= model_[i]->deadline ||
            now_ / TimerWheel::kTick == Nanos::max() / TimerWheel::kTick);
      model_[i].reset();
      if (input_.byte() % 8 == 1 && now_ < Nanos::max()) set(i, Nanos(input_.byte() % 2));
    });
    for (const auto& expected : model_) {
      if (!expected) continue;
      const Nanos wait = expected->deadline - expected->set;
      const Nanos slack = wait / 63 * 8 + TimerWheel::kTick * 3;
      CHECK(expected->deadline > std::max(now_, Nanos(0)) - slack);
    }
  }

  Input input_;
  Nanos now_;
  TimerWheel wheel_;
  std::array<Timer, kTimers> timers_;
  std::array<std::optional<Expected>, kTimers> model_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(data, size);
  const Nanos start = input.nanos();
  Session(input, start).run();
  return 0;
}
