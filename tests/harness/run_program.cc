#include "tests/harness/run_program.h"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace ring3::test {
namespace {

std::string take_file(const std::string& path) {
  std::ifstream file(path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  unlink(path.c_str());
  return text;
}

}  // namespace

ProgramResult run_ring3(const std::string& arguments) {
  const char* program = std::getenv("RING3");
  BOOST_REQUIRE_MESSAGE(program != nullptr, "set RING3 to the ring3 program; `make test` does");
  const size_t hole = arguments.find("{}");
  std::string command = hole == std::string::npos
                            ? std::string(program) + " " + arguments
                            : std::string(arguments).replace(hole, 2, program);
  const std::string base = "/tmp/ring3-test-" + std::to_string(getpid());
  const int status =
      std::system(("{ " + command + "; } >" + base + ".out 2>" + base + ".err").c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, take_file(base + ".out"), take_file(base + ".err")};
}

}  // namespace ring3::test
