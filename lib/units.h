#pragma once

// Strong types for the two integers that meet at nearly every call: a count of things and the
// name of one thing. A count may be added to a count; a name may not. `name + count` is a name,
// `name - name` is a count, and nothing converts without being asked.

#include <compare>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace ring3 {

// An amount of something: pages, nanoseconds. Tag makes it a type of its own.
template <class Tag, class Rep>
class Quantity {
 public:
  using rep = Rep;
  constexpr Quantity() = default;
  constexpr explicit Quantity(Rep value) : value_(value) {}

  // More than there can be: a deadline that never comes.
  static constexpr Quantity max() { return Quantity(std::numeric_limits<Rep>::max()); }

  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const Quantity&) const = default;

  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    value_ -= other.value_;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
  friend constexpr Quantity operator*(Quantity a, Rep factor) {
    return Quantity(static_cast<Rep>(a.value_ * factor));
  }
  friend constexpr Quantity operator*(Rep factor, Quantity a) { return a * factor; }
  friend constexpr Quantity operator/(Quantity a, Rep divisor) {
    return Quantity(static_cast<Rep>(a.value_ / divisor));
  }
  friend constexpr Rep operator/(Quantity a, Quantity b) { return a.value_ / b.value_; }

 private:
  Rep value_{};
};

// The name of one thing in a row of things, such as a page frame number. Count is the Quantity
// that separates two of them.
template <class Tag, class Rep, class Count>
class Ordinal {
 public:
  using rep = Rep;
  constexpr Ordinal() = default;
  constexpr explicit Ordinal(Rep value) : value_(value) {}

  constexpr Rep value() const { return value_; }
  constexpr auto operator<=>(const Ordinal&) const = default;

  friend constexpr Ordinal operator+(Ordinal a, Count n) { return Ordinal(a.value_ + n.value()); }
  friend constexpr Ordinal operator-(Ordinal a, Count n) { return Ordinal(a.value_ - n.value()); }
  friend constexpr Count operator-(Ordinal a, Ordinal b) { return Count(a.value_ - b.value_); }

 private:
  Rep value_{};
};

// Nanoseconds: a point on a monotonic clock or the distance between two, signed so that a
// difference may be negative. Spans 292 years.
using Nanos = Quantity<struct NanosTag, int64_t>;

constexpr Nanos microseconds(int64_t n) { return Nanos(n * 1'000); }
constexpr Nanos milliseconds(int64_t n) { return Nanos(n * 1'000'000); }
constexpr Nanos seconds(int64_t n) { return Nanos(n * 1'000'000'000); }

}  // namespace ring3
