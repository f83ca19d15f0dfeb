#!/bin/sh
# mutants.sh [PATCH...]: proves that the tests can fail. Each tests/mutants/*.patch is one wrong line
# that a careful reviewer would catch. It is applied to a copy of the tree, what it changes is built,
# and the tests of the module it lies in are run: they must fail ("killed"). A mutant that no test
# notices ("survived") is named with what is wrong. Ends with 0 when at least 95 % are killed.
# Takes a few minutes a header that everybody includes, and seconds a source.
set -u
tree=build/mutants/tree whole=build/mutants/whole
killed=0 survived=0 broken=0
[ $# -gt 0 ] || set -- tests/mutants/*.patch

# Two copies: one to work in, one to take back from it what a mutant has changed.
rm -rf build/mutants && mkdir -p "$tree"
git ls-files -co --exclude-standard | while read -r file; do
  if [ -f "$file" ]; then mkdir -p "$tree/$(dirname "$file")" && cp -p "$file" "$tree/$file"; fi
done
if [ -d build/release ]; then mkdir -p "$tree/build" && cp -a build/release "$tree/build/"; fi
make --no-print-directory -C "$tree" build/release/ring3 build/release/ring3-tests \
  >build/mutants/build.log 2>&1 || { tail -n 20 build/mutants/build.log; exit 2; }
cp -a "$tree" "$whole"

# The Boost.Test suites of the module that a path lies in.
suites_of() {
  case $1 in
    lib/*) echo 'lib_*' ;;
    lockdep/*) echo 'lockdep_*' ;;
    mm/pages/*) echo 'mm_pages_*' ;;
    mm/*) echo 'mm_slab_*,mm_memory' ;;
    net/*) echo 'net_*' ;;
    *) echo 'harness_*' ;;
  esac
}

# Puts back everything that is newer than the copy.
restore() {
  (cd "$tree" && find . -type f -newer "../start" -print) | while read -r file; do
    if [ -e "$whole/$file" ]; then cp -p "$whole/$file" "$tree/$file"; else rm -f "$tree/$file"; fi
  done
}

for patch in "$@"; do
  name=$(basename "$patch" .patch)
  path=$(sed -n 's|^+++ b/||p' "$patch" | head -n 1)
  log=build/mutants/$name.log
  touch build/mutants/start && sleep 0.01
  started=$(date +%s)
  if ! patch -d "$tree" -p1 -s --no-backup-if-mismatch <"$patch" >"$log" 2>&1; then
    verdict="does not apply"
  else
    # A patch keeps its own time; the compiler must see a new file.
    touch "$tree/$path"
    if ! make --no-print-directory -C "$tree" build/release/ring3 build/release/ring3-tests >>"$log" 2>&1; then
      verdict="does not build"
    elif (cd "$tree" && RING3=build/release/ring3 timeout 120 build/release/ring3-tests \
        --run_test="$(suites_of "$path")" --color_output=no) >>"$log" 2>&1; then
      verdict=survived
    else
      verdict=killed
    fi
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
