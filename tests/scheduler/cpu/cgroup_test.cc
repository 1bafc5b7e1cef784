#include "scheduler/cpu/cgroup.h"

#include <sys/stat.h>

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/scheduler/cpu/recorded_tree.h"

namespace outrigger::scheduler {
namespace {

// As a pod's container sees it from the node's cgroup namespace.
constexpr char kPod[] = "/kubepods.slice/kubepods-pod1.slice/cri-c1.scope";
constexpr char kV2Mount[] =
    "25 21 0:22 / /proc rw,nosuid - proc proc rw\n"
    "31 23 0:28 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n";

std::string V1Mount(const std::string& controllers, const std::string& root,
                    const std::string& point) {
  return absl::StrCat("33 31 0:30 ", root, " ", point, " rw,relatime shared:9 - cgroup cgroup rw,",
                      controllers, "\n");
}

// A tree with v2 alone; `path` as in /proc/self/cgroup.
class CgroupV2 : public testing::Test {
 protected:
  void Enter(const std::string& path) {
    tree_.Write("/proc/self/cgroup", "0::" + path + "\n");
    tree_.Write("/proc/self/mountinfo", kV2Mount);
    tree_.MakeFolder("/sys/fs/cgroup" + path);
  }
  CgroupLimits Read() { return ReadCgroupLimits(tree_.Filesystem()); }

  RecordedTree tree_;
};

std::string Notes(const CgroupLimits& limits) { return absl::StrJoin(limits.notes, " | "); }

TEST_F(CgroupV2, ReadsQuotaAndCpusetOfItsOwnGroup) {
  Enter(kPod);
  tree_.Write(absl::StrCat("/sys/fs/cgroup", kPod, "/cpu.max"), "150000 100000\n");
  tree_.Write(absl::StrCat("/sys/fs/cgroup", kPod, "/cpuset.cpus.effective"), "0-3,7\n");
  const CgroupLimits limits = Read();
  EXPECT_EQ(limits.quota, 1.5);
  EXPECT_EQ(limits.quota_source, absl::StrCat("cpu.max of ", kPod, " (150000 of 100000 us)"));
  EXPECT_EQ(limits.cpuset, (CpuSet{0, 1, 2, 3, 7}));
  EXPECT_EQ(limits.cpuset_source, absl::StrCat("cpuset.cpus.effective of ", kPod));
  EXPECT_FALSE(limits.cpuset_exclusive);
  EXPECT_EQ(limits.placement_key, kPod);
  EXPECT_EQ(Notes(limits), "");
}

TEST_F(CgroupV2, TakesMaxForNoQuota) {
  Enter(kPod);
  tree_.Write(absl::StrCat("/sys/fs/cgroup", kPod, "/cpu.max"), "max 100000\n");
  const CgroupLimits limits = Read();
  EXPECT_EQ(limits.quota, std::nullopt);
  EXPECT_EQ(limits.cpuset, std::nullopt);
  EXPECT_EQ(Notes(limits), "");
}

TEST_F(CgroupV2, LetsTheTightestAncestorWin) {
  const struct {
    const char* own;
    const char* parent;
    const char* top;
    std::optional<double> quota;
    const char* source;
  } cases[] = {
      {"max 100000", "200000 100000", "max 100000", 2.0, "cpu.max of /a/b (200000 of 100000 us)"},
      {"300000 100000", "25000 50000", "400000 100000", 0.5, "cpu.max of /a/b (25000 of 50000 us)"},
      {"100000 100000", "25000 50000", "1000 100000", 0.01, "cpu.max of /a (1000 of 100000 us)"},
      {"100000 100000", "300000 100000", "100000 100000", 1.0,
       "cpu.max of /a/b/c (100000 of 100000 us)"},
      {"max 100000", "max 100000", "max 100000", std::nullopt, ""},
  };
  for (const auto& c : cases) {
    Enter("/a/b/c");
    tree_.Write("/sys/fs/cgroup/a/b/c/cpu.max", c.own);
    tree_.Write("/sys/fs/cgroup/a/b/cpu.max", c.parent);
    tree_.Write("/sys/fs/cgroup/a/cpu.max", c.top);
    const CgroupLimits limits = Read();
    EXPECT_EQ(limits.quota, c.quota);
    EXPECT_EQ(limits.quota_source, c.source);
    EXPECT_EQ(Notes(limits), "");
  }
}

TEST_F(CgroupV2, FindsParentsCpusetWhereTheControllerIsOffBelow) {
  Enter("/a/b");
  tree_.Write("/sys/fs/cgroup/a/cpuset.cpus.effective", "4-5\n");
  tree_.Write("/sys/fs/cgroup/cpuset.cpus.effective", "0-7\n");
  const CgroupLimits limits = Read();
  EXPECT_EQ(limits.cpuset, (CpuSet{4, 5}));
  EXPECT_EQ(limits.cpuset_source, "cpuset.cpus.effective of /a");
}

TEST_F(CgroupV2, KnowsAValidPartitionAsExclusive) {
  const struct {
    const char* partition;
    bool exclusive;
  } cases[] = {{"root\n", true},
               {"isolated\n", true},
               {"member\n", false},
               {"root invalid (Cpu list in cpuset.cpus not exclusive)\n", false}};
  for (const auto& c : cases) {
    Enter("/a");
    tree_.Write("/sys/fs/cgroup/a/cpuset.cpus.partition", c.partition);
    EXPECT_EQ(Read().cpuset_exclusive, c.exclusive) << c.partition;
  }
}

TEST_F(CgroupV2, DoesNotInheritExclusivenessFromAParent) {
  Enter("/a");
  tree_.Write("/sys/fs/cgroup/a/cpuset.cpus.partition", "root\n");
  tree_.Write("/proc/self/cgroup", "0::/a/hidden\n");
  EXPECT_FALSE(Read().cpuset_exclusive);
}

TEST_F(CgroupV2, IgnoresGarbledQuotaWithANote) {
  for (const char* text : {"", "max", "100000", "abc 100000", "100000 0", "100000 -5", "0 100000",
                           "-1 100000", "100000 100000 100000", "1e5 100000", "max 0",
                           "99999999999999999999 100000", "\x01\x02 100000"}) {
    Enter("/a/b");
    tree_.Write("/sys/fs/cgroup/a/b/cpu.max", text);
    tree_.Write("/sys/fs/cgroup/a/cpu.max", "300000 100000\n");
    const CgroupLimits limits = Read();
    EXPECT_EQ(limits.quota, 3.0) << text;
    ASSERT_EQ(limits.notes.size(), 1u) << text;
    EXPECT_TRUE(absl::StartsWith(limits.notes[0], "ignored cpu.max \"")) << limits.notes[0];
    EXPECT_TRUE(absl::StrContains(limits.notes[0], " of /a/b: want QUOTA PERIOD"));
  }
}

TEST_F(CgroupV2, IgnoresGarbledCpusetWithANote) {
  Enter("/a");
  tree_.Write("/sys/fs/cgroup/a/cpuset.cpus.effective", "0-\n");
  const CgroupLimits limits = Read();
  EXPECT_EQ(limits.cpuset, std::nullopt);
  ASSERT_EQ(limits.notes.size(), 1u);
  EXPECT_TRUE(absl::StartsWith(limits.notes[0],
                               "ignored cpuset.cpus.effective of /a: bad CPU list \"0-"))
      << limits.notes[0];
}

TEST_F(CgroupV2, SkipsAnEmptyCpuset) {
  Enter("/a");
  tree_.Write("/sys/fs/cgroup/a/cpuset.cpus.effective", "\n");
  const CgroupLimits limits = Read();
  EXPECT_EQ(limits.cpuset, std::nullopt);
  EXPECT_EQ(Notes(limits), "");
}

TEST_F(CgroupV2, KeepsTheNearerCpusetWhenAParentContradictsIt) {
  Enter("/a/b");
  tree_.Write("/sys/fs/cgroup/a/b/cpuset.cpus.effective", "4-5\n");
  tree_.Write("/sys/fs/cgroup/a/cpuset.cpus.effective", "0-1\n");
  const CgroupLimits limits = Read();
  EXPECT_EQ(limits.cpuset, (CpuSet{4, 5}));
  EXPECT_EQ(Notes(limits),
            "ignored cpuset.cpus.effective of /a: 0-1 has no CPU in common with "
            "cpuset.cpus.effective of /a/b, 4-5");
}

TEST_F(CgroupV2, NotesAFileThatItCannotRead) {
  Enter("/a");
  tree_.MakeFolder("/sys/fs/cgroup/a/cpu.max");
  const CgroupLimits limits = Read();
  EXPECT_EQ(limits.quota, std::nullopt);
  ASSERT_EQ(limits.notes.size(), 1u);
  EXPECT_TRUE(absl::StartsWith(limits.notes[0], "ignored cpu.max of /a: cannot read "));
}

TEST_F(CgroupV2, UsesVisibleParentsOfAHiddenGroup) {
  Enter("/a");
  tree_.Write("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
  tree_.Write("/proc/self/cgroup", "0::/a/gone/leaf (deleted)\n");
  const CgroupLimits limits = Read();
  EXPECT_EQ(limits.quota, 2.0);
  EXPECT_EQ(Notes(limits),
            "cgroup /a/gone/leaf (deleted) is not visible below /sys/fs/cgroup: using the limits "
            "of its visible parents");
}

TEST_F(CgroupV2, BoundsDepthAndNotes) {
  std::string path;
  for (int i = 0; i < 200; ++i) path += "/d";
  Enter(path);
  std::string level = path;
  for (int i = 0; i < 200; ++i) {
    tree_.Write("/sys/fs/cgroup" + level + "/cpu.max", i == 0 ? "200000 100000" : "garbled");
    level.resize(level.size() - 2);
  }
  const CgroupLimits limits = Read();
  EXPECT_EQ(limits.quota, 2.0);
  EXPECT_EQ(limits.notes.size(), static_cast<size_t>(CgroupLimits::kMaxNotes));
}

TEST_F(CgroupV2, KeepsColonsInAGroupsName) {
  Enter("/a:b:c");
  tree_.Write("/sys/fs/cgroup/a:b:c/cpu.max", "50000 100000\n");
  EXPECT_EQ(Read().quota, 0.5);
}

TEST_F(CgroupV2, TellsContainersApartInAPrivateNamespaceByHostName) {
  Enter("/");
  tree_.Write("/proc/sys/kernel/hostname", "reviews-v1-x7\n");
  tree_.Write("/sys/fs/cgroup/cpu.max", "200000 100000\n");
  const CgroupLimits limits = Read();
  EXPECT_EQ(limits.quota, 2.0);
  EXPECT_EQ(limits.quota_source, "cpu.max of / (200000 of 100000 us)");
  EXPECT_EQ(limits.placement_key, "/ of host reviews-v1-x7");
  EXPECT_EQ(Notes(limits), "");
}

TEST(CgroupMounts, StripsTheMountsRoot) {
  // A runtime that binds the container's own group to /sys/fs/cgroup.
  RecordedTree tree;
  tree.Write("/proc/self/cgroup", absl::StrCat("0::", kPod, "/inner\n"));
  tree.Write("/proc/self/mountinfo", absl::StrCat("31 23 0:28 ", kPod,
                                                  " /sys/fs/cgroup ro - cgroup2 cgroup rw\n"));
  tree.Write("/sys/fs/cgroup/cpu.max", "250000 100000\n");
  tree.Write("/sys/fs/cgroup/inner/cpu.max", "max 100000\n");
  const CgroupLimits limits = ReadCgroupLimits(tree.Filesystem());
  EXPECT_EQ(limits.quota, 2.5);
  EXPECT_EQ(limits.quota_source, absl::StrCat("cpu.max of ", kPod, " (250000 of 100000 us)"));
  EXPECT_EQ(Notes(limits), "");
}

TEST(CgroupMounts, UsesTheTopOfAMountFromOutsideTheNamespace) {
  RecordedTree tree;
  tree.Write("/proc/self/cgroup", "0::/\n");
  tree.Write("/proc/self/mountinfo", "31 23 0:28 /../.. /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  tree.Write("/sys/fs/cgroup/cpu.max", "600000 100000\n");
  const CgroupLimits limits = ReadCgroupLimits(tree.Filesystem());
  EXPECT_EQ(limits.quota, 6.0);
  EXPECT_EQ(limits.quota_source, "cpu.max of /../.. (600000 of 100000 us)");
  EXPECT_EQ(Notes(limits),
            "cgroup / is not visible: /sys/fs/cgroup was mounted outside of this cgroup namespace; "
            "using the limits of /../.. alone");
}

TEST(CgroupMounts, NeverLeavesTheMountForAGroupOutsideTheNamespace) {
  RecordedTree tree;
  tree.Write("/proc/self/cgroup", "0::/../sibling\n");
  tree.Write("/proc/self/mountinfo", kV2Mount);
  tree.Write("/sys/fs/cgroup/cpu.max", "100000 100000\n");
  tree.Write("/sys/fs/sibling/cpu.max", "100000 100000\n");
  const CgroupLimits limits = ReadCgroupLimits(tree.Filesystem());
  EXPECT_EQ(limits.quota, std::nullopt);
  EXPECT_EQ(Notes(limits),
            "cgroup /../sibling is not visible below /sys/fs/cgroup, which shows /: its limits are "
            "unknown");
}

TEST(CgroupV1, WalksBothControllersUp) {
  RecordedTree tree;
  tree.Write("/proc/self/cgroup",
             "12:cpuset:/kubepods/pod1/c1\n11:memory:/kubepods/pod1/c1\n"
             "4:cpu,cpuacct:/kubepods/pod1/c1\n1:name=systemd:/kubepods/pod1/c1\n");
  tree.Write("/proc/self/mountinfo",
             V1Mount("cpu,cpuacct", "/", "/sys/fs/cgroup/cpu,cpuacct") +
                 V1Mount("cpuset", "/", "/sys/fs/cgroup/cpuset") +
                 V1Mount("memory", "/", "/sys/fs/cgroup/memory"));
  const std::string cpu = "/sys/fs/cgroup/cpu,cpuacct/kubepods/pod1";
  tree.Write(cpu + "/c1/cpu.cfs_quota_us", "-1\n");
  tree.Write(cpu + "/c1/cpu.cfs_period_us", "100000\n");
  tree.Write(cpu + "/cpu.cfs_quota_us", "50000\n");
  tree.Write(cpu + "/cpu.cfs_period_us", "20000\n");
  const std::string cpuset = "/sys/fs/cgroup/cpuset/kubepods/pod1";
  tree.Write(cpuset + "/c1/cpuset.cpus", "0-7\n");
  tree.Write(cpuset + "/c1/cpuset.effective_cpus", "0-5\n");
  tree.Write(cpuset + "/c1/cpuset.cpu_exclusive", "1\n");
  tree.Write(cpuset + "/cpuset.cpus", "2-9\n");
  const CgroupLimits limits = ReadCgroupLimits(tree.Filesystem());
  EXPECT_EQ(limits.quota, 2.5);
  EXPECT_EQ(limits.quota_source, "cpu.cfs_quota_us of /kubepods/pod1 (50000 of 20000 us)");
  EXPECT_EQ(limits.cpuset, (CpuSet{2, 3, 4, 5}));
  EXPECT_EQ(limits.cpuset_source, "cpuset.cpus of /kubepods/pod1");
  EXPECT_TRUE(limits.cpuset_exclusive);
  EXPECT_EQ(limits.placement_key, "/kubepods/pod1/c1");
  EXPECT_EQ(Notes(limits), "");
}

TEST(CgroupV1, TakesMinusOneForNoQuotaAndTheTopForNotExclusive) {
  RecordedTree tree;
  tree.Write("/proc/self/cgroup", "3:cpuset:/\n1:cpu:/\n");
  tree.Write("/proc/self/mountinfo", V1Mount("cpu", "/", "/sys/fs/cgroup/cpu") +
                                         V1Mount("cpuset", "/", "/sys/fs/cgroup/cpuset"));
  tree.Write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  tree.Write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  tree.Write("/sys/fs/cgroup/cpuset/cpuset.cpus", "0-1\n");
  tree.Write("/sys/fs/cgroup/cpuset/cpuset.cpu_exclusive", "1\n");
  const CgroupLimits limits = ReadCgroupLimits(tree.Filesystem());
  EXPECT_EQ(limits.quota, std::nullopt);
  EXPECT_EQ(limits.cpuset, (CpuSet{0, 1}));
  EXPECT_FALSE(limits.cpuset_exclusive);
  EXPECT_EQ(Notes(limits), "");
}

TEST(CgroupV1, IgnoresGarbledQuotaWithANote) {
  const struct {
    const char* quota;
    const char* period;  // none where null
  } cases[] = {{"", "100000"}, {"0", "100000"},  {"-2", "100000"},    {"x", "100000"},
               {"50000", ""},  {"50000", "0"},   {"50000", nullptr},  {"50000", "-1"},
               {"5 5", "1"},   {"50000", "1 2"}, {"50000", "garbled"}};
  for (const auto& c : cases) {
    RecordedTree tree;
    tree.Write("/proc/self/cgroup", "1:cpu:/a\n");
    tree.Write("/proc/self/mountinfo", V1Mount("cpu", "/", "/cg"));
    tree.Write("/cg/a/cpu.cfs_quota_us", c.quota);
    if (c.period != nullptr) tree.Write("/cg/a/cpu.cfs_period_us", c.period);
    const CgroupLimits limits = ReadCgroupLimits(tree.Filesystem());
    EXPECT_EQ(limits.quota, std::nullopt) << c.quota;
    ASSERT_EQ(limits.notes.size(), 1u) << c.quota;
    EXPECT_TRUE(absl::StartsWith(limits.notes[0], "ignored cpu.cfs_quota_us")) << limits.notes[0];
  }
}

TEST(CgroupHybrid, ReadsV1ControllersBesideV2) {
  RecordedTree tree;
  tree.Write("/proc/self/cgroup", "3:cpuset:/box\n1:cpu:/box\n0::/user.slice\n");
  tree.Write("/proc/self/mountinfo",
             V1Mount("cpu", "/", "/sys/fs/cgroup/cpu") +
                 V1Mount("cpuset", "/", "/sys/fs/cgroup/cpuset") +
                 "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
  tree.MakeFolder("/sys/fs/cgroup/unified/user.slice");
  tree.Write("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "150000\n");
  tree.Write("/sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
  tree.Write("/sys/fs/cgroup/cpuset/box/cpuset.cpus", "1\n");
  const CgroupLimits limits = ReadCgroupLimits(tree.Filesystem());
  EXPECT_EQ(limits.quota, 1.5);
  EXPECT_EQ(limits.cpuset, CpuSet{1});
  EXPECT_EQ(limits.placement_key, "/box");
  EXPECT_EQ(Notes(limits), "");
}

TEST(CgroupHybrid, TakesTheTighterOfBothVersions) {
  RecordedTree tree;
  tree.Write("/proc/self/cgroup", "1:cpu:/v1\n0::/v2\n");
  tree.Write("/proc/self/mountinfo",
             V1Mount("cpu", "/", "/one") + "41 31 0:38 / /two rw - cgroup2 cgroup2 rw\n");
  tree.Write("/one/v1/cpu.cfs_quota_us", "300000\n");
  tree.Write("/one/v1/cpu.cfs_period_us", "100000\n");
  tree.Write("/two/v2/cpu.max", "100000 100000\n");
  EXPECT_EQ(ReadCgroupLimits(tree.Filesystem()).quota_source,
            "cpu.max of /v2 (100000 of 100000 us)");
}

TEST(CgroupBroken, SaysWhatIsMissing) {
  RecordedTree empty;
  const CgroupLimits none = ReadCgroupLimits(empty.Filesystem());
  EXPECT_EQ(none.quota, std::nullopt);
  EXPECT_EQ(none.cpuset, std::nullopt);
  EXPECT_EQ(none.placement_key, "/ of host (unknown)");
  ASSERT_EQ(none.notes.size(), 2u);
  EXPECT_TRUE(absl::StrContains(none.notes[0], "/proc/self/cgroup: "));
  EXPECT_TRUE(absl::StrContains(none.notes[1], "/proc/self/mountinfo: "));

  RecordedTree unmounted;
  unmounted.Write("/proc/self/cgroup", "0::/\n");
  unmounted.Write("/proc/self/mountinfo", "25 21 0:22 / /proc rw - proc proc rw\n");
  EXPECT_EQ(Notes(ReadCgroupLimits(unmounted.Filesystem())),
            "no cgroup with a CPU controller is visible: no CPU quota assumed");
}

TEST(CgroupBroken, SurvivesGarbledTables) {
  const char* memberships[] = {"", "\n\n", "0", "0:", "0::", "::", "0::relative\n", "0::/..\n",
                               ":::::::", "0::/\xff\xfe", "5::/x\n", ",,,:,,,:/\n"};
  const char* mounts[] = {"",
                          "-",
                          "1 2 3 4 5 6 -",
                          "1 2 3 4 5 6 - cgroup2",
                          "1 2 0:1 / / rw - cgroup2 c rw",
                          "1 2 0:1 relative relative rw - cgroup2 c rw",
                          "1 2 0:1 /\\0 /\\999\\ rw - cgroup2 c rw",
                          "- - - - - - - - - - - - -",
                          "1 2 0:1 /../.. /.. rw - cgroup c rw,cpu,cpuset"};
  for (const char* membership : memberships) {
    for (const char* mount : mounts) {
      RecordedTree tree;
      tree.Write("/proc/self/cgroup", membership);
      tree.Write("/proc/self/mountinfo", mount);
      const CgroupLimits limits = ReadCgroupLimits(tree.Filesystem());
      EXPECT_EQ(limits.quota, std::nullopt) << membership << mount;
      EXPECT_EQ(limits.cpuset, std::nullopt) << membership << mount;
    }
  }
}

TEST(CgroupOfThisMachine, GivesASaneAnswer) {
  const CgroupLimits limits = ReadCgroupLimits();
  EXPECT_FALSE(limits.placement_key.empty());
  if (limits.quota.has_value()) {
    EXPECT_GT(*limits.quota, 0);
    EXPECT_NE(limits.quota_source, "");
  }
  // The kernel keeps every thread inside of its cpuset.
  const absl::StatusOr<CpuSet> affinity = CpuSet::OfThisProcess();
  ASSERT_TRUE(affinity.ok());
  if (limits.cpuset.has_value()) {
    EXPECT_TRUE(limits.cpuset->ContainsAll(*affinity)) << limits.cpuset->ToString();
  }
}

}  // namespace
}  // namespace outrigger::scheduler
