# The ring3 program. main.cc is linked into the program only, the rest into the tests too.
harness_FOLDERS := harness/stress harness/replay harness/report harness/sim harness/hunt
harness_SOURCES := main.cc campaign_command.cc command_line.cc complain.cc hunt_command.cc parse_values.cc replay_command.cc spelling.cc \
	hunt/campaign.cc sim/network.cc sim/sim_options.cc sim_command.cc text_file.cc \
	stress_command.cc \
	replay/byte_source.cc replay/fragmentation.cc replay/replay.cc replay/replay_machine.cc \
	replay/replay_plan.cc replay/trace_gfp.cc replay/trace_parser.cc replay/trace_reader.cc \
	report/deliver.cc report/output_file.cc report/replay_json.cc report/replay_text.cc \
	report/stress_json.cc report/stress_text.cc report/yaml.cc \
	stress/crash_handler.cc stress/crew.cc stress/kmalloc_workload.cc stress/lock_workload.cc stress/machine.cc \
	stress/object_pattern.cc stress/object_worker.cc stress/pages_workload.cc stress/registry.cc stress/signals.cc \
	stress/slab_workload.cc stress/stress_options.cc stress/stress_report.cc stress/stress_run.cc \
	stress/tcp_workload.cc stress/transfer_array.cc stress/worker_stats.cc
# Simulations need schedule points, which MODE=sim has.
harness_SIM_SOURCES := hunt/canary_target.cc hunt/hunter.cc hunt/lock_target.cc hunt/pages_target.cc hunt/percpu_target.cc \
	hunt/scenario.cc hunt/shrink.cc hunt/slab_target.cc hunt/target.cc hunt/tcp_target.cc \
	sim/crash_trap.cc sim/fiber.cc sim/sim_run.cc sim/strategy.cc sim/world.cc
harness_MAY_INCLUDE := net mm lockdep lib/cpu lib
harness_UMBRELLA :=
