#!/bin/sh
# Installs what ring3 needs and this machine lacks, with apt, as root or through sudo; where neither
# is possible, prints the exact command and stops. Quick when nothing is missing.
set -eu

packages="g++ make pkg-config libboost-test-dev libboost-context-dev libfmt-dev libcli11-dev nlohmann-json3-dev robin-map-dev
zlib1g-dev liblzma-dev libzstd-dev libbz2-dev libdw-dev systemtap-sdt-dev libbenchmark-dev clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14"

# A package manager other than Debian's: the compiler will say what it misses.
command -v dpkg-query >/dev/null 2>&1 || exit 0

missing=
for package in $packages; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" -eq 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
  as_root=sudo
else
  echo "ring3 needs packages that are not installed, and this user may not install them." >&2
  echo "Run this as root, then make again:" >&2
  echo "  apt-get update && $install" >&2
  exit 1
fi
echo "ring3: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq && $as_root $install -qq >/dev/null || {
  echo "ring3: installing failed; run this as root and look at what it says:" >&2
  echo "  apt-get update && $install" >&2
  exit 1
}
