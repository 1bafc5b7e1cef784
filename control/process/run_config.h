// run_config.h: what `run` and `validate` work with: the bootstrap file with the flags over it, and
// the CPU plan that follows. Everything that can be refused without a socket is refused here.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "control/bootstrap/bootstrap.h"
#include "control/process/flags.h"
#include "scheduler/cpu/allowance.h"
#include "scheduler/cpu/cpu_plan.h"
#include "scheduler/trace/debug_options.h"

namespace outrigger::control {

struct RunConfig {
  LoadedBootstrap bootstrap;  // node filled from the flags where the file says nothing
  scheduler::CpuAllowance allowance;
  scheduler::CpuPlan plan;
  scheduler::DebugOptions debug;  // of OUTRIGGER_DEBUG
  std::string control_socket;     // path; empty: the default is not writable, no control API
};

// kInvalidArgument: the file's content; kOutOfRange: a flag or the environment; else the file
// cannot be read.
absl::StatusOr<RunConfig> MakeRunConfig(const RunFlags& flags);

}  // namespace outrigger::control
