// cgroup.h: how much CPU the control groups grant this process: a quota and a cpuset.
// First step of the CPU plan (cgroup -> allowance -> cpu_plan). Understands cgroup v1, v2 and both
// at once, and looks at every visible ancestor: the tightest figure wins. Reads once when called;
// it neither watches the files nor decides anything, and it never fails: what cannot be read
// grants everything and leaves a note.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scheduler/cpu/cpu_set.h"

namespace outrigger::scheduler {

// Where /proc and the cgroup mounts are looked up, so that a recorded tree can stand in for "/".
struct CgroupFilesystem {
  std::string root = "/";
};

struct CgroupLimits {
  // CPUs, a fraction at will (1.5); none where nothing limits the process.
  std::optional<double> quota;
  // "cpu.max of /kubepods/pod1 (150000 of 100000 us)".
  std::string quota_source;

  std::optional<CpuSet> cpuset;
  // "cpuset.cpus.effective of /kubepods/pod1".
  std::string cpuset_source;
  // The group's CPUs are its own: cpuset.cpu_exclusive (v1), a valid partition (v2). Kubernetes'
  // static policy sets neither, it only keeps the other pods away.
  bool cpuset_exclusive = false;

  // Tells this container from the others of its node: the cgroup path, or the host name (a pod's
  // name) where a private cgroup namespace shows every container the path "/".
  std::string placement_key;

  // What could not be read or understood, for the log and /cpu. At most kMaxNotes.
  static constexpr int kMaxNotes = 16;
  std::vector<std::string> notes;
};

// Blocking, some tens of small files: for the start and the control side.
CgroupLimits ReadCgroupLimits(const CgroupFilesystem& filesystem = {});

}  // namespace outrigger::scheduler
