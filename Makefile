# ring3: `make help` says what there is. One make, no recursion between modules: each module's
# module.mk lists its sources and the modules it may include.

MODE ?= release
SAN ?=
V ?=
T ?=
PREFIX ?= /usr/local
DESTDIR ?=
ifeq ($(origin CXX),default)
CXX := g++
endif

# ---- The values that are right; a wrong one names them. ----

# All CPUs, unless -j says otherwise.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

MODES := release debug sim
SANITIZERS := address,undefined thread memory
ifeq ($(filter $(MODE),$(MODES)),)
$(error MODE='$(MODE)' is not a build mode; use MODE=release (the default), MODE=debug or MODE=sim)
endif
ifneq ($(SAN),)
ifeq ($(filter $(SAN),$(SANITIZERS)),)
$(error SAN='$(SAN)' is not a sanitizer set; use SAN=address,undefined, SAN=thread or SAN=memory)
endif
endif
ifneq ($(filter-out 0 1,$(V)),)
$(error V='$(V)' is not a verbosity; use V=1 to see every command, or leave it out)
endif
# g++ and clang++-14 are installed on demand; another compiler must be there.
ifeq ($(filter g++ clang++-14,$(CXX)),)
ifeq ($(shell command -v $(firstword $(CXX))),)
$(error CXX='$(CXX)' is not a compiler on this machine; use CXX=g++ (the default) or CXX=clang++-14)
endif
endif
CXX_NAME := $(notdir $(firstword $(CXX)))
CXX_IS_CLANG := $(findstring clang,$(CXX_NAME))
ifeq ($(SAN)$(CXX_IS_CLANG),memory)
$(error SAN=memory needs clang; use CXX=clang++-14 SAN=memory)
endif

Q := $(if $(filter 1,$(V)),,@)

# ---- Modules ----

MODULES := lib lib/cpu lockdep mm/pages mm/slab mm/heap mm net harness
include $(addsuffix /module.mk,$(MODULES))
include tests/module.mk

LIBRARY_MODULES := $(filter-out harness,$(MODULES))
sources_of = $(addprefix $(1)/,$($(1)_SOURCES))
LIBRARY_SOURCES := $(foreach m,$(LIBRARY_MODULES),$(call sources_of,$m))
# main.cc is apart: the tests link the rest of the harness.
SIM_SOURCES := $(addprefix harness/,$(harness_SIM_SOURCES))
HARNESS_SOURCES := $(filter-out harness/main.cc,$(call sources_of,harness)) $(if $(filter sim,$(MODE)),$(SIM_SOURCES))
TEST_SOURCES := $(addprefix tests/,$(tests_SOURCES))
FUZZ_TARGETS := $(fuzz_TARGETS)
BENCHES := $(bench_PROGRAMS)
SIM_TEST_SOURCES := $(addprefix tests/,$(tests_SIM_SOURCES))
ALL_SOURCES := $(LIBRARY_SOURCES) $(filter-out $(SIM_SOURCES),$(HARNESS_SOURCES)) harness/main.cc $(filter-out $(SIM_TEST_SOURCES),$(TEST_SOURCES)) \
	$(FUZZ_TARGETS:%=tests/fuzz/%_fuzz.cc) tests/fuzz/runner_main.cc $(BENCHES:%=tests/bench/%_bench.cc)
ALL_HEADERS := $(wildcard $(addsuffix /*.h,$(MODULES) $(harness_FOLDERS) $(net_FOLDERS)) \
	tests/*.h tests/*/*.h tests/*/*/*.h)

# ---- Flags; each variant has its own folder. ----

empty :=
space := $(empty) $(empty)
comma := ,
VARIANT := $(MODE)$(if $(filter-out g++,$(CXX_NAME)),-$(CXX_NAME))$(if $(SAN),-$(subst $(comma),-,$(SAN)))
B := build/$(VARIANT)

WARNINGS := -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wcast-align -Wundef -Werror \
	$(if $(CXX_IS_CLANG),-Wthread-safety -Wthread-safety-beta)
# Frame pointers in every build: perf's call chains and our own stack traces walk them.
CXXFLAGS_ALL := -std=c++20 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls -pthread -fPIC \
	-I. $(WARNINGS) -MMD -MP -DRING3_BUILD='"$(VARIANT)"'
CXXFLAGS_release := -O2
CXXFLAGS_debug := -O1 -DRING3_DEBUG=1
# Schedule points, and assertions: what a simulation looks for.
CXXFLAGS_sim := -O2 -DRING3_SIM=1 -DRING3_DEBUG=1
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) \
	$(if $(findstring undefined,$(SAN)),-fno-sanitize=vptr)
# The library and everything below the harness neither throws nor asks for a type at run time.
CXXFLAGS_library := -fno-exceptions -fno-rtti
LDFLAGS_ALL := -pthread -rdynamic $(SAN_FLAGS) $(LDFLAGS)
LIBS_LIBRARY := -lfmt
LIBS_HARNESS := $(LIBS_LIBRARY) -lz -llzma -lzstd -lbz2 $(if $(filter sim,$(MODE)),-lboost_context)
LIBS_TESTS := $(LIBS_HARNESS) -lboost_unit_test_framework

COMPILE = $(CXX) $(CXXFLAGS_ALL) $(CXXFLAGS_$(MODE)) $(SAN_FLAGS) $(CXXFLAGS)

object = $(patsubst %.cc,$(B)/obj/%.o,$(1))
LIBRARY_OBJECTS := $(call object,$(LIBRARY_SOURCES))
HARNESS_OBJECTS := $(call object,$(HARNESS_SOURCES))
TEST_OBJECTS := $(call object,$(TEST_SOURCES))

# ---- Targets ----

.PHONY: all stress check test bench bench-cpu bench-pages hunt fuzz mutants mutants-hunt layers analyze format format-check tidy compdb install \
	uninstall clean help deps fuzz-seeds programs fuzz-run
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

all: deps $(B)/ring3 $(B)/libring3.a ## build the program and the library (default)

stress: all ## run the harness over every subsystem, then replay a real kernel trace
	$(B)/ring3 stress --all 2 -t 10s --verify --metrics
	$(B)/ring3 replay tests/data/kmem_trace_net_small.txt.gz

check: deps ## everything that must hold: tests in all variants, layers, format, fuzz seeds, canaries
	$(Q)tests/tools/check.sh

test: deps $(B)/ring3 $(B)/ring3-tests ## run the tests of one variant; T=filter picks some (Boost.Test syntax)
	$(Q)RING3=$(B)/ring3 tests/tools/run_tests.sh $(B)/ring3-tests $(B)/tests.xml '$(T)'

bench: deps $(B)/bench/mm ## micro-benchmarks beside a named peer, with the ratio
	$(Q)$(B)/bench/mm

bench-cpu: deps $(B)/bench/cpu ## per-CPU stacks beside a thread-local array and a per-CPU spinlock
	$(Q)$(B)/bench/cpu

bench-pages: deps $(B)/bench/pages ## the page allocator in the patterns of the field; JSON=F writes the rows, M='repeat o0 t1' picks
	$(Q)JSON='$(JSON)' $(B)/bench/pages $(M)

hunt: ## build MODE=sim and look for races for 60 s
	$(Q)$(MAKE) --no-print-directory MODE=sim SAN= deps build/sim/ring3
	build/sim/ring3 hunt --budget 60s

fuzz: deps ## fuzz every target for FUZZ_SECONDS (default 30) each, with clang, ASan and UBSan
	$(Q)$(MAKE) --no-print-directory CXX=clang++-14 MODE=debug SAN=address,undefined fuzz-run

fuzz-seeds: $(FUZZ_TARGETS:%=$(B)/fuzz/%) ## run the fuzz targets over their seed inputs only
	$(Q)for target in $(FUZZ_TARGETS); do $(B)/fuzz/$$target tests/fuzz/seeds/$$target || exit 1; done

mutants-hunt: deps ## plant one race at a time and see how soon a hunt finds it; M='patch...' or M='--stress SECONDS'
	$(Q)tests/tools/mutants_hunt.sh $(M)

mutants: deps ## plant one wrong line at a time and see that the tests notice; M='patch...' picks some
	$(Q)tests/tools/mutants.sh $(M)

layers: ## prove from the includes that dependencies point one way
	$(Q)tests/tools/layers.sh $(foreach m,$(MODULES) $(net_FOLDERS) $(harness_FOLDERS),'$(m):$($(m)_MAY_INCLUDE):$($(m)_UMBRELLA)')

ANALYZE := xargs -P 2 -n 8 clang++-14 -fsyntax-only -std=c++20 -I. -DRING3_BUILD='"analyze"' \
	-DRING3_DEBUG=1 -Wall -Wextra -Wthread-safety -Wthread-safety-beta -Werror
analyze: deps ## clang's thread-safety analysis over all sources, as errors
	$(Q)printf '%s\n' $(ALL_SOURCES) | $(ANALYZE)
	$(Q)printf '%s\n' $(SIM_SOURCES) $(SIM_TEST_SOURCES) $(LIBRARY_SOURCES) | $(ANALYZE) -DRING3_SIM=1

format: deps ## rewrite all sources in the house style
	$(Q)clang-format-14 -i $(ALL_SOURCES) $(SIM_SOURCES) $(SIM_TEST_SOURCES) $(ALL_HEADERS)

format-check: deps
	$(Q)clang-format-14 --dry-run -Werror $(ALL_SOURCES) $(SIM_SOURCES) $(SIM_TEST_SOURCES) $(ALL_HEADERS)

tidy: deps ## clang-tidy over the library and the harness
	$(Q)printf '%s\n' $(LIBRARY_SOURCES) $(HARNESS_SOURCES) | xargs -P 2 -I{} \
		clang-tidy-14 --quiet {} -- -std=c++20 -I. -DRING3_BUILD='"tidy"'

compdb: ## write compile_commands.json for editors
	$(Q)$(MAKE) --no-print-directory -Bnk V=1 programs 2>/dev/null | awk -v dir='$(CURDIR)' -f tests/tools/compdb.awk > compile_commands.json
	@echo "compile_commands.json: $$(grep -c '"file"' compile_commands.json) files"

install: $(B)/ring3 $(B)/libring3.a ## install the program, library, headers and ring3.pc; PREFIX= DESTDIR=
	install -D -m 755 $(B)/ring3 $(DESTDIR)$(PREFIX)/bin/ring3
	install -D -m 644 $(B)/libring3.a $(DESTDIR)$(PREFIX)/lib/libring3.a
	$(Q)for header in $(LIBRARY_HEADERS); do install -D -m 644 $$header $(DESTDIR)$(PREFIX)/include/ring3/$$header || exit 1; done
	$(Q)install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'Name: ring3' \
		'Description: The Linux kernel memory-subsystem design in user space' 'Version: 0.1' \
		'Cflags: -I$${prefix}/include/ring3 -std=c++20' 'Libs: -L$${prefix}/lib -lring3 -lfmt -pthread' \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/ring3.pc

uninstall: ## remove what install put there
	rm -rf $(DESTDIR)$(PREFIX)/bin/ring3 $(DESTDIR)$(PREFIX)/lib/libring3.a \
		$(DESTDIR)$(PREFIX)/include/ring3 $(DESTDIR)$(PREFIX)/lib/pkgconfig/ring3.pc

clean: ## remove everything that was built
	rm -rf build compile_commands.json

help: ## this list
	@echo 'make [target] [MODE=release|debug|sim] [SAN=address,undefined|thread|memory] [CXX=g++|clang++-14] [V=1] [T=filter]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

LIBRARY_HEADERS := $(wildcard $(addsuffix /*.h,$(LIBRARY_MODULES) $(net_FOLDERS)))

# ---- What must be installed ----

deps:
	$(Q)tests/tools/deps.sh

# ---- Rules ----

programs: $(B)/ring3 $(B)/ring3-tests $(BENCHES:%=$(B)/bench/%) $(FUZZ_TARGETS:%=$(B)/fuzz/%)

$(B)/obj/%.o: %.cc | deps
	@mkdir -p $(@D)
	$(if $(Q),@echo '  CXX  $@')
	$(Q)$(COMPILE) $(EXTRA_FLAGS) -c $< -o $@

$(LIBRARY_OBJECTS): EXTRA_FLAGS = $(CXXFLAGS_library)
# Line tables are all that a failing test needs, and Boost's types are most of a build: the tests
# themselves are optimized less than what they test.
TEST_LEVEL := $(if $(filter debug,$(MODE)),-O0,-O1)
$(TEST_OBJECTS): EXTRA_FLAGS = -DBOOST_TEST_DYN_LINK -g1 $(TEST_LEVEL)

$(B)/libring3.a: $(LIBRARY_OBJECTS)
	$(if $(Q),@echo '  AR   $@')
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/ring3: $(B)/obj/harness/main.o $(HARNESS_OBJECTS) $(B)/libring3.a
	$(if $(Q),@echo '  LINK $@')
	$(Q)$(CXX) $(LDFLAGS_ALL) $^ $(LIBS_HARNESS) -o $@

# The library whole and first: of a function that both have from a header, the linker takes its.
$(B)/ring3-tests: $(HARNESS_OBJECTS) $(B)/libring3.a $(TEST_OBJECTS)
	$(if $(Q),@echo '  LINK $@')
	$(Q)$(CXX) $(LDFLAGS_ALL) $(HARNESS_OBJECTS) -Wl,--whole-archive $(B)/libring3.a -Wl,--no-whole-archive \
		$(TEST_OBJECTS) $(LIBS_TESTS) -o $@

$(B)/bench/%: $(B)/obj/tests/bench/%_bench.o $(B)/libring3.a
	@mkdir -p $(@D)
	$(if $(Q),@echo '  LINK $@')
	$(Q)$(CXX) $(LDFLAGS_ALL) $^ $(LIBS_LIBRARY) -lbenchmark -o $@

# A fuzz target is libFuzzer's under clang; elsewhere, and for seeds, our own runner drives it.
$(B)/fuzz/%: $(B)/obj/tests/fuzz/%_fuzz.o $(B)/obj/tests/fuzz/runner_main.o $(HARNESS_OBJECTS) $(B)/libring3.a
	@mkdir -p $(@D)
	$(if $(Q),@echo '  LINK $@')
	$(Q)$(CXX) $(LDFLAGS_ALL) $^ $(LIBS_HARNESS) -o $@

# libFuzzer instruments the code under test, so its objects are apart.
FUZZ_SECONDS ?= 30
fuzz-run: $(FUZZ_TARGETS:%=$(B)/libfuzzer/%)
	$(Q)for target in $(FUZZ_TARGETS); do \
		mkdir -p build/corpus/$$target build/artifacts/$$target && \
		$(B)/libfuzzer/$$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
			-artifact_prefix=build/artifacts/$$target/ \
			build/corpus/$$target tests/fuzz/seeds/$$target || exit 1; done

$(B)/libfuzzer-obj/%.o: %.cc | deps
	@mkdir -p $(@D)
	$(if $(Q),@echo '  CXX  $@')
	$(Q)$(COMPILE) -fsanitize=fuzzer-no-link -c $< -o $@

$(B)/libfuzzer/%: $(B)/libfuzzer-obj/tests/fuzz/%_fuzz.o \
		$(patsubst %.cc,$(B)/libfuzzer-obj/%.o,$(LIBRARY_SOURCES) $(HARNESS_SOURCES))
	@mkdir -p $(@D)
	$(if $(Q),@echo '  LINK $@')
	$(Q)$(CXX) $(LDFLAGS_ALL) -fsanitize=fuzzer $^ $(LIBS_HARNESS) -o $@

-include $(patsubst %.o,%.d,$(LIBRARY_OBJECTS) $(HARNESS_OBJECTS) $(TEST_OBJECTS) $(B)/obj/harness/main.o \
	$(BENCHES:%=$(B)/obj/tests/bench/%_bench.o) $(B)/obj/tests/fuzz/runner_main.o $(FUZZ_TARGETS:%=$(B)/obj/tests/fuzz/%_fuzz.o) \
	$(patsubst %.cc,$(B)/libfuzzer-obj/%.o,$(LIBRARY_SOURCES) $(HARNESS_SOURCES) $(FUZZ_TARGETS:%=tests/fuzz/%_fuzz.cc)))
