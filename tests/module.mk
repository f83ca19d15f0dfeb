# Tests mirror the tree: tests/<module>/<unit>_test.cc. Nothing outside tests/ sees them. MODE=sim has
# those of what is different there, and of what there is only there.
tests_SIM_FOLDERS := harness/sim harness/hunt
tests_FOLDERS := $(if $(filter sim,$(MODE)),lib/cpu lockdep $(tests_SIM_FOLDERS),\
	lib lib/cpu lockdep mm mm/pages mm/slab net net/wire net/timer net/tcp net/dev harness)
tests_SOURCES := test_main.cc harness/run_program.cc $(patsubst tests/%,%,$(wildcard \
	$(tests_FOLDERS:%=tests/%/*_test.cc)))
# Each is tests/fuzz/<target>_fuzz.cc with seed inputs in tests/fuzz/seeds/<target>/.
fuzz_TARGETS := lockdep options pages slab tcp_segment timer trace
# Each is tests/bench/<program>_bench.cc.
bench_PROGRAMS := cpu mm
