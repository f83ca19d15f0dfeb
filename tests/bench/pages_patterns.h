#pragma once

// The patterns in which the field measures page allocators: LLFree's repeat, bulk and random
// (USENIX ATC 2023), bursts larger than any cache, and a producer whose frames another thread
// frees.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "lib/prng.h"
#include "tests/bench/pages_peers.h"
#include "tests/bench/slices.h"

namespace ring3::bench {

enum class Pattern { kRepeat, kBulk, kRandom, kBurst, kProdcons };
inline constexpr std::array<Pattern, 5> kPatterns = {
    Pattern::kRepeat, Pattern::kBulk, Pattern::kRandom, Pattern::kBurst, Pattern::kProdcons};
inline constexpr std::array<const char*, 5> kPatternNames = {"repeat", "bulk", "random", "burst",
                                                             "prodcons"};

inline constexpr uint64_t kFrames = uint64_t{1} << 20;  // 4 GiB

// Where all threads of a run meet.
class Gate {
 public:
  explicit Gate(unsigned threads) : threads_(threads) {}
  void pass() {
    const unsigned round = round_.load();
    if (waiting_.fetch_add(1) + 1 == threads_) {
      waiting_.store(0);
      round_.store(round + 1);
      return;
    }
    while (round_.load() == round) std::this_thread::yield();
  }

 private:
  const unsigned threads_;
  std::atomic<unsigned> waiting_{0};
  std::atomic<unsigned> round_{0};
};

// What one thread of a run timed: each part, and how many of its operations a pair has.
struct Timed {
  Slices slices;
  double ops_a_pair = 1;
};

// A ring of frames from one thread to another.
class FrameRing {
 public:
  void push(Frame frame) {
    const uint64_t at = pushed_.load(std::memory_order_relaxed);
    while (at - popped_.load(std::memory_order_acquire) >= kSize) __builtin_ia32_pause();
    frames_[at % kSize] = frame;
    pushed_.store(at + 1, std::memory_order_release);
  }
  Frame pop() {
    const uint64_t at = popped_.load(std::memory_order_relaxed);
    while (pushed_.load(std::memory_order_acquire) == at) __builtin_ia32_pause();
    const Frame frame = frames_[at % kSize];
    popped_.store(at + 1, std::memory_order_release);
    return frame;
  }

 private:
  static constexpr size_t kSize = 256;
  std::array<Frame, kSize> frames_{};
  alignas(64) std::atomic<uint64_t> pushed_{0};
  alignas(64) std::atomic<uint64_t> popped_{0};
};

// One thread of a run of `pattern` at one order.
template <class Peer>
class PagesThread {
 public:
  PagesThread(Peer& peer, Gate& gate, FrameRing& ring, unsigned thread, unsigned threads,
              unsigned order)
      : peer_(peer),
        gate_(gate),
        ring_(ring),
        thread_(thread),
        order_(order),
        share_((kFrames >> order) / threads),
        prng_(thread + 1) {}

  std::vector<Timed> run(Pattern pattern) {
    switch (pattern) {
      case Pattern::kRepeat:
        repeat();
        break;
      case Pattern::kBulk:
        bulk();
        break;
      case Pattern::kRandom:
        random();
        break;
      case Pattern::kBurst:
        burst();
        break;
      case Pattern::kProdcons:
        prodcons();
        break;
    }
    gate_.pass();
    return std::move(timed_);
  }

 private:
  static constexpr uint64_t kPairs = 200'000;

  Frame alloc() { return peer_.alloc(thread_, order_); }
  void free(Frame frame) {
    if (frame != kNoFrame) peer_.free(thread_, frame, order_);
  }
  // Starts with the other thread, and is timed.
  template <class Operation>
  void time(uint64_t ops, double ops_a_pair, Operation operation) {
    gate_.pass();
    Timed& timed = timed_.emplace_back();
    timed.ops_a_pair = ops_a_pair;
    timed.slices.run(ops, operation);
  }

  void repeat() {
    time(kPairs, 1, [this](uint64_t) { free(alloc()); });
  }
  // Half of what there is, and all of it back in the same order; as often as makes enough pairs.
  void bulk() {
    std::vector<Frame> held(share_ / 2);
    time(std::max<uint64_t>(2 * held.size(), kPairs) / (2 * held.size()) * 2 * held.size(), 2,
         [&](uint64_t i) {
           const uint64_t at = i % (2 * held.size());
           at < held.size() ? void(held[at] = alloc()) : free(held[at - held.size()]);
         });
  }
  // Memory is full, a random half of it goes, and then one at random goes and one comes, again and
  // again.
  void random() {
    std::vector<Frame> held;
    for (uint64_t i = 0; i < share_; ++i) {
      const Frame frame = alloc();
      if (frame == kNoFrame) break;
      held.push_back(frame);
    }
    gate_.pass();  // nobody frees while somebody fills
    for (size_t i = held.size(); i > 1; --i) std::swap(held[i - 1], held[prng_.below(i)]);
    while (held.size() > share_ / 2) {
      free(held.back());
      held.pop_back();
    }
    time(kPairs, 1, [&](uint64_t) {
      Frame& frame = held[prng_.below(held.size())];
      free(frame);
      frame = alloc();
    });
    for (const Frame frame : held) free(frame);
  }
  void burst() {
    const uint64_t length = std::min<uint64_t>(2048, share_ / 4);
    std::vector<Frame> held(length);
    time(kPairs / length * 2 * length, 2, [&](uint64_t i) {
      const uint64_t at = i % (2 * length);
      at < length ? void(held[at] = alloc()) : free(held[at - length]);
    });
  }
  // The second thread frees what the first one allocates.
  void prodcons() {
    if (thread_ == 0) {
      time(kPairs, 1, [this](uint64_t) { ring_.push(alloc()); });
    } else {
      time(kPairs, 1, [this](uint64_t) { free(ring_.pop()); });
    }
  }

  Peer& peer_;
  Gate& gate_;
  FrameRing& ring_;
  const unsigned thread_;
  const unsigned order_;
  const uint64_t share_;  // blocks of the arena that are this thread's to use
  Prng prng_;
  std::vector<Timed> timed_;
};

// Nanoseconds a pair of one run, of one thread or of the slower of two; less than 0 when the host
// did not let them run long enough to say.
template <class Peer>
double run_pages(Pattern pattern, unsigned order, unsigned threads) {
  Peer peer(kFrames, threads, order);
  Gate gate(threads);
  FrameRing ring;
  std::array<std::vector<Timed>, 2> timed;
  const auto work = [&](unsigned thread) {
    timed[thread] = PagesThread<Peer>(peer, gate, ring, thread, threads, order).run(pattern);
  };
  std::thread other;
  if (threads == 2) other = std::thread(work, 1);
  work(0);
  if (threads == 2) other.join();
  double slowest = 0;
  for (unsigned thread = 0; thread < threads; ++thread) {
    double ns = 0;
    for (size_t part = 0; part < timed[thread].size(); ++part) {
      const Slices* beside = threads == 2 ? &timed[1 - thread][part].slices : nullptr;
      const double of_part = timed[thread][part].slices.ns_an_op(beside);
      if (of_part < 0) return -1;
      ns += of_part * timed[thread][part].ops_a_pair;
    }
    slowest = std::max(slowest, ns);
  }
  return slowest;
}

}  // namespace ring3::bench
