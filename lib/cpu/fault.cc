#include "lib/cpu/fault.h"

#include <charconv>
#include <string>

#include "lib/cpu/task.h"

namespace ring3 {
namespace {

// Takes the number at the front of `text`, and the comma behind it unless `last`.
template <class Number>
bool take_number(std::string_view& text, bool last, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (last) return text.empty();
  if (!text.starts_with(',')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

Result<FaultAttributes> parse_fault_attributes(std::string_view text) {
  FaultAttributes attributes;
  std::string_view rest = text;
  const bool parsed = take_number(rest, false, attributes.interval) &&
                      take_number(rest, false, attributes.probability) &&
                      take_number(rest, false, attributes.space) &&
                      take_number(rest, true, attributes.times) && attributes.interval >= 1 &&
                      attributes.probability <= 100 && attributes.times >= -1;
  if (!parsed) {
    return Error{Errc::kInvalidArgument,
                 "'" + std::string(text) +
                     "' is not interval,probability,space,times: interval is at least 1, "
                     "probability 0 to 100 percent, times -1 (no limit) or more; for example "
                     "1,10,0,-1"};
  }
  return attributes;
}

void FaultPoint::arm(const FaultAttributes& attributes, uint64_t seed) {
  RawSpinlockGuard guard(lock_);
  attributes_ = attributes;
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

bool FaultPoint::should_fail_slow(uint64_t size) {
  const bool counted_down = Task::current().count_down_fail_nth();
  if (!attributes_say_so(size) && !counted_down) return false;
  injected_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool FaultPoint::attributes_say_so(uint64_t size) {
  RawSpinlockGuard guard(lock_);
  if (!armed_ || attributes_.times == 0) return false;
  if (attributes_.space > size) {
    attributes_.space -= size;
    return false;
  }
  if (++calls_ % attributes_.interval != 0) return false;
  if (!prng_.chance(attributes_.probability, 100)) return false;
  if (attributes_.times > 0) --attributes_.times;
  return true;
}

}  // namespace ring3
