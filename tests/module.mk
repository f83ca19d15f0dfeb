# Tests mirror the tree: tests/<module>/<unit>_test.cc. Nothing outside tests/ sees them. MODE=sim has
# those of what is different there, and those of what there is only there.
tests_FOLDERS := $(if $(filter sim,$(MODE)),lib/cpu lockdep harness/hunt harness/sim,\
	lib lib/cpu lockdep mm mm/pages mm/slab mm/heap net $(net_FOLDERS) harness $(harness_FOLDERS))
tests_SIM_SOURCES := harness/hunt/hunter_test.cc harness/hunt/scenario_test.cc harness/hunt_cli_test.cc \
	harness/sim/world_test.cc harness/sim_cli_test.cc
tests_SOURCES := test_main.cc harness/run_program.cc $(sort \
	$(filter-out $(tests_SIM_SOURCES),$(patsubst tests/%,%,$(wildcard $(tests_FOLDERS:%=tests/%/*_test.cc)))) \
	$(if $(filter sim,$(MODE)),$(tests_SIM_SOURCES)))
# Each is tests/fuzz/<target>_fuzz.cc with seed inputs in tests/fuzz/seeds/<target>/.
fuzz_TARGETS := heap heap_script lockdep options pages policies slab tcp_segment timer trace
# Each is tests/bench/<program>_bench.cc.
bench_PROGRAMS := cpu mm pages
