# The ring3 program. main.cc is linked into the program only, the rest into the tests too.
harness_FOLDERS := harness/base harness/sim harness/stress harness/replay harness/hunt harness/heap harness/pages harness/report
harness_SOURCES := main.cc campaign_command.cc command_line.cc heap_command.cc hunt_command.cc option_values.cc pages_command.cc replay_command.cc sim_command.cc \
	sim_options.cc stress_arguments.cc stress_command.cc tool_arguments.cc \
	base/byte_source.cc base/complain.cc base/parse_values.cc base/spelling.cc base/svg_text.cc base/text_file.cc \
	heap/heap_player.cc heap/heap_run.cc heap/heap_script.cc heap/heap_text.cc heap/heap_timing.cc \
	heap/layout_text.cc heap/libc_run.cc heap/life_picture.cc heap/mtrace.cc heap/random_program.cc \
	heap/sane_calls.cc heap/step_teller.cc \
	hunt/campaign.cc pages/oracle_check.cc pages/oracle_file.cc pages/zoneinfo_check.cc pages/zoneinfo_file.cc sim/network.cc \
	replay/background.cc replay/fragmentation.cc replay/page_map.cc replay/replay.cc replay/replay_plan.cc replay/replay_run.cc \
	replay/trace_gfp.cc replay/trace_parser.cc replay/trace_reader.cc \
	report/deliver.cc report/output_file.cc report/page_map_svg.cc report/proc_files.cc report/replay_json.cc report/replay_text.cc \
	report/stress_json.cc report/stress_text.cc report/yaml.cc \
	stress/crash_handler.cc stress/crew.cc stress/heap_workload.cc stress/kmalloc_workload.cc stress/lock_workload.cc stress/machine.cc \
	stress/object_pattern.cc stress/object_worker.cc stress/pages_workload.cc stress/proc_snapshot.cc stress/registry.cc stress/signals.cc \
	stress/slab_workload.cc stress/stress_options.cc stress/stress_report.cc stress/stress_run.cc \
	stress/tcp_workload.cc stress/transfer_array.cc stress/worker_stats.cc
# Simulations need schedule points, which MODE=sim has.
harness_SIM_SOURCES := sim_run.cc hunt/canary_target.cc hunt/hunter.cc hunt/lock_target.cc hunt/pages_target.cc \
	hunt/percpu_target.cc hunt/scenario.cc hunt/shrink.cc hunt/slab_target.cc hunt/target.cc hunt/tcp_target.cc \
	sim/crash_trap.cc sim/fiber.cc sim/strategy.cc sim/world.cc
harness_MAY_INCLUDE := $(harness_FOLDERS) net mm lockdep lib/cpu lib
harness_UMBRELLA :=
# Rooms of this module: the same rule, inside. Commands, beside main.cc, see all of them.
harness/base_MAY_INCLUDE := lockdep lib/cpu lib
harness/sim_MAY_INCLUDE := harness/base net mm lockdep lib/cpu lib
harness/stress_MAY_INCLUDE := harness/base harness/sim net mm lockdep lib/cpu lib
harness/replay_MAY_INCLUDE := harness/base mm lib/cpu lib
harness/hunt_MAY_INCLUDE := harness/base harness/sim net mm lockdep lib/cpu lib
harness/heap_MAY_INCLUDE := harness/base mm lib/cpu lib
harness/pages_MAY_INCLUDE := harness/base mm lib/cpu lib
harness/report_MAY_INCLUDE := harness/base harness/stress harness/replay mm lib/cpu lib
