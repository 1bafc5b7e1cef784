#include "control/sweep/sweep.h"

#include "gtest/gtest.h"

namespace outrigger::control {
namespace {

using scheduler::kMillisecond;

const SweepRules kRules = {.name = "quick", .pool = {.slice = 100'000}};

TEST(SweepTest, MeasuresOnSoManyPs) {
  for (const uint32_t procs : {1u, 3u}) {
    const SweepRun run = MeasureSweep(kRules, procs, 200, 100'000);
    EXPECT_EQ(run.rules, "quick");
    EXPECT_EQ(run.slice_ms, 0.1);
    EXPECT_EQ(run.procs, procs);
    // 20 million multiplications take longer than a tick, and some G waits for another.
    EXPECT_GT(run.total_ms, 2);
    EXPECT_GT(run.delay_p95_ms, 0);
    EXPECT_GE(run.delay_p99_ms, run.delay_p95_ms);
    EXPECT_GT(run.latency_p95_us, 0);
    EXPECT_GE(run.latency_p99_us, run.latency_p95_us);
    EXPECT_GT(run.switches_per_s, 0);
  }
}

TEST(SweepTest, ATaskLongerThanTheSliceIsHandedOff) {
  const SweepRun run = MeasureSweep(kRules, 1, 4, 20'000'000);
  EXPECT_GT(run.handoffs_per_s, 0);
}

TEST(SweepTest, ShorterThanATickThereIsNothingToBeLate) {
  const SweepRun run = MeasureSweep(kRules, 1, 1, 1);
  EXPECT_GT(run.total_ms, 0);
  EXPECT_GE(run.delay_p95_ms, 0);
}

}  // namespace
}  // namespace outrigger::control
