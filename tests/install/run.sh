#!/bin/sh
# Installs into the empty folder $1, builds and runs a client with pkg-config, and uninstalls: no
# file may stay.
set -eu
root=$1
rm -rf "$root"
make --no-print-directory install PREFIX=/usr DESTDIR="$root"
export PKG_CONFIG_SYSROOT_DIR="$root" PKG_CONFIG_PATH="$root/usr/lib/pkgconfig"
# shellcheck disable=SC2046
g++ tests/install/client.cc $(pkg-config --cflags --libs ring3) -o "$root.client"
"$root.client"
"$root/usr/bin/ring3" --version
make --no-print-directory uninstall PREFIX=/usr DESTDIR="$root"
left=$(find "$root" -type f)
[ -z "$left" ] || { echo "uninstall left: $left" >&2; exit 1; }
