#include "scheduler/cpu/allowance.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::scheduler {
namespace {

int EffectiveCount(const CpuSet& cpus, const std::optional<double>& quota) {
  const int count = cpus.Count();
  // Compared as doubles: a quota may be far beyond any int.
  if (!quota.has_value() || *quota >= count) return count;
  return std::max(1, static_cast<int>(std::ceil(*quota)));
}

}  // namespace

absl::StatusOr<CpuAllowance> MakeCpuAllowance(const CpuSet& affinity, const CgroupLimits& limits,
                                              std::string_view cpus_flag) {
  if (affinity.Empty()) return absl::InvalidArgumentError("this process's CPU affinity is empty");
  CpuAllowance allowance;
  allowance.quota = limits.quota;
  allowance.quota_source = limits.quota_source;
  allowance.own_cpus = limits.cpuset_exclusive;
  allowance.placement_key = limits.placement_key;
  allowance.notes = limits.notes;

  allowance.cpus = affinity;
  allowance.cpus_source = "affinity";
  if (limits.cpuset.has_value()) {
    const CpuSet both = affinity.Intersect(*limits.cpuset);
    if (both.Empty()) {
      allowance.notes.push_back(absl::StrCat("ignored ", limits.cpuset_source, ": ",
                                             limits.cpuset->ToString(),
                                             " has no CPU in common with the affinity, ",
                                             affinity.ToString()));
    } else {
      // The kernel keeps the affinity inside of the cpuset: most often they are the same CPUs, and
      // where they are not, the smaller one decides.
      allowance.cpus = both;
      if (both != affinity || affinity == *limits.cpuset) {
        allowance.cpus_source = absl::StrCat("affinity and ", limits.cpuset_source);
      }
    }
  }

  if (!cpus_flag.empty()) {
    absl::StatusOr<CpuSet> chosen = CpuSet::Parse(cpus_flag);
    if (!chosen.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--cpus: ", chosen.status().message()));
    }
    if (const CpuSet outside = chosen->Subtract(allowance.cpus); !outside.Empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--cpus: this process may not use CPU ", outside.ToString(), "; allowed are ",
          allowance.cpus.ToString(), " (", allowance.cpus_source, ")"));
    }
    allowance.cpus = *chosen;
    allowance.cpus_source = "--cpus";
    allowance.own_cpus = true;
  }
  allowance.count = EffectiveCount(allowance.cpus, allowance.quota);
  return allowance;
}

absl::StatusOr<CpuAllowance> DetectCpuAllowance(std::string_view cpus_flag,
                                                const CgroupFilesystem& filesystem) {
  OUTRIGGER_ASSIGN_OR_RETURN(const CpuSet affinity, CpuSet::OfThisProcess());
  return MakeCpuAllowance(affinity, ReadCgroupLimits(filesystem), cpus_flag);
}

}  // namespace outrigger::scheduler
