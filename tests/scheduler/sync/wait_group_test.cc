#include "scheduler/sync/wait_group.h"

#include "tests/scheduler/sync/sync_test.h"

namespace outrigger::scheduler {
namespace {

using WaitGroupTest = OneProcTest;
INSTANTIATE_TEST_SUITE_P(Policies, WaitGroupTest, testing::ValuesIn(kPolicies));

Task<> DoOne(WaitGroup& group, std::atomic<int>& count) {
  count.fetch_add(1);
  co_await Yield();
  count.fetch_add(1);
  group.Done();
}

Task<> WaitsForAll(int times) {
  for (int i = 0; i < times; ++i) {
    WaitGroup group;  // gone as soon as we have waited
    std::atomic<int> count{0};
    group.Add(5);
    for (int n = 0; n < 5; ++n) Go("one", DoOne(group, count));
    const Wake wake = co_await group.Wait();
    EXPECT_EQ(wake, Wake::kReady);
    EXPECT_EQ(count.load(), 10);
    const Wake again = co_await group.Wait();
    EXPECT_EQ(again, Wake::kReady);
  }
}

TEST_P(WaitGroupTest, WaitsUntilAllAreDone) { Run(WaitsForAll(2)); }

TEST(WaitGroupRaceTest, ItsOwnerMayFreeItWhenAllAreDone) {
  for (size_t procs = 1; procs <= 4; ++procs) {
    Pool pool(Options(Policy::kStealing, procs));
    RunToEnd(pool, WaitsForAll(3'000));
  }
}

Task<> WaitAndKeep(WaitGroup& group, Wake& wake) { wake = co_await group.Wait(); }

Task<> TimeoutAndCancel() {
  WaitGroup group;
  group.Add(1);
  const Wake late = co_await group.Wait(Soon());
  EXPECT_EQ(late, Wake::kTimeout);
  Wake wake = Wake::kReady;
  JoinHandle waiter = Go("wait", WaitAndKeep(group, wake));
  co_await YieldOften();
  waiter.Cancel();
  group.Done();
  co_await waiter.Join();
  EXPECT_EQ(wake, Wake::kCancelled);
}

TEST_P(WaitGroupTest, AWaitEndsByDeadlineOrCancel) { Run(TimeoutAndCancel()); }

}  // namespace
}  // namespace outrigger::scheduler
