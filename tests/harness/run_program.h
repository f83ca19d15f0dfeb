#pragma once

// Runs the ring3 program that $RING3 names, as a user would, and captures what it prints.

#include <string>

namespace ring3::test {

struct ProgramResult {
  int exit_code;  // 128 + the signal when one ended it
  std::string out;
  std::string err;
};

// `arguments` as a shell reads them. "{}" in it stands for the program, for commands that do not
// begin with it. The environment variable RING3 must be set; `make test` does.
ProgramResult run_ring3(const std::string& arguments);

}  // namespace ring3::test
