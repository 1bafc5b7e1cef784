// thread_usage.h: what the kernel says about each thread of this process: name, CPUs, time on the
// CPU, time in the run queue, switches. For /cpu, the start-up table and the isolation figures.
// Reads /proc/self/task once per call; keeps no history and computes no rate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "scheduler/cpu/cpu_set.h"

namespace outrigger::scheduler {

struct ThreadUsage {
  int tid = 0;
  std::string name;  // "data:0"
  CpuSet cpus_allowed;
  int last_cpu = -1;  // where it ran last; -1 where unknown

  // Since the thread's start. From schedstat; without it cpu_ns is stat's, in clock ticks, and the
  // run delay is unknown.
  uint64_t cpu_ns = 0;
  std::optional<uint64_t> run_delay_ns;

  uint64_t voluntary_switches = 0;
  uint64_t involuntary_switches = 0;
};

inline constexpr int kMaxThreadUsages = 4096;

// Ascending by tid, at most kMaxThreadUsages. A thread that ends meanwhile is left out. An error
// only where the task folder itself cannot be listed. `proc` may be another process's folder.
absl::StatusOr<std::vector<ThreadUsage>> ReadThreadUsage(const std::string& proc = "/proc/self");

}  // namespace outrigger::scheduler
