// sweep.h: `outrigger sweep --article`: the article's experiment, in this process: many tasks that
// only calculate, on a stealing pool of so many Ps, and how late a task comes that is due each
// millisecond. By our rules, and by the article's (WithArticleRules).
#pragma once

#include <cstdint>
#include <vector>

#include "control/sweep/report.h"
#include "scheduler/pool_options.h"

namespace outrigger::control {

struct SweepOptions {
  bool article = false;
  std::vector<uint32_t> procs;  // empty: the article's two sweeps, 1, 4, 8 and 4, 8, 16
  uint32_t tasks = 1000;
  uint64_t work = 1'000'000;
  bool json = false;
};

// The rules of a pool.
struct SweepRules {
  const char* name;             // static text
  scheduler::PoolOptions pool;  // but for its name and its Ps
};

// On a pool made for it. Runs on: a thread that is no G.
SweepRun MeasureSweep(const SweepRules& rules, uint32_t procs, uint32_t tasks, uint64_t work);

// All of it, printed; returns the exit code.
int RunSweep(const SweepOptions& options);

}  // namespace outrigger::control
