// tick_clock.h: the time stamps of the flight recorder: the CPU's own counter, read by one
// instruction and turned into the clock's time by whoever reads the record. clock_gettime would
// read the same counter and then calculate. Not for deadlines: scheduler/timer/timer_heap.h.
#pragma once

#include <atomic>
#include <cstdint>

#include "scheduler/timer/timer_heap.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace outrigger::scheduler {

// Of a constant rate, and the same on all CPUs, on every machine whose kernel keeps time by it. Not
// serialising: it may be off by the few instructions that the CPU has in flight. 8 to 16 ns.
inline uint64_t ReadTicks() {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  return static_cast<uint64_t>(MonotonicNow());
#endif
}

// What somebody else has read a moment ago, for whom even that instruction is too much. Sysmon
// stores it each round; 0 until it does. A line of its own, since every P reads it.
alignas(64) inline constinit std::atomic<uint64_t> coarse_ticks{0};
inline void RefreshCoarseTicks() { coarse_ticks.store(ReadTicks(), std::memory_order_relaxed); }

// The same moment on both clocks.
struct TickPair {
  uint64_t ticks = 0;
  Nanos at = 0;
};
// Costs some hundred nanoseconds; right to about 50, unless each of its tries is interrupted.
TickPair ReadTickPair();
// The pair that was read when the process first asked for it. A pool asks when it is made, so that
// the line of a TickScale is long.
const TickPair& FirstTickPair();

// Turns ticks into time by the line through two pairs. What lies between them is right to their
// own error, however near they are. Where the rate is not constant it bends; order is kept.
// Thread-safety: any.
class TickScale {
 public:
  TickScale(const TickPair& first, const TickPair& last);
  Nanos At(uint64_t ticks) const;

 private:
  const TickPair last_;
  const double nanos_per_tick_;
};

}  // namespace outrigger::scheduler
