#pragma once

namespace ring3::harness {

// What the program's exit status says; the README lists them.
enum class ExitCode {
  kClean = 0,
  kVerificationFailed = 1,  // corrupt data, a misuse or deadlock report, a leak
  kUsage = 2,               // wrong options or input
  kNoResource = 3,          // the host refused memory or a thread
  kSkipped = 4,             // nothing of what was asked for can run here
  // 5 was a crash, which is now the signal's own status: 128 and its number in a shell
  kLiveness = 6,  // a worker stopped making progress
};

}  // namespace ring3::harness
