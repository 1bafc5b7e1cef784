#include "scheduler/sync/sync_lock.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace outrigger::scheduler {
namespace {

TEST(SyncLockTest, OneThreadAtATimeHoldsIt) {
  constexpr int kThreads = 4, kTimes = 20'000;
  SyncLock lock;
  int64_t count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kTimes; ++n) {
        SyncGuard guard(lock);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, int64_t{kThreads} * kTimes);
}

}  // namespace
}  // namespace outrigger::scheduler
