// report.h: the figures of a sweep, beside those that the article published, as a table for people
// or as JSON. Flow: sweep.cc measures -> SweepRun -> Render. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace outrigger::control {

struct SweepRun {
  int sweep = 1;           // the article made two, with some numbers of Ps in both
  std::string_view rules;  // the pool's: static text
  double slice_ms = 0;
  uint32_t procs = 0;
  double total_ms = 0;      // from the first task's start to the last one's end
  double delay_p95_ms = 0;  // of a task that is due each millisecond meanwhile
  double delay_p99_ms = 0;
  double handoffs_per_s = 0;  // what the article calls a pre-emption
  double switches_per_s = 0;  // the process's threads, by the kernel; of their will or not
  double latency_p95_us = 0;  // from runnable to running, of one wake in 61
  double latency_p99_us = 0;
};

// What the article printed for a number of Ps, in its first sweep: Go on 4 cores. Its pre-emptions
// and scheduling latencies are not to be had.
struct PublishedRun {
  uint32_t procs;
  double delay_p95_ms;
  double switches_per_s;
};
std::optional<PublishedRun> Published(int sweep, uint32_t procs);

// The smallest of `values` that the share `q` (0 to 1) of them does not exceed; 0: there are none.
double Quantile(std::vector<double> values, double q);

struct SweepReport {
  uint32_t tasks = 0;
  uint64_t work = 0;  // multiplications of each
  int cpus = 0;       // that the process may use
  std::vector<SweepRun> runs;
};
std::string RenderText(const SweepReport& report);
// One object with a line end.
std::string RenderJson(const SweepReport& report);

}  // namespace outrigger::control
