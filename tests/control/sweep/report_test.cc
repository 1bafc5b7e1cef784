#include "control/sweep/report.h"

#include "gtest/gtest.h"

namespace outrigger::control {
namespace {

SweepReport Report() {
  SweepRun run{.sweep = 1,
               .rules = "default",
               .slice_ms = 10,
               .procs = 4,
               .total_ms = 651.25,
               .delay_p95_ms = 1.5,
               .delay_p99_ms = 2.25,
               .handoffs_per_s = 3,
               .switches_per_s = 4567,
               .latency_p95_us = 890,
               .latency_p99_us = 1234};
  SweepReport report{.tasks = 1000, .work = 1'000'000, .cpus = 2, .runs = {run}};
  run.sweep = 2;
  run.rules = "article";
  report.runs.push_back(run);
  return report;
}

TEST(SweepReportTest, AQuantileIsAValueThatWasSeen) {
  EXPECT_EQ(Quantile({}, 0.95), 0);
  EXPECT_EQ(Quantile({7}, 0.95), 7);
  EXPECT_EQ(Quantile({3, 1, 2}, 0), 1);
  EXPECT_EQ(Quantile({4, 3, 2, 1}, 0.5), 2);
  EXPECT_EQ(Quantile({4, 3, 2, 1}, 0.51), 3);
  EXPECT_EQ(Quantile({4, 3, 2, 1}, 1), 4);
  std::vector<double> hundred;
  for (int i = 100; i > 0; --i) hundred.push_back(i);
  EXPECT_EQ(Quantile(hundred, 0.95), 95);
  EXPECT_EQ(Quantile(hundred, 0.99), 99);
}

TEST(SweepReportTest, OnlyTheFirstSweepWasPublished) {
  ASSERT_TRUE(Published(1, 8).has_value());
  EXPECT_EQ(Published(1, 1)->delay_p95_ms, 12.4);
  EXPECT_EQ(Published(1, 8)->switches_per_s, 21'000);
  EXPECT_FALSE(Published(1, 2).has_value());
  EXPECT_FALSE(Published(1, 16).has_value());
  EXPECT_FALSE(Published(2, 8).has_value());
}

TEST(SweepReportTest, ARowHasOursBesideThePublished) {
  const std::string text = RenderText(Report());
  EXPECT_TRUE(
      text.starts_with("1000 tasks of 1000000 multiplications, beside one that is due each "
                       "millisecond; 2 CPUs\n"))
      << text;
  EXPECT_NE(
      text.find("\n1     default      4     651.2      1.50     2.25          3       4567        "
                "890      1234         8.7      42000\n"),
      std::string::npos)
      << text;
  EXPECT_NE(
      text.find("\n2     article      4     651.2      1.50     2.25          3       4567        "
                "890      1234           -          -\n"),
      std::string::npos)
      << text;
}

TEST(SweepReportTest, JsonHasTheSameFigures) {
  EXPECT_EQ(RenderJson(Report()),
            "{\"tasks\":1000,\"work\":1000000,\"cpus\":2,\"runs\":["
            "{\"sweep\":1,\"rules\":\"default\",\"slice_ms\":10.0,\"procs\":4,"
            "\"total_ms\":651.250,\"delay_p95_ms\":1.500,\"delay_p99_ms\":2.250,"
            "\"handoffs_per_s\":3.0,\"switches_per_s\":4567.0,\"latency_p95_us\":890.0,"
            "\"latency_p99_us\":1234.0,"
            "\"published\":{\"delay_p95_ms\":8.7,\"switches_per_s\":42000}},"
            "{\"sweep\":2,\"rules\":\"article\",\"slice_ms\":10.0,\"procs\":4,"
            "\"total_ms\":651.250,\"delay_p95_ms\":1.500,\"delay_p99_ms\":2.250,"
            "\"handoffs_per_s\":3.0,\"switches_per_s\":4567.0,\"latency_p95_us\":890.0,"
            "\"latency_p99_us\":1234.0,\"published\":null}]}\n");
}

TEST(SweepReportTest, NoRunIsAnEmptyList) {
  EXPECT_EQ(RenderJson({}), "{\"tasks\":0,\"work\":0,\"cpus\":0,\"runs\":[]}\n");
}

}  // namespace
}  // namespace outrigger::control
