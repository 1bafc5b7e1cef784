// SetProcs() while a stealing pool is at work.
#include <atomic>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"
#include "scheduler/sync/wait_group.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

constexpr size_t kMost = 4;

PoolOptions Resizable(int procs) {
  PoolOptions options = Options(Policy::kStealing, kMost);
  options.procs = procs;
  options.slice = kMillisecond;
  return options;
}

int WithAnM(Pool& pool) {
  int n = 0;
  for (int id = 0; id < pool.max_procs(); ++id) {
    n += pool.processor(id).possession().word() != Possession::kNobody;
  }
  return n;
}

Task<> Nothing() { co_return; }

TEST(ResizeTest, BeginsWithAsManyAsItIsTold) {
  Pool pool(Resizable(2));
  EXPECT_EQ(pool.procs(), 2);
  EXPECT_EQ(pool.max_procs(), static_cast<int>(kMost));
  EXPECT_EQ(WithAnM(pool), 2);
}

TEST(ResizeTest, PsComeAndGoInAPoolThatSleeps) {
  Pool pool(Resizable(1));
  for (const int n : {4, 1, 3, 2, 4, 4, 1}) {
    pool.SetProcs(n);
    EXPECT_EQ(pool.procs(), n);
    Await([&] { return WithAnM(pool) == n && pool.idle() == n; });
    RunToEnd(pool, Nothing());
  }
}

TEST(ResizeTest, IsKeptWithinBounds) {
  Pool pool(Resizable(2));
  pool.SetProcs(0);
  EXPECT_EQ(pool.procs(), 1);
  pool.SetProcs(100);
  EXPECT_EQ(pool.procs(), pool.max_procs());
}

Task<> SleepAndDone(Nanos duration) {
  const Wake wake = co_await Sleep(duration);
  EXPECT_EQ(wake, Wake::kTimeout);
}

// Whoever sleeps in the poll may be the one that has to go.
TEST(ResizeTest, TimersAreServedWhenThePollerGoes) {
  for (int round = 0; round < 50; ++round) {
    Pool pool(Resizable(4));
    Await([&] { return pool.idle() == 4; });
    const JoinHandle sleeper = Spawn(pool, "sleeper", SleepAndDone(kMillisecond));
    pool.SetProcs(1);
    Await([&] { return sleeper.done(); });
  }
}

Task<> YieldTimes(int n, std::atomic<int>& runs) {
  for (int i = 0; i < n; ++i) {
    runs.fetch_add(1);
    co_await Yield();
  }
}

TEST(ResizeTest, NothingIsLostOrRunTwice) {
  Pool pool(Resizable(2));
  constexpr int kGs = 1000, kTimes = 1000;
  std::atomic<int> runs{0};
  std::vector<JoinHandle> handles;
  for (int i = 0; i < kGs; ++i) handles.push_back(Spawn(pool, "yield", YieldTimes(kTimes, runs)));
  std::minstd_rand random(1);
  while (pool.live() > 0) pool.SetProcs(static_cast<int>(random() % kMost) + 1);
  for (const JoinHandle& each : handles) Await([&] { return each.done(); });
  EXPECT_EQ(runs.load(), kGs * kTimes);
}

Task<> HogUntil(std::atomic<bool>& over) {
  Await([&] { return over.load(); });
  co_return;
}

TEST(ResizeTest, APThatIsHoggedGoesAfterASlice) {
  Pool pool(Resizable(2));
  Sysmon sysmon({&pool}, {});
  std::atomic<bool> over{false};
  std::vector<JoinHandle> hogs;
  for (int i = 0; i < 2; ++i) hogs.push_back(Spawn(pool, "hog", HogUntil(over)));
  pool.SetProcs(1);
  Await([&] { return WithAnM(pool) == 1; });
  over.store(true);
  for (const JoinHandle& each : hogs) Await([&] { return each.done(); });
}

TEST(ResizeTest, StopsAtAnyMoment) {
  std::minstd_rand random(1);
  for (int round = 0; round < 200; ++round) {
    Pool pool(Resizable(1 + round % 4));
    for (int i = 0; i < 4; ++i) pool.SetProcs(static_cast<int>(random() % kMost) + 1);
  }
}

}  // namespace
}  // namespace outrigger::scheduler
