#pragma once

// One way for a function to fail is a null pointer; more ways is a Result.

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "lib/check.h"

namespace ring3 {

enum class Errc {
  kInvalidArgument,  // the caller asked for something outside the limits
  kNoResource,       // the host refused memory, a thread, a descriptor
  kNotFound,         // a named thing does not exist
  kBadFormat,        // bytes that are not what they should be
  kIo,               // reading or writing failed
};

// What went wrong, in words for the user: the value, the limit, and what to do.
struct Error {
  Errc code;
  std::string message;
};

// A T or an Error. Must be looked at; taking the value of an error is a programmer error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() {
    check_ok();
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    check_ok();
    return *std::get_if<0>(&state_);
  }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const {
    CHECK(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  void check_ok() const {
    if (!ok()) panic("value() of a failed Result: %s", std::get_if<1>(&state_)->message.c_str());
  }
  std::variant<T, Error> state_;
};

// Success, or an Error.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}
  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    CHECK(!ok());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace ring3
