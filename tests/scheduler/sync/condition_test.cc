#include "scheduler/sync/condition.h"

#include "tests/scheduler/sync/sync_test.h"

namespace outrigger::scheduler {
namespace {

using ConditionTest = OneProcTest;
INSTANTIATE_TEST_SUITE_P(Policies, ConditionTest, testing::ValuesIn(kPolicies));

struct Stock {
  AsyncMutex mutex;
  Condition changed;
  int64_t items = 0;  // guarded by mutex
  bool closed = false;
};

Task<> TakeItems(Stock& stock, int64_t& taken, bool with_deadlines) {
  while (true) {
    const Wake locked = co_await stock.mutex.Lock();
    if (locked != Wake::kReady) co_return;
    AsyncMutexHold hold(stock.mutex);
    while (stock.items == 0 && !stock.closed) {
      Wake wake = Wake::kReady;
      if (with_deadlines) {
        wake = co_await stock.changed.Wait(hold, Now() + 20'000);
      } else {
        wake = co_await stock.changed.Wait(hold);
      }
      EXPECT_EQ(hold.held(), wake != Wake::kCancelled);
      if (wake == Wake::kCancelled) co_return;
    }
    if (stock.items == 0) co_return;
    --stock.items;
    ++taken;
  }
}

Task<> Supply(Stock& stock, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const Wake wake = co_await stock.mutex.Lock();
    EXPECT_EQ(wake, Wake::kReady);
    AsyncMutexHold hold(stock.mutex);
    ++stock.items;
    stock.changed.NotifyOne();
  }
}

Task<> SupplyAndTake(int64_t n) {
  Stock stock;
  int64_t taken[4] = {};
  std::vector<JoinHandle> takers, suppliers;
  for (int i = 0; i < 4; ++i) {
    takers.push_back(Go("take", TakeItems(stock, taken[i], /*with_deadlines=*/i == 0)));
  }
  for (int i = 0; i < 2; ++i) suppliers.push_back(Go("supply", Supply(stock, n)));
  co_await JoinEach(suppliers);
  const Wake wake = co_await stock.mutex.Lock();
  EXPECT_EQ(wake, Wake::kReady);
  stock.closed = true;
  stock.mutex.Unlock();
  stock.changed.NotifyAll();
  co_await JoinEach(takers);
  EXPECT_EQ(taken[0] + taken[1] + taken[2] + taken[3], 2 * n);
}

TEST_P(ConditionTest, WhatIsNotifiedIsTaken) { Run(SupplyAndTake(50)); }

TEST(ConditionRaceTest, NoNotificationIsLost) {
  for (size_t procs = 1; procs <= 4; ++procs) {
    Pool pool(Options(Policy::kStealing, procs));
    RunToEnd(pool, SupplyAndTake(2'000));
  }
}

Task<> WaitOnce(Stock& stock, Wake& result) {
  co_await stock.mutex.Lock();
  AsyncMutexHold hold(stock.mutex);
  result = co_await stock.changed.Wait(hold);
}

Task<> TimeoutAndCancel() {
  Stock stock;
  {
    co_await stock.mutex.Lock();
    AsyncMutexHold hold(stock.mutex);
    const Wake late = co_await stock.changed.Wait(hold, Soon());
    EXPECT_EQ(late, Wake::kTimeout);
    EXPECT_TRUE(hold.held());
    EXPECT_FALSE(stock.mutex.TryLock());
  }
  Wake waiting = Wake::kReady, locking = Wake::kReady;
  JoinHandle first = Go("wait", WaitOnce(stock, waiting));
  co_await YieldOften();
  first.Cancel();
  co_await first.Join();
  EXPECT_EQ(waiting, Wake::kCancelled);
  // Notified, and cancelled while it waits for the mutex.
  JoinHandle second = Go("wait", WaitOnce(stock, locking));
  co_await YieldOften();
  co_await stock.mutex.Lock();
  stock.changed.NotifyOne();
  co_await YieldOften();
  second.Cancel();
  co_await second.Join();
  EXPECT_EQ(locking, Wake::kCancelled);
  stock.mutex.Unlock();
  EXPECT_TRUE(stock.mutex.TryLock());
}

TEST_P(ConditionTest, ATimeoutHoldsTheMutexAndACancelDoesNot) { Run(TimeoutAndCancel()); }

}  // namespace
}  // namespace outrigger::scheduler
