// cpu_plan.h: who runs where: control's CPUs, the data plane's CPUs, one CPU for each worker.
// Last step of the CPU plan (cgroup -> allowance -> cpu_plan), and a pure function: the same
// allowance and request give the same plan. The rules are in docs/cpu.md. Starts and binds nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "scheduler/cpu/allowance.h"
#include "scheduler/cpu/cpu_set.h"

namespace outrigger::scheduler {

inline constexpr int kMaxWorkers = 1024;
inline constexpr int kMaxControlProcs = 1024;

struct CpuPlanRequest {
  // --concurrency: data workers. 0: one for each data CPU.
  int concurrency = 0;
  // --control-procs: Ps of the control pool; may exceed its CPUs. 0: one for each control CPU.
  int control_procs = 0;
};

// One sentence for each figure of the plan: what it is and why.
struct CpuPlanReasons {
  std::string allowance;
  std::string place;
  std::string control;
  std::string data;
  std::string workers;
  std::string control_procs;
};

struct CpuPlan {
  CpuSet control;
  // Disjoint from `control`, unless `shared`.
  CpuSet data;
  // Worker i is bound to worker_cpus[i], a CPU of `data`; no CPU has two workers more than another.
  std::vector<int> worker_cpus;
  int control_procs = 1;
  // One CPU in all: there is nothing to split.
  bool shared = false;

  CpuPlanReasons reasons;
  // For the log at start, and /cpu.
  std::vector<std::string> warnings;

  int Workers() const { return static_cast<int>(worker_cpus.size()); }
};

// Control's share of `cpus` CPUs: 1 of 1-7, 2 of 8-31, 4 from 32.
int ControlCpuCount(int cpus);

// InvalidArgument for a number out of bounds, naming the flag.
absl::StatusOr<CpuPlan> MakeCpuPlan(const CpuAllowance& allowance, const CpuPlanRequest& request);

}  // namespace outrigger::scheduler
