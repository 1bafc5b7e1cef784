// cgroup_tree.h: finds this process's cgroup directories from the texts of /proc/self/cgroup and
// /proc/self/mountinfo. Used by cgroup.cc alone, which reads the figures inside.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scheduler/cpu/cgroup.h"

namespace outrigger::scheduler {

// A line of /proc/self/cgroup.
struct CgroupMembership {
  std::vector<std::string> controllers;  // empty for v2
  std::string path;                      // "/kubepods/pod1"; "/../x" outside of our namespace

  bool IsV2() const { return controllers.empty(); }
  bool Has(std::string_view controller) const;
};

// A cgroup line of /proc/self/mountinfo, escapes resolved.
struct CgroupMount {
  bool v2 = false;
  std::string root;   // the group that the mount shows at its top; "/.." above our namespace
  std::string point;  // where it is mounted
  std::vector<std::string> options;  // names the controllers of a v1 mount
};

struct CgroupDirectory {
  std::string name;       // as in /proc/self/cgroup
  std::string directory;  // to open, file-system root included
};

// Lines that do not parse are left out, and what is beyond any sensible number of them.
std::vector<CgroupMembership> ParseMemberships(std::string_view text);
std::vector<CgroupMount> ParseCgroupMounts(std::string_view text);

// The process's own group first, then each ancestor that a mount shows; empty where no mount shows
// any. `controller` is a v1 controller's name, or "" for v2. Adds to `notes` what is hidden.
std::vector<CgroupDirectory> VisibleGroups(const CgroupFilesystem& filesystem,
                                           const std::vector<CgroupMount>& mounts,
                                           const CgroupMembership& membership,
                                           std::string_view controller,
                                           std::vector<std::string>& notes);

// `path` inside the file system's root.
std::string PathIn(const CgroupFilesystem& filesystem, std::string_view path);

}  // namespace outrigger::scheduler
