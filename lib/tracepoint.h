#pragma once

// Static probes for perf, bpftrace and SystemTap: provider `ring3`, named and with arguments in
// the order of the kernel's tracepoints. A probe nobody attached to is one nop; its arguments are
// evaluated all the same, so pass only what is at hand. Where <sys/sdt.h> (Debian's
// systemtap-sdt-dev) is missing, probes compile to nothing.
//
//   perf probe -x build/release/ring3 'sdt_ring3:*'
//   perf stat -e 'sdt_ring3:*' build/release/ring3 stress --all 2 -t 5s

#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define RING3_TRACE0(name) DTRACE_PROBE(ring3, name)
#define RING3_TRACE1(name, a) DTRACE_PROBE1(ring3, name, a)
#define RING3_TRACE2(name, a, b) DTRACE_PROBE2(ring3, name, a, b)
#define RING3_TRACE3(name, a, b, c) DTRACE_PROBE3(ring3, name, a, b, c)
#define RING3_TRACE4(name, a, b, c, d) DTRACE_PROBE4(ring3, name, a, b, c, d)
#define RING3_TRACE5(name, a, b, c, d, e) DTRACE_PROBE5(ring3, name, a, b, c, d, e)
#define RING3_TRACE6(name, a, b, c, d, e, f) DTRACE_PROBE6(ring3, name, a, b, c, d, e, f)
#else
#define RING3_TRACE0(name) ((void)0)
#define RING3_TRACE1(name, a) ((void)(a))
#define RING3_TRACE2(name, a, b) ((void)(a), (void)(b))
#define RING3_TRACE3(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#define RING3_TRACE4(name, a, b, c, d) ((void)(a), (void)(b), (void)(c), (void)(d))
#define RING3_TRACE5(name, a, b, c, d, e) ((void)(a), (void)(b), (void)(c), (void)(d), (void)(e))
#define RING3_TRACE6(name, a, b, c, d, e, f) \
  ((void)(a), (void)(b), (void)(c), (void)(d), (void)(e), (void)(f))
#endif
