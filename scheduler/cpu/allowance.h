// allowance.h: the CPUs that this process may use, and how many of them: affinity, cpuset, quota
// and --cpus put together, each with its source in words. Second step of the CPU plan (cgroup ->
// allowance -> cpu_plan). Read once per call; says nothing about who uses which CPU.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "scheduler/cpu/cgroup.h"
#include "scheduler/cpu/cpu_set.h"

namespace outrigger::scheduler {

struct CpuAllowance {
  // Never empty: affinity ∩ cpuset, or --cpus inside of it.
  CpuSet cpus;
  std::string cpus_source;

  // As in CgroupLimits.
  std::optional<double> quota;
  std::string quota_source;

  // How many CPUs' worth of time there is: min(cpus, ceil(quota)), at least 1.
  int count = 1;

  // The CPUs are this process's own (--cpus, an exclusive cpuset). If not, a `count` below the
  // number of CPUs is a number without a place: other containers see the same CPUs.
  bool own_cpus = false;
  // See CgroupLimits; spreads the places of a node's containers.
  std::string placement_key;

  // For the log and /cpu: what detection could not read.
  std::vector<std::string> notes;
};

// Puts the parts together. `cpus_flag` is the text of --cpus, "" where it was not given; it is an
// error (InvalidArgument) if it is malformed or names a CPU outside of affinity and cpuset.
absl::StatusOr<CpuAllowance> MakeCpuAllowance(const CpuSet& affinity, const CgroupLimits& limits,
                                              std::string_view cpus_flag);

// The same for this process, now. Call it before the main thread is bound.
absl::StatusOr<CpuAllowance> DetectCpuAllowance(std::string_view cpus_flag,
                                                const CgroupFilesystem& filesystem = {});

}  // namespace outrigger::scheduler
