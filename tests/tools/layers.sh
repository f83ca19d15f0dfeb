#!/bin/sh
# layers.sh 'MODULE:MAY INCLUDE ...:UMBRELLA' ...: reads every #include "…" of every module and
# fails when one points to a module that the including one may not use, or past the umbrella
# header of a module that has one. Paths in includes start at the top of the tree.
set -u
printf '%s\n' "$@" | awk -F: '
  { modules[++n] = $1; may[$1] = " " $2 " "; umbrella[$1] = $3 }
  # The module a file belongs to: the longest one that is a prefix of its path.
  function module_of(path,   i, best) {
    best = ""
    for (i = 1; i <= n; i++)
      if (index(path, modules[i] "/") == 1 && length(modules[i]) > length(best)) best = modules[i]
    return best
  }
  END {
    find = "find"
    for (i = 1; i <= n; i++) find = find " " modules[i]
    find = find " -name \"*.h\" -o -name \"*.cc\" | sort -u"
    while ((find | getline file) > 0) {
      from = module_of(file)
      files++
      while ((getline line < file) > 0) {
        if (line !~ /^#include "/) continue
        split(line, parts, "\"")
        to = module_of(parts[2])
        includes++
        if (to == "") { complain(file, parts[2], "is in no module"); continue }
        if (to == from) continue
        if (index(may[from], " " to " ") == 0)
          complain(file, parts[2], from " may include only:" may[from])
        else if (umbrella[to] != "" && parts[2] != umbrella[to])
          complain(file, parts[2], "use the umbrella " umbrella[to])
      }
      close(file)
    }
    if (files == 0) { print "layers: found no source files"; exit 1 }
    printf "layers: %d includes in %d files, %d wrong\n", includes, files, wrong
    exit wrong > 0
  }
  function complain(file, target, why) { printf "%s: includes \"%s\": %s\n", file, target, why; wrong++ }
'
wrong=$?

# Above lib/cpu the task and the topology say who runs and where: nobody else asks the host, or
# keeps state of its own for each thread.
asks='os::(current_cpu|allowed_cpus|configured_cpus|thread_id|thread_name|rseq_fence|futex_wait|futex_wake|yield)\b|gettid|sched_getcpu|thread_local'
if grep -rnE "$asks" --include='*.h' --include='*.cc' lockdep mm net harness; then
  echo 'layers: above lib/cpu, ask Task::current() and Topology'
  wrong=1
fi
exit "$wrong"
