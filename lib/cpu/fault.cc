#include "lib/cpu/fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "lib/cpu/task.h"
#include "lib/numbers.h"
#include "lib/stack_trace.h"

namespace ring3 {
namespace {

template <class Number>
bool set(Number& target, std::string_view text, Number least, Number most) {
  const std::optional<Number> value = whole_number<Number>(text);
  if (!value || *value < least || *value > most) return false;
  target = *value;
  return true;
}

// The four that have no names.
bool set_at(FaultAttributes& attributes, size_t place, std::string_view text) {
  switch (place) {
    case 0:
      return set(attributes.interval, text, uint64_t{1}, UINT64_MAX);
    case 1:
      return set(attributes.probability, text, 0u, 100u);
    case 2:
      return set(attributes.space, text, uint64_t{0}, UINT64_MAX);
    default:
      return set(attributes.times, text, int64_t{-1}, INT64_MAX);
  }
}

bool set_named(FaultAttributes& attributes, std::string_view name, std::string_view value) {
  if (name == "verbose") return set(attributes.verbose, value, 0u, 2u);
  if (value.empty()) return false;
  if (name == "task") attributes.task = value;
  if (name == "require") attributes.require = value;
  if (name == "reject") attributes.reject = value;
  return name == "task" || name == "require" || name == "reject";
}

Error not_attributes(std::string_view text, std::string_view wrong) {
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is not interval,probability,space,times ('{}'): interval is at "
                           "least 1, probability 0 to 100 percent, times -1 (no limit) or more; "
                           "then any of verbose=0|1|2, task=NAME, require=FUNCTION, "
                           "reject=FUNCTION; for example 1,10,0,-1",
                           text, wrong)};
}

// Whether what calls the fault point lies below a function whose name holds `part`.
bool is_below(const StackTrace& stack, std::string_view part) {
  return std::ranges::any_of(stack.frames(), [&](uintptr_t frame) {
    return describe_address(frame).find(part) != std::string::npos;
  });
}

}  // namespace

Result<FaultAttributes> parse_fault_attributes(std::string_view text, const OtherAttribute& other) {
  constexpr size_t kUnnamed = 4;
  FaultAttributes attributes;
  std::string_view rest = text;
  size_t place = 0;
  for (bool more = true; more; ++place) {
    const size_t comma = rest.find(',');
    more = comma != std::string_view::npos;
    const std::string_view word = rest.substr(0, comma);
    if (more) rest.remove_prefix(comma + 1);
    if (place < kUnnamed) {
      if (!set_at(attributes, place, word)) return not_attributes(text, word);
      continue;
    }
    const size_t equals = std::min(word.find('='), word.size());
    const std::string_view name = word.substr(0, equals);
    const std::string_view value = word.substr(std::min(equals + 1, word.size()));
    if (!set_named(attributes, name, value) && !(other && other(name, value))) {
      return not_attributes(text, word);
    }
  }
  if (place < kUnnamed) return not_attributes(text, "four numbers");
  return attributes;
}

std::string to_string(const FaultAttributes& attributes) {
  std::string text = fmt::format("{},{},{},{}", attributes.interval, attributes.probability,
                                 attributes.space, attributes.times);
  if (attributes.verbose != 0) text += fmt::format(",verbose={}", attributes.verbose);
  if (!attributes.task.empty()) text += ",task=" + attributes.task;
  if (!attributes.require.empty()) text += ",require=" + attributes.require;
  if (!attributes.reject.empty()) text += ",reject=" + attributes.reject;
  return text;
}

void FaultPoint::arm(const FaultAttributes& attributes, uint64_t seed) {
  auto shared = std::make_shared<const FaultAttributes>(attributes);
  RawSpinlockGuard guard(lock_);
  attributes_.swap(shared);
  space_ = attributes.space;
  times_ = attributes.times;
  calls_ = 0;
  prng_ = Prng(seed);
  set_armed_locked(attributes.probability > 0 && attributes.times != 0);
}

FaultPoint::~FaultPoint() {
  RawSpinlockGuard guard(lock_);
  set_armed_locked(false);
}

void FaultPoint::set_armed_locked(bool armed) {
  if (armed_ != armed) fault_internal::add_reason(armed ? 1 : -1);
  armed_ = armed;
}

FaultPoint::Attributes FaultPoint::attributes() {
  RawSpinlockGuard guard(lock_);
  return attributes_;
}

bool FaultPoint::should_fail_slow(uint64_t size) {
  const bool counted_down = Task::current().count_down_fail_nth();
  const Attributes attributes = this->attributes();
  const bool fails = attributes != nullptr && attributes_say_so(*attributes, size);
  if (!fails && !counted_down) return false;
  injected_.fetch_add(1, std::memory_order_relaxed);
  if (attributes != nullptr && attributes->verbose != 0) tell(*attributes);
  return true;
}

// The dearest question comes last, and none is asked under the lock that has to be asked outside.
bool FaultPoint::attributes_say_so(const FaultAttributes& attributes, uint64_t size) {
  if (!attributes.task.empty() &&
      Task::current().name().find(attributes.task) == std::string::npos) {
    return false;
  }
  if (!is_drawn(attributes, size)) return false;
  if (!attributes.require.empty() || !attributes.reject.empty()) {
    const StackTrace stack = StackTrace::capture();
    if (!attributes.require.empty() && !is_below(stack, attributes.require)) return false;
    if (!attributes.reject.empty() && is_below(stack, attributes.reject)) return false;
  }
  RawSpinlockGuard guard(lock_);
  if (times_ == 0) return false;
  if (times_ > 0) --times_;
  return true;
}

bool FaultPoint::is_drawn(const FaultAttributes& attributes, uint64_t size) {
  RawSpinlockGuard guard(lock_);
  if (!armed_ || times_ == 0) return false;
  if (space_ > size) {
    space_ -= size;
    return false;
  }
  if (++calls_ % attributes.interval != 0) return false;
  return prng_.chance(attributes.probability, 100);
}

// As fail_dump().
void FaultPoint::tell(const FaultAttributes& attributes) {
  std::string text = fmt::format(
      "FAULT_INJECTION: forcing a failure.\n"
      "name {}, interval {}, probability {}, space {}, times {}\n{}\n",
      name_, attributes.interval, attributes.probability, attributes.space, attributes.times,
      Task::current().label());
  if (attributes.verbose > 1)
    text += "Call Trace:\n" + describe_stack(StackTrace::capture().frames());
  reports_.report(text);
}

}  // namespace ring3
