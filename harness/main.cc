// The ring3 program.

#include <csignal>
#include <cstdio>
#include <exception>

#include "harness/command_line.h"
#include "harness/heap_command.h"
#include "harness/hunt_command.h"
#include "harness/pages_command.h"
#include "harness/replay_command.h"
#include "harness/sim_command.h"
#include "harness/stress_command.h"

namespace ring3::harness {
namespace {

struct Runner {
  const char* program;
  ExitCode operator()(ExitCode decided) const { return decided; }
  ExitCode operator()(const StressOptions& options) const {
    return stress_command(options, program);
  }
  ExitCode operator()(const ReplayOptions& options) const { return replay_command(options); }
  ExitCode operator()(const SimOptions& options) const { return sim_command(options, program); }
  ExitCode operator()(const HuntOptions& options) const { return hunt_command(options); }
  ExitCode operator()(const HeapOptions& options) const { return heap_command(options); }
  ExitCode operator()(const CampaignOptions& options) const { return campaign_command(options); }
  ExitCode operator()(const PagesCheckOptions& options) const {
    return pages_check_command(options);
  }
  ExitCode operator()(const ZoneinfoOptions& options) const { return zoneinfo_command(options); }
};

}  // namespace
}  // namespace ring3::harness

int main(int argc, char** argv) {
  using namespace ring3::harness;
  // A limit on the size of files, and a reader that has gone, are errors of the write that meets
  // them, not the end of a process that has more to say.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const Command command = parse_command_line(argc, argv);
    return static_cast<int>(std::visit(Runner{argv[0]}, command));
  } catch (const std::bad_alloc&) {
    std::fputs("ring3: the host has no memory left\n", stderr);
    return static_cast<int>(ExitCode::kNoResource);
  }
}
