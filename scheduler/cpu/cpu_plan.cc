#include "scheduler/cpu/cpu_plan.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::scheduler {
namespace {

// FNV-1a: the place must be the same after a restart, so no hash with a random seed.
uint64_t StableHash(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (unsigned char byte : text) hash = (hash ^ byte) * 1099511628211u;
  return hash ^ (hash >> 32);
}

std::string Cpus(int count) { return absl::StrCat(count, count == 1 ? " CPU" : " CPUs"); }

absl::Status CheckBounds(const char* flag, int value, int most) {
  if (value >= 0 && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(flag, " ", value,
                                                 " is out of bounds: give 1 to ", most,
                                                 ", or 0 for the default"));
}

std::string AllowanceReason(const CpuAllowance& allowance) {
  const std::string visible =
      absl::StrCat(Cpus(allowance.cpus.Count()), " (", allowance.cpus.ToString(), ") by ",
                   allowance.cpus_source);
  if (!allowance.quota.has_value()) return absl::StrCat(visible, ", no quota");
  const std::string quota =
      absl::StrFormat("quota of %.6g by %s", *allowance.quota, allowance.quota_source);
  if (allowance.count == allowance.cpus.Count() && *allowance.quota >= allowance.count) {
    return absl::StrCat(visible, ", ", quota);
  }
  const bool fraction = *allowance.quota < allowance.count;
  return absl::StrCat(Cpus(allowance.count), ": ", quota, fraction ? ", rounded up" : "",
                      "; visible: ", visible);
}

// The `allowance.count` CPUs to use, in the order in which they are given out.
std::vector<int> ChooseCpus(const CpuAllowance& allowance, std::string& reason) {
  const std::vector<int> visible(allowance.cpus.begin(), allowance.cpus.end());
  const size_t count = static_cast<size_t>(allowance.count);
  if (count == visible.size()) {
    reason = "all of the allowed CPUs, by number";
    return visible;
  }
  size_t start = 0;
  if (allowance.own_cpus) {
    reason = absl::StrCat("the first of this process's own CPUs (", allowance.cpus_source,
                          "), by number");
  } else {
    start = StableHash(allowance.placement_key) % visible.size();
    reason = absl::StrCat("a quota has no place: from CPU ", visible[start],
                          " on, by the hash of cgroup ", allowance.placement_key);
  }
  std::vector<int> chosen;
  chosen.reserve(count);
  for (size_t i = 0; i < count; ++i) chosen.push_back(visible[(start + i) % visible.size()]);
  return chosen;
}

// Worker i on data_cpus[i], from the first again when they run out.
void PlaceWorkers(const std::vector<int>& data_cpus, int workers, CpuPlan& plan) {
  for (int i = 0; i < workers; ++i) {
    plan.worker_cpus.push_back(data_cpus[i % data_cpus.size()]);
  }
  const int cpus = static_cast<int>(data_cpus.size());
  if (workers > cpus) {
    plan.warnings.push_back(absl::StrFormat(
        "--concurrency %d is more than the %s of the data plane (%s): its workers share them; "
        "a lower --concurrency or a higher CPU limit gives each its own",
        workers, Cpus(cpus), plan.data.ToString()));
  }
}

void PlanShared(int cpu, int concurrency, CpuPlan& plan) {
  plan.shared = true;
  plan.control.Add(cpu);
  plan.data.Add(cpu);
  plan.reasons.control = absl::StrCat("shares CPU ", cpu, ", the only one, with the data plane");
  plan.reasons.data = absl::StrCat("shares CPU ", cpu, ", the only one, with control");
  plan.warnings.push_back(absl::StrCat(
      "one CPU for all: control and data plane share CPU ", cpu,
      "; a second CPU would keep control work off the data path"));
  PlaceWorkers({cpu}, concurrency == 0 ? 1 : concurrency, plan);
}

// `cpus` has two or more, in order: control's first, then the data plane's.
void PlanSplit(const std::vector<int>& cpus, int concurrency, CpuPlan& plan) {
  const int total = static_cast<int>(cpus.size());
  const int control = ControlCpuCount(total);
  const int most = total - control;
  const int workers = concurrency == 0 ? most : concurrency;
  const std::vector<int> data(cpus.begin() + control,
                              cpus.begin() + control + std::min(workers, most));
  for (int i = 0; i < control; ++i) plan.control.Add(cpus[i]);
  for (int cpu : data) plan.data.Add(cpu);
  const int unused = most - static_cast<int>(data.size());
  plan.reasons.control = absl::StrCat(Cpus(control), " of ", total, " by the split rule");
  plan.reasons.data = unused == 0 ? absl::StrCat("the other ", Cpus(most))
                                  : absl::StrCat("one for each worker; ", Cpus(unused),
                                                 " left unused by --concurrency");
  PlaceWorkers(data, workers, plan);
}

}  // namespace

int ControlCpuCount(int cpus) {
  if (cpus >= 32) return 4;
  return cpus >= 8 ? 2 : 1;
}

absl::StatusOr<CpuPlan> MakeCpuPlan(const CpuAllowance& allowance, const CpuPlanRequest& request) {
  OUTRIGGER_RETURN_IF_ERROR(CheckBounds("--concurrency", request.concurrency, kMaxWorkers));
  OUTRIGGER_RETURN_IF_ERROR(
      CheckBounds("--control-procs", request.control_procs, kMaxControlProcs));
  if (allowance.count < 1 || allowance.count > allowance.cpus.Count()) {
    return absl::InvalidArgumentError(absl::StrCat("cannot use ", Cpus(allowance.count), " of ",
                                                   allowance.cpus.Count(), " allowed"));
  }
  CpuPlan plan;
  plan.reasons.allowance = AllowanceReason(allowance);
  const std::vector<int> cpus = ChooseCpus(allowance, plan.reasons.place);
  if (cpus.size() == 1) {
    PlanShared(cpus.front(), request.concurrency, plan);
  } else {
    PlanSplit(cpus, request.concurrency, plan);
  }
  plan.reasons.workers = request.concurrency == 0
                             ? "one for each data CPU"
                             : absl::StrCat("--concurrency ", request.concurrency);
  plan.control_procs =
      request.control_procs == 0 ? plan.control.Count() : request.control_procs;
  plan.reasons.control_procs = request.control_procs == 0
                                   ? "one for each control CPU"
                                   : absl::StrCat("--control-procs ", request.control_procs);
  return plan;
}

}  // namespace outrigger::scheduler
