// latency_histogram.h: how long Gs wait from runnable to running: counts by ranges of nanoseconds,
// one histogram for each P, added up by who looks; and which wakes are measured at all.
// Flow: Ready() -> MarkReady(g->ready_at) -> a queue -> RunG: NoteRunning() -> LatencySnapshot.
// Does not know the statistics registry, nor what a latency means.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "scheduler/timer/timer_heap.h"

namespace outrigger::scheduler {

// Four ranges for each power of two: a range is a quarter of its lower end wide at most, and what a
// quantile says is that much too long at most. 2^40 ns, 18 minutes, and more are in the last one.
struct LatencyRanges {
  static constexpr int kLargestBit = 39;
  static constexpr size_t kCount = size_t{4} * kLargestBit;

  static size_t Of(Nanos latency) {
    const uint64_t v = static_cast<uint64_t>(std::max<Nanos>(latency, 0));  // clocks may differ
    if (v < 4) return v;
    const int bit = std::bit_width(v) - 1;
    if (bit > kLargestBit) return kCount - 1;
    return static_cast<size_t>(4 * (bit - 1)) + (v >> (bit - 2) & 3);
  }
  // The longest that is in it; of the last, all are longer than that by any amount.
  static Nanos LongestIn(size_t range) {
    if (range < 4) return static_cast<Nanos>(range);
    const int bit = static_cast<int>(range / 4) + 1;
    return (static_cast<Nanos>(range % 4 + 5) << (bit - 2)) - 1;
  }
};

// Runs on: who holds the P records; any reads. Owner: Processor. Thread-safety: one writer at a
// time, where a new one has seen what the last wrote; readers any.
class LatencyHistogram {
 public:
  void Record(Nanos latency) {
    Add(counts_[LatencyRanges::Of(latency)], 1);
    Add(sum_, std::max<Nanos>(latency, 0));
  }
  // From then until now; and resets it to 0. Not inlined: the loop is short without it.
  void RecordSince(Nanos& start);

 private:
  friend struct LatencySnapshot;
  // One writer: no locked instruction. Relaxed: figures, ordered with nothing.
  static void Add(std::atomic<uint64_t>& to, Nanos n) {
    to.store(to.load(std::memory_order_relaxed) + static_cast<uint64_t>(n),
             std::memory_order_relaxed);
  }

  std::array<std::atomic<uint64_t>, LatencyRanges::kCount> counts_{};
  std::atomic<uint64_t> sum_{0};
};

// Histograms of several Ps, added up. Thread-safety: confined.
struct LatencySnapshot {
  std::array<uint64_t, LatencyRanges::kCount> counts{};
  uint64_t sum = 0;  // nanoseconds

  // While its writer goes on: `sum` may have some latencies that `counts` does not, and the other
  // way round.
  void Add(const LatencyHistogram& histogram);
  uint64_t Count() const;
  // The share `q` of all (0 to 1) took that long or less; 0: there are none.
  Nanos Quantile(double q) const;
};

// Which wakes are measured: one in 61, since a look at the clock costs as much as a switch, and two
// of them are needed; so it is about 5 ns for each wake. A prime: Gs that wake each other by turns
// in groups of two or four would else be the same one each time. It is the waking thread's, not the
// P's: wakes by timers, by other pools and by threads that hold no P, which go through the global
// queue, are the slow ones and must not be left out.
//
// The time itself is in the G (`Nanos ready_at`, 0: not measured): who queues the G owns it from
// the won wake until the queue has it, and whoever runs it afterwards, as with `next`. It sits in
// the line that both touch anyway.
//
// Runs on: each thread has its own, in Machine. Trivial, as that is.
class ReadySampler {
 public:
  static constexpr int32_t kEvery = 61;

  // In Ready() and in Go(), before the G is queued.
  void MarkReady(Nanos& ready_at) {
    if (--left_ < 0) [[unlikely]]
      Mark(ready_at);
  }

 private:
  void Mark(Nanos& ready_at);

  int32_t left_ = 0;
};

// In RunG, before the G runs. A G that yields is marked by nobody: it did not wait.
inline void NoteRunning(LatencyHistogram& histogram, Nanos& ready_at) {
  if (ready_at != 0) [[unlikely]]
    histogram.RecordSince(ready_at);
}

}  // namespace outrigger::scheduler
