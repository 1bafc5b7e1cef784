#include "scheduler/sync/semaphore.h"

#include <random>

#include "tests/scheduler/sync/sync_test.h"

namespace outrigger::scheduler {
namespace {

using SemaphoreTest = OneProcTest;
INSTANTIATE_TEST_SUITE_P(Policies, SemaphoreTest, testing::ValuesIn(kPolicies));

Task<> AcquireAndNote(Semaphore& semaphore, int64_t n, std::vector<int64_t>& order) {
  const Wake wake = co_await semaphore.Acquire(n);
  order.push_back(wake == Wake::kReady ? n : -n);
}

Task<> InOrder() {
  Semaphore semaphore(1);
  EXPECT_TRUE(semaphore.TryAcquire());
  EXPECT_FALSE(semaphore.TryAcquire());
  std::vector<int64_t> order;
  std::vector<JoinHandle> waiters;
  for (int64_t n : {3, 1, 2}) {
    waiters.push_back(Go("acquire", AcquireAndNote(semaphore, n, order)));
    co_await YieldOften();
  }
  semaphore.Release(2);  // too few for the first, whom nobody passes
  EXPECT_FALSE(semaphore.TryAcquire());
  co_await YieldOften();
  EXPECT_TRUE(order.empty());
  semaphore.Release(1);
  co_await YieldOften();
  EXPECT_EQ(order, (std::vector<int64_t>{3}));
  semaphore.Release(1);
  co_await YieldOften();
  semaphore.Release(2);
  co_await JoinEach(waiters);
  EXPECT_EQ(order, (std::vector<int64_t>{3, 1, 2}));
  EXPECT_EQ(semaphore.permits(), 0);
}

TEST_P(SemaphoreTest, PermitsGoToWhoWaitsLongest) { Run(InOrder()); }

Task<> GivingUpLetsOthersPass() {
  Semaphore semaphore(2);
  std::vector<int64_t> order;
  JoinHandle many = Go("many", AcquireAndNote(semaphore, 3, order));
  co_await YieldOften();
  JoinHandle few = Go("few", AcquireAndNote(semaphore, 2, order));
  co_await YieldOften();
  const Wake late = co_await semaphore.Acquire(1, Soon());
  EXPECT_EQ(late, Wake::kTimeout);
  many.Cancel();
  co_await many.Join();
  co_await few.Join();
  EXPECT_EQ(order, (std::vector<int64_t>{-3, 2}));
}

TEST_P(SemaphoreTest, AWaiterThatGivesUpLetsOthersPass) { Run(GivingUpLetsOthersPass()); }

Task<> Worker(Semaphore& semaphore, std::atomic<int64_t>& held, uint32_t seed) {
  std::minstd_rand random(seed);
  for (int i = 0; i < 500; ++i) {
    const int64_t n = 1 + static_cast<int64_t>(random() % 3);
    Wake wake = Wake::kReady;
    if (random() % 4 == 0) {
      wake = co_await semaphore.Acquire(n, Now() + static_cast<Nanos>(random() % 50'000));
    } else {
      wake = co_await semaphore.Acquire(n);
    }
    if (wake != Wake::kReady) continue;
    EXPECT_LE(held.fetch_add(n) + n, 5);
    if (random() % 2 == 0) co_await Yield();
    held.fetch_sub(n);
    semaphore.Release(n);
  }
}

Task<> Workers(Semaphore& semaphore) {
  std::atomic<int64_t> held{0};
  std::vector<JoinHandle> workers;
  for (uint32_t i = 0; i < 8; ++i) workers.push_back(Go("work", Worker(semaphore, held, i + 1)));
  co_await JoinEach(workers);
}

TEST(SemaphoreRaceTest, NeverMoreAreHeldThanThereAreAndNoneIsLost) {
  for (size_t procs = 1; procs <= 4; ++procs) {
    Pool pool(Options(Policy::kStealing, procs));
    Semaphore semaphore(5);
    RunToEnd(pool, Workers(semaphore));
    EXPECT_EQ(semaphore.permits(), 5);
  }
}

}  // namespace
}  // namespace outrigger::scheduler
