// What a worker of objects holds, and inherits.

#include "harness/stress/object_worker.h"

#include <boost/test/unit_test.hpp>

#include "tests/recording_sink.h"

namespace ring3::harness {
namespace {

// Of an allocator that has nothing.
class PoorWorker final : public ObjectWorker {
 public:
  PoorWorker(WorkerStats& stats, TransferArray& transfer)
      : ObjectWorker(Prng(1), stats, transfer,
                     {.objects = 4, .bytes = 100, .depth = PatternDepth::kWhole}) {}

 private:
  Object allocate() override { return {.address = nullptr, .bytes = 100, .kind = 1}; }
  void release(const Object& /*object*/) override { BOOST_ERROR("nothing was there to release"); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_object_worker)

// What was refused is held by nobody: a worker who counted it as his would ask for nothing more.
BOOST_AUTO_TEST_CASE(what_was_refused_is_not_inherited) {
  test::RecordingSink sink;
  const auto lockdep = std::move(lockdep::Lockdep::create(sink).value());
  TransferArray transfer(*lockdep);
  WorkerStats stats;
  for (uint64_t generation = 1; generation <= 3; ++generation) {
    PoorWorker worker(stats, transfer);
    for (int i = 0; i < 100; ++i) worker.operate();
    BOOST_TEST(stats.failures == generation * 100);
    worker.retire();
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
