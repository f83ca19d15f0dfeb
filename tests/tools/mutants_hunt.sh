#!/bin/sh
# mutants_hunt.sh [PATCH...]: how soon `ring3 hunt` finds planted races. Each patch of
# tests/mutants/concurrency is one race that a careful reviewer would catch. It is applied to a copy of
# the tree, MODE=sim is built, and hunted until the first finding, for 60 CPU-seconds at most. Ends with
# 0 when all but one are found.
set -u
tree=build/mutants-hunt/tree
found=0 missed=0 broken=0
[ $# -gt 0 ] || set -- tests/mutants/concurrency/*.patch

rm -rf build/mutants-hunt && mkdir -p "$tree"
git ls-files -co --exclude-standard | while read -r file; do
  if [ -f "$file" ]; then mkdir -p "$tree/$(dirname "$file")" && cp -p "$file" "$tree/$file"; fi
done
if [ -d build/sim ]; then mkdir -p "$tree/build" && cp -a build/sim "$tree/build/"; fi
make --no-print-directory -C "$tree" MODE=sim SAN= build/sim/ring3 >build/mutants-hunt/build.log 2>&1 ||
  { tail -n 20 build/mutants-hunt/build.log; exit 2; }

for patch in "$@"; do
  name=$(basename "$patch" .patch)
  path=$(sed -n 's|^+++ b/||p' "$patch" | head -n 1)
  log=build/mutants-hunt/$name.log
  seconds=
  if ! patch -d "$tree" -p1 -s --no-backup-if-mismatch <"$patch" >"$log" 2>&1; then
    verdict="does not apply"
  else
    touch "$tree/$path"
    if ! make --no-print-directory -C "$tree" MODE=sim SAN= CXXFLAGS=-Wno-error build/sim/ring3 >>"$log" 2>&1; then
      verdict="does not build"
    else
      "$tree/build/sim/ring3" hunt --budget 60s --first --json "$log.json" >>"$log" 2>&1
      case $? in
        0) verdict=missed ;;
        1) verdict=found ;;
        *) verdict=crashed ;;  # found, though not told apart from others
      esac
      seconds=$(sed -n 's/.*"cpu_seconds":\([0-9.]*\).*/\1/p' "$log.json" 2>/dev/null)
    fi
  fi
  case $verdict in
    found | crashed) found=$((found + 1)) ;;
    missed) missed=$((missed + 1)) ;;
    *) broken=$((broken + 1)) ;;
  esac
  printf '%-38s %-14s %s\n' "$name" "$verdict" "${seconds:+$seconds CPU-seconds}"
  cp -p "$path" "$tree/$path" && touch "$tree/$path"
done
echo "$found of $# races found, $missed missed, $broken broken"
[ "$broken" -eq 0 ] && [ "$missed" -le 1 ]
