#pragma once

// What must end the process, run in a child.

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <string>

namespace ring3::test {

struct Death {
  int signal;  // that ended it; 0: none
  std::string said;
  bool aborted() const { return signal == SIGABRT; }
};

// What becomes of a child that calls `body`, and what it writes to standard error.

template <class Body>
Death run_in_child(Body body) {
  int ends[2];
  BOOST_REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    dup2(ends[1], STDERR_FILENO);
    body();
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return {.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0, .said = said};
}

}  // namespace ring3::test
