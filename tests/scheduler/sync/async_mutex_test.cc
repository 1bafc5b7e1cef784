#include "scheduler/sync/async_mutex.h"

#include <random>

#include "tests/scheduler/sync/sync_test.h"

namespace outrigger::scheduler {
namespace {

using AsyncMutexTest = OneProcTest;
INSTANTIATE_TEST_SUITE_P(Policies, AsyncMutexTest, testing::ValuesIn(kPolicies));

Task<> LockAndNote(AsyncMutex& mutex, int id, std::vector<int>& order) {
  const Wake wake = co_await mutex.Lock();
  order.push_back(wake == Wake::kReady ? id : -id);
  if (wake == Wake::kReady) mutex.Unlock();
}

Task<> Basics() {
  AsyncMutex mutex;
  EXPECT_TRUE(mutex.TryLock());
  EXPECT_FALSE(mutex.TryLock());
  std::vector<int> order;
  std::vector<JoinHandle> waiters;
  for (int id : {1, 2, 3}) {
    waiters.push_back(Go("lock", LockAndNote(mutex, id, order)));
    co_await YieldOften();
  }
  const Wake late = co_await mutex.Lock(Soon());
  EXPECT_EQ(late, Wake::kTimeout);
  waiters[1].Cancel();
  co_await waiters[1].Join();
  EXPECT_EQ(order, (std::vector<int>{-2}));
  mutex.Unlock();
  co_await JoinEach(waiters);
  EXPECT_EQ(order, (std::vector<int>{-2, 1, 3}));
  EXPECT_TRUE(mutex.TryLock());
  mutex.Unlock();
}

TEST_P(AsyncMutexTest, GoesToWhoWaitsAndNotToWhoGaveUp) { Run(Basics()); }

Task<> HoldOverYields(AsyncMutex& mutex, int& inside, int& turns) {
  for (int i = 0; i < 20; ++i) {
    const Wake wake = co_await mutex.Lock();
    EXPECT_EQ(wake, Wake::kReady);
    AsyncMutexHold hold(mutex);
    EXPECT_EQ(++inside, 1);
    co_await Yield();
    --inside;
    ++turns;
  }
}

Task<> HoldTogether() {
  AsyncMutex mutex;
  int inside = 0, turns = 0;
  std::vector<JoinHandle> holders;
  for (int i = 0; i < 5; ++i) holders.push_back(Go("hold", HoldOverYields(mutex, inside, turns)));
  co_await JoinEach(holders);
  EXPECT_EQ(turns, 100);
}

TEST_P(AsyncMutexTest, IsHeldOverWaitsByOneAtATime) { Run(HoldTogether()); }

// Takes it again at once, each time, while another waits; until that one has had it.
Task<> Hog(AsyncMutex& mutex, const bool& other_had_it, int& rounds) {
  for (; !other_had_it; ++rounds) {
    const Wake wake = co_await mutex.Lock();
    EXPECT_EQ(wake, Wake::kReady);
    const Nanos until = MonotonicNow() + 200'000;
    while (MonotonicNow() < until) co_await Yield();
    mutex.Unlock();
  }
}

Task<> LockOnce(AsyncMutex& mutex, bool& had_it) {
  const Wake wake = co_await mutex.Lock();
  EXPECT_EQ(wake, Wake::kReady);
  had_it = true;
  mutex.Unlock();
}

Task<> HogAndOther() {
  AsyncMutex mutex;
  bool had_it = false;
  int rounds = 0;
  const JoinHandle hog = Go("hog", Hog(mutex, had_it, rounds));
  co_await Yield();
  const JoinHandle other = Go("other", LockOnce(mutex, had_it));
  co_await other.Join();
  co_await hog.Join();
  EXPECT_TRUE(had_it);
  const bool free = mutex.TryLock();
  EXPECT_TRUE(free);
}

TEST_P(AsyncMutexTest, WhoWaitedForAMillisecondIsNotPassedAgain) { Run(HogAndOther()); }

struct Shared {
  AsyncMutex mutex;
  int64_t count = 0;  // guarded by mutex
};

Task<> Contend(Shared& shared, std::atomic<int64_t>& locked, uint32_t seed) {
  std::minstd_rand random(seed);
  for (int i = 0; i < 2'000; ++i) {
    Wake wake = Wake::kReady;
    if (random() % 8 == 0) {
      wake = co_await shared.mutex.Lock(Now() + static_cast<Nanos>(random() % 30'000));
    } else {
      wake = co_await shared.mutex.Lock();
    }
    if (wake == Wake::kCancelled) co_return;
    if (wake != Wake::kReady) continue;
    ++shared.count;
    locked.fetch_add(1);
    if (random() % 16 == 0) co_await Yield();
    if (random() % 512 == 0) co_await Sleep(1'200'000);  // so that others starve
    shared.mutex.Unlock();
  }
}

Task<> ContendTogether() {
  Shared shared;
  std::atomic<int64_t> locked{0};
  std::vector<JoinHandle> tasks;
  for (uint32_t i = 0; i < 8; ++i) tasks.push_back(Go("contend", Contend(shared, locked, i + 1)));
  co_await YieldOften();
  tasks[0].Cancel();
  co_await JoinEach(tasks);
  EXPECT_EQ(shared.count, locked.load());
  EXPECT_TRUE(shared.mutex.TryLock());
  shared.mutex.Unlock();
}

TEST(AsyncMutexRaceTest, OneAtATimeAndNobodyIsLeftWaiting) {
  for (size_t procs = 1; procs <= 4; ++procs) {
    Pool pool(Options(Policy::kStealing, procs));
    RunToEnd(pool, ContendTogether());
  }
}

}  // namespace
}  // namespace outrigger::scheduler
