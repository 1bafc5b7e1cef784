// bench_case.h: what a case of the scheduler's benchmark is made of: how it is timed, what it
// reports. The cases and their JSON are those of the peers in Go and Rust, so that one table holds
// all of them.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduler/scheduler.h"

namespace outrigger::scheduler {

// Fields of the JSON line, by name.
using Figures = std::map<std::string, double>;

struct BenchOptions {
  size_t procs = 1;
  size_t scale = 1;  // divides the number of operations
  size_t Scaled(size_t n) const { return std::max<size_t>(n / scale, 1); }
};

struct BenchCase {
  std::string_view name;
  Task<Figures> (*run)(BenchOptions options);
};

// User and system time of the process, ns.
inline double CpuNow() {
  rusage use;
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e9 +
         static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e3;
}

// Resident memory in bytes.
inline double ResidentBytes() {
  double size = 0, resident = 0;
  if (FILE* statm = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(statm, "%lf %lf", &size, &resident) != 2) resident = 0;
    std::fclose(statm);
  }
  return resident * 4096;
}

// Wall and CPU time of `work` for each of `ops` operations.
inline Task<Figures> Timed(size_t ops, Task<> work) {
  const double cpu = CpuNow();
  const Nanos start = MonotonicNow();
  co_await std::move(work);
  const double n = static_cast<double>(ops);
  co_return Figures{{"ops", n},
                    {"ns", static_cast<double>(MonotonicNow() - start) / n},
                    {"cpu_ns", (CpuNow() - cpu) / n}};
}

inline void AddQuantiles(Figures& figures, const std::string& prefix, std::vector<double> ns) {
  std::sort(ns.begin(), ns.end());
  const auto at = [&ns](double q) {
    return ns[static_cast<size_t>(q * static_cast<double>(ns.size() - 1))] / 1e3;
  };
  figures[prefix + "p50_us"] = at(0.50);
  figures[prefix + "p95_us"] = at(0.95);
  figures[prefix + "p99_us"] = at(0.99);
  figures[prefix + "max_us"] = at(1);
}

// Joins all, and forgets them.
inline Task<> JoinAll(std::vector<JoinHandle>& handles) {
  for (const JoinHandle& handle : handles) co_await handle.Join();
  handles.clear();
}

// Timers, tasks beside hogs, TCP (scheduler_bench_latency.cc).
Task<Figures> TimersCase(BenchOptions options);
Task<Figures> TimerResetCase(BenchOptions options);
Task<Figures> HogsFiniteCase(BenchOptions options);
Task<Figures> HogsEndlessCase(BenchOptions options);
Task<Figures> ResizeCase(BenchOptions options);
Task<Figures> Tcp1Case(BenchOptions options);
Task<Figures> Tcp64Case(BenchOptions options);

}  // namespace outrigger::scheduler
