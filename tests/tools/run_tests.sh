#!/bin/sh
# run_tests.sh PROGRAM JUNIT-FILE [FILTER]: runs a Boost.Test program and ends with the line
# "N passed, N failed" (", N skipped" may follow), counted from the JUnit file. Boost's own summary
# does not count. Exit status: 0 when all passed, 1 otherwise.
set -u
program=$1 junit=$2 filter=${3:-}
rm -f "$junit"
"$program" ${filter:+"--run_test=$filter"} --color_output=no --report_level=no \
  --logger=HRF,error,stdout --logger="JUNIT,message,$junit"
status=$?
if [ ! -s "$junit" ]; then
  echo "$program ended with status $status before it wrote its results" >&2
  echo "0 passed, 1 failed"
  exit 1
fi
awk -v status="$status" -v filtered="${filter:+1}" -f "$(dirname "$0")/junit.awk" "$junit"
