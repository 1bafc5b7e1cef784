#include "scheduler/cpu/cpu_set.h"

#include <sched.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace outrigger::scheduler {
namespace {

std::vector<int> Listed(const CpuSet& set) { return {set.begin(), set.end()}; }

TEST(CpuSetParse, TakesNumbersRangesAndSteps) {
  const struct {
    const char* list;
    std::vector<int> cpus;
    const char* written;
  } cases[] = {
      {"0", {0}, "0"},
      {"0-3", {0, 1, 2, 3}, "0-3"},
      {"0-3,5,8-11:2", {0, 1, 2, 3, 5, 8, 10}, "0-3,5,8,10"},
      {"5,3,4", {3, 4, 5}, "3-5"},
      {"1,1,0-1", {0, 1}, "0-1"},
      {" 2-3\n", {2, 3}, "2-3"},
      {"7-7", {7}, "7"},
      {"0-10:5", {0, 5, 10}, "0,5,10"},
      {"0-10:2147483647", {0}, "0"},
      {"63-64", {63, 64}, "63-64"},
      {"1023", {1023}, "1023"},
      {"0003", {3}, "3"},
  };
  for (const auto& c : cases) {
    const absl::StatusOr<CpuSet> set = CpuSet::Parse(c.list);
    ASSERT_TRUE(set.ok()) << set.status();
    EXPECT_EQ(Listed(*set), c.cpus) << c.list;
    EXPECT_EQ(set->ToString(), c.written) << c.list;
    EXPECT_EQ(set->Count(), static_cast<int>(c.cpus.size())) << c.list;
  }
}

TEST(CpuSetParse, NamesListAndFaultyPiece) {
  const std::string shape = " is not a number N, a range N-M or N-M:STEP";
  const struct {
    std::string list;
    std::string message;
  } cases[] = {
      {"", "bad CPU list \"\": it names no CPU"},
      {" \n", "bad CPU list \" \\n\": it names no CPU"},
      {"0-", "bad CPU list \"0-\": \"0-\"" + shape},
      {"-3", "bad CPU list \"-3\": \"-3\"" + shape},
      {"1,,2", "bad CPU list \"1,,2\": \"\"" + shape},
      {"1,", "bad CPU list \"1,\": \"\"" + shape},
      {"+1", "bad CPU list \"+1\": \"+1\"" + shape},
      {"1, 2", "bad CPU list \"1, 2\": \" 2\"" + shape},
      {"0-3:", "bad CPU list \"0-3:\": \"0-3:\"" + shape},
      {"3:2", "bad CPU list \"3:2\": \"3:2\"" + shape},
      {"0-3:1:1", "bad CPU list \"0-3:1:1\": \"0-3:1:1\"" + shape},
      {"0x3", "bad CPU list \"0x3\": \"0x3\"" + shape},
      {"99999999999", "bad CPU list \"99999999999\": \"99999999999\"" + shape},
      {"0-3:0", "bad CPU list \"0-3:0\": \"0-3:0\" has a step of 0"},
      {"3-1", "bad CPU list \"3-1\": \"3-1\" runs backwards"},
      {"1024", "bad CPU list \"1024\": CPU 1024 is beyond the last one possible, 1023"},
      {"0-4000", "bad CPU list \"0-4000\": CPU 4000 is beyond the last one possible, 1023"},
      {"a\x01", "bad CPU list \"a\\x01\": \"a\\x01\"" + shape},
  };
  for (const auto& c : cases) {
    const absl::StatusOr<CpuSet> set = CpuSet::Parse(c.list);
    ASSERT_FALSE(set.ok()) << c.list;
    EXPECT_EQ(set.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(set.status().message(), c.message);
  }
}

TEST(CpuSetParse, KeepsMessageAboutHugeListShort) {
  for (size_t length : {size_t{1000}, size_t{1} << 20}) {
    const absl::StatusOr<CpuSet> set = CpuSet::Parse(std::string(length, 'x'));
    ASSERT_FALSE(set.ok());
    EXPECT_LT(set.status().message().size(), 300u);
  }
}

TEST(CpuSet, WritesWhatItReads) {
  // Every subset of six CPUs around a word's border.
  for (int bits = 1; bits < 64; ++bits) {
    CpuSet set;
    for (int i = 0; i < 6; ++i) {
      if ((bits >> i) & 1) set.Add(61 + i);
    }
    const absl::StatusOr<CpuSet> read = CpuSet::Parse(set.ToString());
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, set) << set.ToString();
  }
}

TEST(CpuSet, StartsEmpty) {
  const CpuSet set;
  EXPECT_TRUE(set.Empty());
  EXPECT_EQ(set.Count(), 0);
  EXPECT_EQ(set.First(), -1);
  EXPECT_EQ(set.ToString(), "");
  EXPECT_EQ(set.begin(), set.end());
}

TEST(CpuSet, AddsAndRemoves) {
  CpuSet set = {3, 700};
  set.Remove(3);
  EXPECT_FALSE(set.Contains(3));
  EXPECT_TRUE(set.Contains(700));
  EXPECT_FALSE(set.Contains(-1));
  EXPECT_FALSE(set.Contains(CpuSet::kMaxCpus));
  EXPECT_EQ(set.First(), 700);
  EXPECT_EQ(set.AtOrAfter(701), -1);
  EXPECT_EQ(set.AtOrAfter(CpuSet::kMaxCpus), -1);
}

TEST(CpuSet, CombinesLikeSets) {
  const CpuSet a = {0, 1, 64, 1023};
  const CpuSet b = {1, 2, 64};
  EXPECT_EQ(a.Intersect(b), (CpuSet{1, 64}));
  EXPECT_EQ(a.Union(b), (CpuSet{0, 1, 2, 64, 1023}));
  EXPECT_EQ(a.Subtract(b), (CpuSet{0, 1023}));
  EXPECT_TRUE(a.ContainsAll({0, 1023}));
  EXPECT_FALSE(a.ContainsAll({0, 2}));
  EXPECT_NE(a, b);
}

TEST(CpuSetOfThisProcess, AgreesWithTheKernel) {
  const absl::StatusOr<CpuSet> set = CpuSet::OfThisProcess();
  ASSERT_TRUE(set.ok()) << set.status();
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
  EXPECT_EQ(set->Count(), CPU_COUNT(&mask));
  for (int cpu : *set) EXPECT_TRUE(CPU_ISSET(cpu, &mask)) << cpu;
}

TEST(BindThisThread, MovesThisThreadOnly) {
  const absl::StatusOr<CpuSet> before = CpuSet::OfThisProcess();
  ASSERT_TRUE(before.ok()) << before.status();
  // The last CPU, so that it differs from the default on any machine with two.
  int last = -1;
  for (int cpu : *before) last = cpu;
  std::thread([last] {
    const absl::Status bound = BindThisThread({last});
    EXPECT_TRUE(bound.ok()) << bound;
    cpu_set_t mask;
    ASSERT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
    EXPECT_EQ(CPU_COUNT(&mask), 1);
    EXPECT_TRUE(CPU_ISSET(last, &mask));
    EXPECT_EQ(sched_getcpu(), last);
  }).join();
  const absl::StatusOr<CpuSet> after = CpuSet::OfThisProcess();
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(*after, *before);
}

TEST(BindThisThread, SaysWhyItCannot) {
  EXPECT_EQ(BindThisThread({}).code(), absl::StatusCode::kInvalidArgument);
  const absl::StatusOr<CpuSet> allowed = CpuSet::OfThisProcess();
  ASSERT_TRUE(allowed.ok());
  if (allowed->Contains(1023)) GTEST_SKIP() << "a machine with 1024 CPUs";
  const absl::Status refused = BindThisThread({1023});
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(refused.message(), "CPUs 1023")) << refused;
}

}  // namespace
}  // namespace outrigger::scheduler
