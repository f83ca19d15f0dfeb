# Counts test cases in Boost.Test's JUnit output: one <testcase> each; a <failure> or <error>
# inside makes it failed, <skipped> makes it skipped. A program that ended badly although no case
# failed (a crash after the last one, nothing selected) counts as one failure.
/<testcase/ { close_case(); open = 1; bad = 0; skip = 0 }
/<failure|<error/ { bad = 1 }
/<skipped/ { skip = 1 }
END {
  close_case()
  if (status != 0 && failed == 0) failed = 1
  line = sprintf("%d passed, %d failed", passed, failed)
  if (skipped > 0) line = line sprintf(", %d skipped", skipped)
  print line
  exit failed > 0 ? 1 : 0
}
function close_case() {
  if (!open) return
  if (skip) skipped += !filtered
  else if (bad) failed++
  else passed++
  open = 0
}
