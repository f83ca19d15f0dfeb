#!/bin/sh
# mutants.sh [PATCH...]: proves that the tests can fail. Each tests/mutants/*.patch is one wrong line
# that a careful reviewer would catch. It is applied to a copy of the tree, what it changes is built,
# and the tests of the module it lies in are run: they must fail ("killed"). A mutant that no test
# notices ("survived") is named with what is wrong. Ends with 0 when at least 95 % are killed.
# Takes a few minutes a header that everybody includes, and seconds a source.
set -u
. tests/tools/mutant_tree.sh
killed=0 survived=0 broken=0
[ $# -gt 0 ] || set -- tests/mutants/*.patch
programs='build/release/ring3 build/release/ring3-tests'
copy_tree mutants release -- "$programs"

# The Boost.Test suites of the module that a path lies in.
suites_of() {
  case $1 in
    lib/*) echo 'lib_*' ;;
    lockdep/*) echo 'lockdep_*' ;;
    mm/pages/*) echo 'mm_pages_*,harness_pages_*' ;;
    mm/heap/*) echo 'mm_heap*' ;;
    mm/*) echo 'mm_slab_*,mm_memory' ;;
    net/*) echo 'net_*' ;;
    *) echo 'harness_*' ;;
  esac
}

for patch in "$@"; do
  name=$(basename "$patch" .patch)
  path=$(sed -n 's|^+++ b/||p' "$patch" | head -n 1)
  log=$work/$name.log
  started=$(date +%s)
  if ! plant "$patch" "$log"; then
    verdict="does not apply"
  elif ! build_in_tree "$programs" "$log"; then
    verdict="does not build"
  elif (cd "$tree" && RING3=build/release/ring3 timeout 120 build/release/ring3-tests \
      --run_test="$(suites_of "$path")" --color_output=no) >>"$log" 2>&1; then
    verdict=survived
  else
    verdict=killed
  fi
  case $verdict in
    killed) killed=$((killed + 1)) ;;
    survived) survived=$((survived + 1)) ;;
    *) broken=$((broken + 1)) ;;
  esac
  printf '%-36s %4ds  %s\n' "$name" "$(($(date +%s) - started))" "$verdict"
  [ "$verdict" = killed ] || sed -n '1s/^/    /p' "$patch"
  restore
done

all=$((killed + survived + broken))
echo "$killed of $all mutants killed ($((killed * 100 / all)) %), $survived survived, $broken broken"
[ $((killed * 100)) -ge $((all * 95)) ]
