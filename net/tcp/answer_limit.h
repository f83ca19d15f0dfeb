#pragma once

// How many answers to unacceptable segments a whole host gives (RFC 5961 section 7): a budget a
// second, drawn at random between a half and one and a half of the limit, so that nobody can find
// out by counting answers what goes on in other connections (CVE-2016-5696). Pure.

#include "lib/prng.h"
#include "lib/units.h"

namespace ring3::net {

class AnswerLimit {
 public:
  // `per_second` answers on average; at least 1.
  AnswerLimit(unsigned per_second, Prng prng) : per_second_(per_second), prng_(prng) {}

  // True when one more answer may be given at `now`, which is then counted.
  bool allow(Nanos now) {
    const int64_t second = now / seconds(1);
    if (second != second_) {
      second_ = second;
      left_ = (per_second_ + 1) / 2 + prng_.below(per_second_);
    }
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  unsigned per_second_;
  Prng prng_;
  int64_t second_ = -1;
  uint64_t left_ = 0;
};

}  // namespace ring3::net
