// pool_options.h: what a pool is made of and by which rules it runs, and what it counts.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/cpu/cpu_set.h"
#include "scheduler/timer/timer_heap.h"

namespace outrigger::scheduler {

enum class Policy { kStealing, kPinned };

struct PoolOptions {
  std::string name;  // threads are called name:N
  Policy policy = Policy::kStealing;
  std::vector<CpuSet> affinity;  // one a P; an empty set binds nothing
  // Stealing: how many of them run from the start; 0: all. SetProcs() changes it.
  int procs = 0;
  // Stealing: how long a G may run before its P is taken from it. At least kLeastSlice.
  Nanos slice = 10 * kMillisecond;
  // Stealing: a P that has more Gs queued gives half of them to the global queue. 0: only when its
  // ring is full, as Go does.
  uint32_t spill_above = 0;
  // Stealing: Ms that run a G without a P, beyond which none is taken. 0: the larger of 8 and 4 a
  // P.
  int most_without_p = 0;
};

inline constexpr Nanos kLeastSlice = 100'000;

// The rules of the article whose experiment `outrigger sweep` repeats, beside Go's, which are the
// default: a slice of 20 ms; a P with more than 16 Gs gives half of them to the global queue.
inline PoolOptions WithArticleRules(PoolOptions options) {
  options.slice = 20 * kMillisecond;
  options.spill_above = 16;
  return options;
}

// What a stealing pool's Ms have been through. Written by sysmon, or by who is meant; relaxed.
struct alignas(64) PoolStats {
  std::atomic<uint64_t> handoffs{0};          // Ps taken from a G that overran, or given up by one
  std::atomic<uint64_t> handoffs_undone{0};   // asked for, but the M was inside of the runtime
  std::atomic<uint64_t> handoffs_refused{0};  // too many Ms without a P
  std::atomic<uint64_t> set_backs{0};         // threads set back with the kernel
  std::atomic<uint64_t> reliefs{0};           // times that the relief P was sent in
  std::atomic<uint64_t> machines_started{0};
};

}  // namespace outrigger::scheduler
