#include "scheduler/trace/schedtrace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/scheduler.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

Task<> SleepLong() { co_await Sleep(3600 * kSecond); }

class SchedTraceTest : public testing::TestWithParam<Policy> {};
INSTANTIATE_TEST_SUITE_P(Policies, SchedTraceTest, testing::ValuesIn(kPolicies));

TEST_P(SchedTraceTest, SaysItAsGoDoes) {
  Pool pool(Options(GetParam(), 2));
  EXPECT_THAT(SchedTrace(pool, 1500 * kMillisecond, false),
              testing::MatchesRegex(
                  "SCHED 1500ms: gomaxprocs=2 idleprocs=[012] threads=2 spinningthreads=[012] "
                  "needspinning=0 idlethreads=[012] runqueue=0 \\[ 0 0 \\] "
                  "schedticks=\\[ [0-9]+ [0-9]+ \\] pool=(control|data)\n"));
}

TEST_P(SchedTraceTest, IdlePsAreCounted) {
  Pool pool(Options(GetParam(), 2));
  Await([&] { return SchedTrace(pool, 0, false).find("idleprocs=2") != std::string::npos; });
}

TEST(SchedTraceDetailTest, EveryPAndGHasALine) {
  Pool pool(Options(Policy::kStealing, 2));
  Spawn(pool, "sleeper", SleepLong());
  Await([&] {
    return SchedTrace(pool, 0, true).find("status=4(sleep) name=sleeper\n") != std::string::npos;
  });
  const std::string trace = SchedTrace(pool, 0, true);
  EXPECT_NE(trace.find("\n  P0: status="), std::string::npos) << trace;
  EXPECT_NE(trace.find("\n  P1: status="), std::string::npos);
  pool.Stop();
}

}  // namespace
}  // namespace outrigger::scheduler
