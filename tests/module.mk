# Tests mirror the tree: tests/<module>/<unit>_test.cc. Nothing outside tests/ sees them.
tests_SOURCES := test_main.cc harness/run_program.cc $(patsubst tests/%,%,$(wildcard \
	$(foreach folder,lib lib/cpu lockdep mm mm/pages mm/slab net net/wire net/timer net/tcp net/dev harness, \
		tests/$(folder)/*_test.cc)))
# Each is tests/fuzz/<target>_fuzz.cc with seed inputs in tests/fuzz/seeds/<target>/.
fuzz_TARGETS := lockdep options pages slab tcp_segment timer trace
# Each is tests/bench/<program>_bench.cc.
bench_PROGRAMS := cpu mm
