// cache_topology.h: which CPUs share a last-level cache, as sysfs tells it: a thief takes first
// from near ones. Read once; it does not change while a process runs.
#pragma once

#include <string>

#include "scheduler/cpu/cpu_set.h"

namespace outrigger::scheduler {

inline constexpr int kSeveralCaches = -1;

// The last-level cache that all of `cpus` share, named by its first CPU; kSeveralCaches where they
// share none, are none, or sysfs (at `root`) does not say.
int LastLevelCacheOf(const CpuSet& cpus, const std::string& root = "/sys/devices/system/cpu");

}  // namespace outrigger::scheduler
