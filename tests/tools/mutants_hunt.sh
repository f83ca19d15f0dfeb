#!/bin/sh
# mutants_hunt.sh [--stress CPU_SECONDS] [PATCH...]: how soon `ring3 hunt` finds planted races. Each
# patch of tests/mutants/concurrency is one race that a careful reviewer would catch. It is planted in
# a copy of the tree, MODE=sim is built, and hunted until the first finding, for 60 CPU-seconds at
# most (and three times as long by the clock, where others use the machine). With --stress, beside that: the CPU-seconds until `ring3 stress` of all workloads notices, and
# until it does under TSan, each for as many as given at most, in runs of 2 s. Ends with 0 when all
# but one are found.
set -u
. tests/tools/mutant_tree.sh
stress=
if [ "${1-}" = --stress ]; then
  stress=$2
  shift 2
fi
[ $# -gt 0 ] || set -- tests/mutants/concurrency/*.patch
sim='MODE=sim SAN= CXXFLAGS=-Wno-error build/sim/ring3'
release='MODE=release SAN= CXXFLAGS=-Wno-error build/release/ring3'
tsan='MODE=release SAN=thread CXXFLAGS=-Wno-error build/release-thread/ring3'
if [ -n "$stress" ]; then
  copy_tree mutants-hunt sim release release-thread -- "$sim" "$release" "$tsan"
else
  copy_tree mutants-hunt sim -- "$sim"
fi

# until_noticed PROGRAM LOG: the CPU-seconds of runs of stress until one fails, crashes or hangs; with
# a > where none did. In a shell of its own, whose children are these runs.
until_noticed() (
  mark=
  while timeout -k 5 60 "$1" stress --all 2 -t 2s --verify >>"$2" 2>&1; do
    times >"$work/times"
    cpu_seconds "$work/times" | awk -v most="$stress" '{ exit $1 < most }' && { mark='>'; break; }
  done
  times >"$work/times"
  echo "$mark$(cpu_seconds "$work/times")"
)
# What `times` says of children: "0m1.23s 0m0.45s" in the second line.
cpu_seconds() { awk 'NR == 2 { split($0, t, /[ms ]+/); printf "%.1f\n", t[1] * 60 + t[2] + t[3] * 60 + t[4] }' "$1"; }

found=0 missed=0 broken=0
for patch in "$@"; do
  name=$(basename "$patch" .patch)
  log=$work/$name.log
  seconds='' by_stress='' by_tsan=''
  if ! plant "$patch" "$log"; then
    verdict="does not apply"
  elif ! build_in_tree "$sim" "$log"; then
    verdict="does not build"
  else
    "$tree/build/sim/ring3" hunt --budget 180s --first --json "$work/$name.json" >>"$log" 2>&1
    case $? in
      0) verdict=missed ;;
      1) verdict=found ;;
      *) verdict=crashed ;;  # found, though not told apart from others
    esac
    seconds=$(sed -n 's/.*"cpu_seconds":\([0-9.e-]*\).*/\1/p' "$work/$name.json" 2>/dev/null)
    echo "${seconds:-0}" | awk '{ exit $1 <= 60 }' && verdict=missed
    if [ -n "$stress" ]; then
      build_in_tree "$release" "$log" && by_stress=$(until_noticed "$tree/build/release/ring3" "$log")
      build_in_tree "$tsan" "$log" && by_tsan=$(until_noticed "$tree/build/release-thread/ring3" "$log")
    fi
  fi
  case $verdict in
    found | crashed) found=$((found + 1)) ;;
    missed) missed=$((missed + 1)) ;;
    *) broken=$((broken + 1)) ;;
  esac
  printf '%-38s %-14s %8s %8s %8s\n' "$name" "$verdict" "${seconds:+$(printf %.3f "$seconds")}" \
    "$by_stress" "$by_tsan"
  restore
done
echo "$found of $# races found, $missed missed, $broken broken"
[ "$broken" -eq 0 ] && [ "$missed" -le 1 ]
