# Foundations: values, no policy, nothing of ours below.
lib_SOURCES := address_window.cc asan_describer.cc check.cc index_set.cc os.cc reservation.cc report_sink.cc stack_trace.cc
lib_MAY_INCLUDE :=
