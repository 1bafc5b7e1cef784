#include "scheduler/core/sysmon.h"

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

uint64_t Stalls(Pool& pool) {
  uint64_t sum = 0;
  for (int id = 0; id < pool.procs(); ++id) sum += pool.processor(id).stats().stalls.load();
  return sum;
}

Task<> HogUntilSeen(Pool& pool, uint64_t stalls) {
  Await([&] { return Stalls(pool) == stalls; });
  co_return;
}

class SysmonTest : public testing::TestWithParam<Policy> {};
INSTANTIATE_TEST_SUITE_P(Policies, SysmonTest, testing::ValuesIn(kPolicies));

TEST_P(SysmonTest, CountsEachOverrunOnce) {
  Pool pool(Options(GetParam(), 2));
  Sysmon sysmon({&pool}, {});
  for (uint64_t i = 1; i <= 3; ++i) RunToEnd(pool, HogUntilSeen(pool, i));
  EXPECT_EQ(Stalls(pool), 3u);
}

TEST_P(SysmonTest, SleepsWhileAllIsIdleAndSeesAnOverrunThatWakesIt) {
  Pool pool(Options(GetParam(), 2));
  Pool other(Options(Policy::kPinned, 1));
  Sysmon sysmon({&pool, &other}, {});
  for (uint64_t i = 1; i <= 2; ++i) {
    Await([&] { return sysmon.asleep(); });
    RunToEnd(pool, HogUntilSeen(pool, i));
  }
}

TEST_P(SysmonTest, SleepsBesideAPoolThatHasStopped) {
  Pool stopped(Options(GetParam(), 2));
  Sysmon sysmon({&stopped}, {});
  stopped.Stop();
  Await([&] { return sysmon.asleep(); });
}

Task<> Nap(std::atomic<bool>& over) {
  while (!over.load()) co_await Sleep(1);
}

TEST_P(SysmonTest, MayGoWhileItsPoolsRun) {
  for (int round = 0; round < 30; ++round) {
    Pool pool(Options(GetParam(), 2));
    std::atomic<bool> over{false};
    Spawn(pool, "nap", Nap(over));
    { Sysmon sysmon({&pool}, {}); }
    over.store(true);
  }
}

}  // namespace
}  // namespace outrigger::scheduler
