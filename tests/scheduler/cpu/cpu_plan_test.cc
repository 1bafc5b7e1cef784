#include "scheduler/cpu/cpu_plan.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace outrigger::scheduler {
namespace {

CpuAllowance FirstCpus(int visible, int count) {
  CpuAllowance allowance;
  for (int cpu = 0; cpu < visible; ++cpu) allowance.cpus.Add(cpu);
  allowance.cpus_source = "affinity";
  allowance.count = count;
  if (count < visible) {
    allowance.quota = count;
    allowance.quota_source = "cpu.max of /pod";
  }
  allowance.placement_key = "/kubepods/pod1/c1";
  return allowance;
}

CpuPlan Plan(const CpuAllowance& allowance, CpuPlanRequest request = {}) {
  absl::StatusOr<CpuPlan> plan = MakeCpuPlan(allowance, request);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *std::move(plan) : CpuPlan();
}

std::string Warnings(const CpuPlan& plan) { return absl::StrJoin(plan.warnings, " | "); }

TEST(CpuPlan, SplitsByTheRule) {
  const struct {
    int cpus;
    int concurrency;
    const char* control;
    const char* data;
    std::vector<int> workers;
  } cases[] = {
      {2, 0, "0", "1", {1}},
      {3, 0, "0", "1-2", {1, 2}},
      {7, 0, "0", "1-6", {1, 2, 3, 4, 5, 6}},
      {8, 0, "0-1", "2-7", {2, 3, 4, 5, 6, 7}},
      {8, 6, "0-1", "2-7", {2, 3, 4, 5, 6, 7}},
      // Fewer workers leave CPUs to others; control keeps its share.
      {8, 2, "0-1", "2-3", {2, 3}},
      {8, 1, "0-1", "2", {2}},
      // istio's --concurrency 2 at a limit of 2.
      {2, 2, "0", "1", {1, 1}},
      {4, 7, "0", "1-3", {1, 2, 3, 1, 2, 3, 1}},
      {12, 1, "0-1", "2", {2}},
      {40, 1, "0-3", "4", {4}},
  };
  for (const auto& c : cases) {
    const CpuPlan plan = Plan(FirstCpus(c.cpus, c.cpus), {c.concurrency, 0});
    EXPECT_EQ(plan.control.ToString(), c.control) << c.cpus << " " << c.concurrency;
    EXPECT_EQ(plan.data.ToString(), c.data) << c.cpus << " " << c.concurrency;
    EXPECT_EQ(plan.worker_cpus, c.workers) << c.cpus << " " << c.concurrency;
    EXPECT_EQ(plan.control_procs, plan.control.Count());
    EXPECT_FALSE(plan.shared);
  }
}

TEST(CpuPlan, GivesControlMoreFromEightAndThirtyTwoCpusOn) {
  const std::map<int, int> expected = {{1, 1},  {2, 1},  {7, 1},  {8, 2},
                                       {31, 2}, {32, 4}, {64, 4}, {1024, 4}};
  for (const auto& [cpus, control] : expected) EXPECT_EQ(ControlCpuCount(cpus), control) << cpus;
}

TEST(CpuPlan, HoldsItsPromisesForEveryCountAndConcurrency) {
  for (int visible = 1; visible <= 64; ++visible) {
    for (int count : {1, 2, (visible + 1) / 2, visible}) {
      if (count > visible) continue;
      for (int concurrency = 0; concurrency <= 2 * visible + 1; ++concurrency) {
        const CpuAllowance allowance = FirstCpus(visible, count);
        const CpuPlan plan = Plan(allowance, {concurrency, 0});
        const std::string at = absl::StrCat(visible, "/", count, "/", concurrency);

        ASSERT_EQ(plan.shared, count == 1) << at;
        ASSERT_EQ(plan.control.Intersect(plan.data).Empty(), !plan.shared) << at;
        ASSERT_TRUE(allowance.cpus.ContainsAll(plan.control.Union(plan.data))) << at;
        ASSERT_LE(plan.control.Union(plan.data).Count(), count) << at;
        ASSERT_EQ(plan.control.Count(), ControlCpuCount(count)) << at;
        ASSERT_EQ(plan.Workers(), concurrency > 0    ? concurrency
                                  : count == 1       ? 1
                                                     : count - ControlCpuCount(count))
            << at;

        std::map<int, int> load;
        for (int cpu : plan.data) load[cpu] = 0;
        for (int cpu : plan.worker_cpus) {
          ASSERT_TRUE(plan.data.Contains(cpu)) << at;
          ++load[cpu];
        }
        const auto [least, most] = std::minmax_element(
            load.begin(), load.end(), [](auto& a, auto& b) { return a.second < b.second; });
        ASSERT_GE(least->second, 1) << at;
        ASSERT_LE(most->second - least->second, 1) << at;

        const size_t expected_warnings = (plan.shared ? 1 : 0) + (most->second > 1 ? 1 : 0);
        ASSERT_EQ(plan.warnings.size(), expected_warnings) << at << " " << Warnings(plan);
      }
    }
  }
}

TEST(CpuPlan, SharesTheOnlyCpuAndSaysSo) {
  CpuAllowance allowance = FirstCpus(1, 1);
  allowance.cpus = {5};
  const CpuPlan plan = Plan(allowance, {0, 0});
  EXPECT_TRUE(plan.shared);
  EXPECT_EQ(plan.control, CpuSet{5});
  EXPECT_EQ(plan.data, CpuSet{5});
  EXPECT_EQ(plan.worker_cpus, std::vector<int>{5});
  EXPECT_EQ(Warnings(plan),
            "one CPU for all: control and data plane share CPU 5; a second CPU would keep control "
            "work off the data path");
}

TEST(CpuPlan, WarnsOnceWhereWorkersAreStacked) {
  EXPECT_EQ(Warnings(Plan(FirstCpus(2, 2), {2, 0})),
            "--concurrency 2 is more than the 1 CPU of the data plane (1): its workers share them; "
            "a lower --concurrency or a higher CPU limit gives each its own");
  EXPECT_EQ(Warnings(Plan(FirstCpus(8, 8), {6, 0})), "");
}

TEST(CpuPlan, LetsControlHaveMoreProcsThanCpus) {
  const CpuPlan plan = Plan(FirstCpus(8, 8), {0, 5});
  EXPECT_EQ(plan.control_procs, 5);
  EXPECT_EQ(plan.control.Count(), 2);
  EXPECT_EQ(plan.data.Count(), 6);
  EXPECT_EQ(plan.reasons.control_procs, "--control-procs 5");
}

TEST(CpuPlan, TakesAWindowOfTheVisibleCpusForAQuota) {
  for (int pod = 0; pod < 50; ++pod) {
    CpuAllowance allowance = FirstCpus(64, 4);
    allowance.placement_key = absl::StrCat("/kubepods/pod", pod);
    const CpuPlan plan = Plan(allowance);
    const CpuSet used = plan.control.Union(plan.data);
    EXPECT_EQ(used.Count(), 4);
    // Neighbours, the last CPU being next to the first.
    const int first = plan.control.First();
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(used.Contains((first + i) % 64)) << used.ToString();
    // The same container finds the same place each time.
    EXPECT_EQ(Plan(allowance).worker_cpus, plan.worker_cpus);
  }
}

TEST(CpuPlan, KeepsAKnownContainerInItsPlaceAcrossReleases) {
  // FNV-1a of "/kubepods/pod1/c1", its halves folded, modulo 64.
  const CpuPlan plan = Plan(FirstCpus(64, 2));
  EXPECT_EQ(plan.control, CpuSet{32});
  EXPECT_EQ(plan.data, CpuSet{33});
}

TEST(CpuPlan, SpreadsTheContainersOfANode) {
  constexpr int kPods = 6400;
  std::map<int, int> load;
  for (int pod = 0; pod < kPods; ++pod) {
    CpuAllowance allowance = FirstCpus(64, 2);
    allowance.placement_key = absl::StrCat("/kubepods/burstable/pod", pod, "/c");
    ++load[Plan(allowance).worker_cpus.front()];
  }
  ASSERT_EQ(load.size(), 64u);
  for (const auto& [cpu, pods] : load) {
    EXPECT_GT(pods, kPods / 64 / 2) << cpu;
    EXPECT_LT(pods, kPods / 64 * 2) << cpu;
  }
}

TEST(CpuPlan, PlacesOwnCpusByNumber) {
  CpuAllowance allowance = FirstCpus(64, 3);
  allowance.cpus = {10, 20, 30, 40};
  allowance.cpus_source = "--cpus";
  allowance.own_cpus = true;
  const CpuPlan plan = Plan(allowance);
  EXPECT_EQ(plan.control, CpuSet{10});
  EXPECT_EQ(plan.worker_cpus, (std::vector<int>{20, 30}));
}

TEST(CpuPlan, GivesAReasonForEachFigure) {
  CpuAllowance allowance = FirstCpus(64, 2);
  allowance.quota = 1.5;
  const CpuPlan plan = Plan(allowance, {0, 0});
  EXPECT_EQ(plan.reasons.allowance,
            "2 CPUs: quota of 1.5 by cpu.max of /pod, rounded up; visible: 64 CPUs (0-63) by "
            "affinity");
  EXPECT_TRUE(absl::StrContains(plan.reasons.place, "by the hash of cgroup /kubepods/pod1/c1"));
  EXPECT_EQ(plan.reasons.control, "1 CPU of 2 by the split rule");
  EXPECT_EQ(plan.reasons.data, "the other 1 CPU");
  EXPECT_EQ(plan.reasons.workers, "one for each data CPU");
  EXPECT_EQ(plan.reasons.control_procs, "one for each control CPU");

  EXPECT_EQ(Plan(FirstCpus(64, 2)).reasons.allowance,
            "2 CPUs: quota of 2 by cpu.max of /pod; visible: 64 CPUs (0-63) by affinity");

  const CpuPlan few = Plan(FirstCpus(8, 8), {2, 0});
  EXPECT_EQ(few.reasons.allowance, "8 CPUs (0-7) by affinity, no quota");
  EXPECT_EQ(few.reasons.data, "one for each worker; 4 CPUs left unused by --concurrency");
  EXPECT_EQ(few.reasons.workers, "--concurrency 2");
}

TEST(CpuPlan, RefusesNumbersOutOfBounds) {
  const struct {
    CpuPlanRequest request;
    const char* message;
  } cases[] = {
      {{-1, 0}, "--concurrency -1 is out of bounds: give 1 to 1024, or 0 for the default"},
      {{1025, 0}, "--concurrency 1025 is out of bounds: give 1 to 1024, or 0 for the default"},
      {{0, -1}, "--control-procs -1 is out of bounds: give 1 to 1024, or 0 for the default"},
      {{0, 1025}, "--control-procs 1025 is out of bounds: give 1 to 1024, or 0 for the default"},
  };
  for (const auto& c : cases) {
    const absl::StatusOr<CpuPlan> plan = MakeCpuPlan(FirstCpus(4, 4), c.request);
    ASSERT_FALSE(plan.ok()) << c.message;
    EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(plan.status().message(), c.message);
  }
  EXPECT_EQ(Plan(FirstCpus(4, 4), {1024, 1024}).Workers(), 1024);
}

TEST(CpuPlan, RefusesAnAllowanceThatContradictsItself) {
  EXPECT_FALSE(MakeCpuPlan(CpuAllowance(), {}).ok());
  EXPECT_FALSE(MakeCpuPlan(FirstCpus(2, 3), {}).ok());
  EXPECT_FALSE(MakeCpuPlan(FirstCpus(2, 0), {}).ok());
}

}  // namespace
}  // namespace outrigger::scheduler
