#!/bin/sh
# What `make check` runs: every stage, whatever the ones before it said, and at the end the sum of
# all counts as "N passed, N failed". A stage that prints such a line of its own counts by it; any
# other counts as one test. Logs: build/check/<stage>.log.
set -u
# The variants are chosen here, whatever the make that called was told.
unset MAKEFLAGS MFLAGS
logs=build/check
passed=0 failed=0 skipped=0 broken=
mkdir -p "$logs"

# stage NAME EXPECTED-STATUS COMMAND...
stage() {
  name=$1 expected=$2
  shift 2
  started=$(date +%s)
  "$@" >"$logs/$name.log" 2>&1
  status=$?
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$logs/$name.log" | tail -n 1)
  verdict=ok
  [ "$status" -eq "$expected" ] || verdict="FAILED (exit $status, expected $expected)"
  if [ -n "$line" ]; then
    numbers=$(echo "$line" | tr -dc '0-9 ')
    # shellcheck disable=SC2086
    set -- $numbers 0
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
    [ "$verdict" = ok ] || [ "$2" -gt 0 ] || failed=$((failed + 1))
  elif [ "$verdict" = ok ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
  printf '%-24s %4ds  %s%s\n' "$name" "$(($(date +%s) - started))" "$verdict" "${line:+  ($line)}"
  if [ "$verdict" != ok ]; then
    broken="$broken $name"
    tail -n 40 "$logs/$name.log" | sed 's/^/    /'
  fi
}

build() { make --no-print-directory "$@"; }

asan="CXX=clang++-14 MODE=debug SAN=address,undefined"
tsan="SAN=thread"
ring3=build/release/ring3

stage layers 0 make --no-print-directory layers
stage format 0 make --no-print-directory format-check

# g++, as users build it. The command-line tests run $RING3, so canaries are among them too.
stage build-release 0 build all build/release/ring3-tests build/release/bench/cpu build/release/bench/mm
stage test-release 0 make --no-print-directory test
# The same per-CPU data under locks, as under Valgrind or on a machine without rseq.
stage test-without-rseq 0 env GLIBC_TUNABLES=glibc.pthread.rseq=0 make --no-print-directory test T='lib_*,mm_*'
# The same memory under the other page policy.
stage test-packed 0 env RING3_TEST_POLICY=packed make --no-print-directory test T='mm_*'
stage install 0 tests/install/run.sh "$PWD/build/check/root"

# clang: the thread-safety analysis is part of its warnings, and warnings are errors.
# shellcheck disable=SC2086
{
  stage build-asan-ubsan 0 build $asan programs
  stage test-asan-ubsan 0 make --no-print-directory $asan test
  stage fuzz-seeds 0 make --no-print-directory $asan fuzz-seeds
  stage build-tsan 0 build $tsan all build/release-thread/ring3-tests
  stage test-tsan 0 make --no-print-directory $tsan test
}

# Simulated machines: everything is a schedule point.
stage build-sim 0 build MODE=sim all build/sim/ring3-tests
stage test-sim 0 make --no-print-directory MODE=sim test
stage hunt 0 build/sim/ring3 hunt --seeds 0..99999
stage canary-hunt 1 build/sim/ring3 hunt --target canary --seeds 0..999 --shrink

# The harness itself: clean runs are clean, planted bugs are found.
stage stress 0 "$ring3" stress --all 2 -t 5s --verify --metrics
stage replay 0 "$ring3" replay tests/data/kmem_trace_net_small.txt.gz
stage canary-write-after-free 1 "$ring3" stress --slab 1 -t 2s --canary write-after-free
stage canary-abba 1 "$ring3" stress --lock 2 -t 2s --canary abba

[ -z "$broken" ] || echo "failed stages:$broken (logs in $logs)"
line="$passed passed, $failed failed"
[ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
echo "$line"
[ "$failed" -eq 0 ]
