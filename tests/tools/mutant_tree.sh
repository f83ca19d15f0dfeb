# mutant_tree.sh: for scripts that plant one patch at a time, to be sourced. Works in build/NAME:
# "tree", the copy that a patch is planted in and built, and "whole", from which is taken back what
# that has changed, objects too, so that only what a patch concerns is built.

# copy_tree NAME VARIANT... -- TARGET...: copies the sources and those builds of theirs that are there
# already, and builds the targets, each given as its variables and file in one word.
copy_tree() {
  work=build/$1
  shift
  tree=$work/tree whole=$work/whole
  rm -rf "$work" && mkdir -p "$tree/build"
  git ls-files -co --exclude-standard | while read -r file; do
    if [ -f "$file" ]; then mkdir -p "$tree/$(dirname "$file")" && cp -p "$file" "$tree/$file"; fi
  done
  while [ "$1" != -- ]; do
    [ ! -d "build/$1" ] || cp -a "build/$1" "$tree/build/"
    shift
  done
  shift
  for target in "$@"; do
    build_in_tree "$target" "$work/build.log" || { tail -n 20 "$work/build.log"; exit 2; }
  done
  cp -a "$tree" "$whole"
}

# build_in_tree TARGET LOG
build_in_tree() {
  # shellcheck disable=SC2086
  make --no-print-directory -C "$tree" $1 >>"$2" 2>&1
}

# plant PATCH LOG: false where it does not apply.
plant() {
  touch "$work/start" && sleep 0.01
  patch -d "$tree" -p1 -s --no-backup-if-mismatch <"$1" >"$2" 2>&1 || return 1
  # A patch keeps its own time; the compiler must see a new file.
  sed -n 's|^+++ b/||p' "$1" | while read -r file; do touch "$tree/$file"; done
}

# Puts back everything that is newer than the last plant.
restore() {
  (cd "$tree" && find . -type f -newer ../start -print) | while read -r file; do
    if [ -e "$whole/$file" ]; then cp -p "$whole/$file" "$tree/$file"; else rm -f "$tree/$file"; fi
  done
}
