#include "scheduler/cpu/allowance.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/scheduler/cpu/recorded_tree.h"

namespace outrigger::scheduler {
namespace {

CpuSet FirstCpus(int count) {
  CpuSet set;
  for (int cpu = 0; cpu < count; ++cpu) set.Add(cpu);
  return set;
}

TEST(CpuAllowance, CountsRoundedUpQuotaWithinTheVisibleCpus) {
  const struct {
    int cpus;
    std::optional<double> quota;
    int count;
  } cases[] = {{8, std::nullopt, 8}, {8, 1.5, 2},  {8, 2.0, 2}, {8, 0.01, 1}, {8, 7.5, 8},
               {8, 8.0, 8},          {8, 100, 8},  {1, 0.5, 1}, {1, 4, 1},    {64, 2, 2},
               {1024, 1e300, 1024},  {3, 2.01, 3}};
  for (const auto& c : cases) {
    CgroupLimits limits;
    limits.quota = c.quota;
    const absl::StatusOr<CpuAllowance> allowance = MakeCpuAllowance(FirstCpus(c.cpus), limits, "");
    ASSERT_TRUE(allowance.ok()) << allowance.status();
    EXPECT_EQ(allowance->count, c.count) << c.cpus << " " << c.quota.value_or(-1);
    EXPECT_EQ(allowance->cpus, FirstCpus(c.cpus));
  }
}

TEST(CpuAllowance, IntersectsAffinityAndCpuset) {
  CgroupLimits limits;
  limits.cpuset = CpuSet{2, 3, 4, 5};
  limits.cpuset_source = "cpuset.cpus of /pod";
  const struct {
    CpuSet affinity;
    CpuSet cpus;
    const char* source;
  } cases[] = {{FirstCpus(4), {2, 3}, "affinity and cpuset.cpus of /pod"},
               {{2, 3, 4, 5}, {2, 3, 4, 5}, "affinity and cpuset.cpus of /pod"},
               {{3}, {3}, "affinity"}};
  for (const auto& c : cases) {
    const absl::StatusOr<CpuAllowance> allowance = MakeCpuAllowance(c.affinity, limits, "");
    ASSERT_TRUE(allowance.ok());
    EXPECT_EQ(allowance->cpus, c.cpus);
    EXPECT_EQ(allowance->cpus_source, c.source);
    EXPECT_FALSE(allowance->own_cpus);
    EXPECT_TRUE(allowance->notes.empty());
  }
}

TEST(CpuAllowance, TrustsTheAffinityOverAContradictingCpuset) {
  CgroupLimits limits;
  limits.cpuset = CpuSet{8, 9};
  limits.cpuset_source = "cpuset.cpus of /pod";
  limits.notes = {"an earlier note"};
  const absl::StatusOr<CpuAllowance> allowance = MakeCpuAllowance(FirstCpus(2), limits, "");
  ASSERT_TRUE(allowance.ok());
  EXPECT_EQ(allowance->cpus, FirstCpus(2));
  ASSERT_EQ(allowance->notes.size(), 2u);
  EXPECT_EQ(allowance->notes[1],
            "ignored cpuset.cpus of /pod: 8-9 has no CPU in common with the affinity, 0-1");
}

TEST(CpuAllowance, TakesTheCpusFlagAsOwnCpus) {
  CgroupLimits limits;
  limits.quota = 1.5;
  const absl::StatusOr<CpuAllowance> allowance = MakeCpuAllowance(FirstCpus(8), limits, "4-6");
  ASSERT_TRUE(allowance.ok()) << allowance.status();
  EXPECT_EQ(allowance->cpus, (CpuSet{4, 5, 6}));
  EXPECT_EQ(allowance->cpus_source, "--cpus");
  EXPECT_EQ(allowance->count, 2);
  EXPECT_TRUE(allowance->own_cpus);
}

TEST(CpuAllowance, RefusesCpusOutsideOfTheAllowedOnes) {
  CgroupLimits limits;
  limits.cpuset = CpuSet{0, 1, 2};
  limits.cpuset_source = "cpuset.cpus of /pod";
  const absl::Status outside = MakeCpuAllowance(FirstCpus(8), limits, "2-4").status();
  EXPECT_EQ(outside.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(outside.message(),
            "--cpus: this process may not use CPU 3-4; allowed are 0-2 (affinity and cpuset.cpus "
            "of /pod)");
  const absl::Status garbled = MakeCpuAllowance(FirstCpus(8), limits, "0-").status();
  EXPECT_EQ(garbled.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(garbled.message(),
            "--cpus: bad CPU list \"0-\": \"0-\" is not a number N, a range N-M or N-M:STEP");
}

TEST(CpuAllowance, RefusesAnEmptyAffinity) {
  EXPECT_FALSE(MakeCpuAllowance({}, {}, "").ok());
}

TEST(DetectCpuAllowance, JoinsThisProcessesAffinityWithARecordedTree) {
  RecordedTree tree;
  tree.Write("/proc/self/cgroup", "0::/pod\n");
  tree.Write("/proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  tree.Write("/sys/fs/cgroup/pod/cpu.max", "50000 100000\n");
  const absl::StatusOr<CpuAllowance> allowance = DetectCpuAllowance("", tree.Filesystem());
  ASSERT_TRUE(allowance.ok()) << allowance.status();
  const absl::StatusOr<CpuSet> affinity = CpuSet::OfThisProcess();
  ASSERT_TRUE(affinity.ok());
  EXPECT_EQ(allowance->cpus, *affinity);
  EXPECT_EQ(allowance->count, 1);
  EXPECT_EQ(allowance->quota, 0.5);
  EXPECT_EQ(allowance->quota_source, "cpu.max of /pod (50000 of 100000 us)");
  EXPECT_EQ(allowance->placement_key, "/pod");
}

}  // namespace
}  // namespace outrigger::scheduler
