#include "scheduler/core/pool_watch.h"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "gtest/gtest.h"
#include "scheduler/core/set_back.h"
#include "scheduler/scheduler.h"
#include "scheduler/sync/async_mutex.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

constexpr Nanos kForEver = 3600 * kSecond;

PoolOptions WithSlice(size_t procs, Nanos slice) {
  PoolOptions options = Options(Policy::kStealing, procs);
  options.slice = slice;
  return options;
}

Task<> HogUntil(std::atomic<bool>& over) {
  Await([&] { return over.load(); });
  co_return;
}
Task<> SetFlag(std::atomic<bool>& flag) {
  flag.store(true);
  co_return;
}

// Gs, and the wait until all of them have ended.
class Crowd {
 public:
  explicit Crowd(Pool& pool) : pool_(pool) {}
  void Add(const char* name, Task<> task) { handles_.push_back(pool_.Go(name, std::move(task))); }
  void WaitForAll() {
    for (const JoinHandle& each : handles_) Await([&each] { return each.done(); });
  }

 private:
  Pool& pool_;
  std::vector<JoinHandle> handles_;
};

TEST(PoolWatchTest, AGThatOverrunsLosesItsPToOneThatWaits) {
  for (const size_t procs : {1, 2, 4}) {
    Pool pool(WithSlice(procs, kMillisecond));
    Sysmon sysmon({&pool}, {});
    std::atomic<bool> over{false};
    Crowd crowd(pool);
    for (size_t i = 0; i < 2 * procs; ++i) crowd.Add("hog", HogUntil(over));
    crowd.Add("last", SetFlag(over));
    crowd.WaitForAll();
    EXPECT_GE(pool.stats().handoffs.load(), 1u);
  }
}

TEST(PoolWatchTest, NoMoreThanAllowedRunWithoutAP) {
  PoolOptions options = WithSlice(1, kLeastSlice);
  options.most_without_p = 2;
  Pool pool(std::move(options));
  Sysmon sysmon({&pool}, {});
  std::atomic<bool> over{false};
  Crowd crowd(pool);
  for (int i = 0; i < 4; ++i) crowd.Add("hog", HogUntil(over));
  Await([&] { return pool.stats().handoffs_refused.load() > 0; });
  EXPECT_EQ(pool.without_p(), 2);
  EXPECT_EQ(pool.stats().handoffs.load(), 2u);
  over.store(true);
  crowd.WaitForAll();
}

Task<> LockUntil(AsyncMutex& mutex, std::atomic<bool>& over) {
  while (!over.load()) {
    const Wake wake = co_await mutex.Lock();
    EXPECT_EQ(wake, Wake::kReady);
    mutex.Unlock();
  }
}

// Its P cannot be taken: as many as may run without one already do.
TEST(PoolWatchTest, AGThatLocksAndUnlocksInALoopGivesWay) {
  PoolOptions options = WithSlice(1, kMillisecond);
  options.most_without_p = 1;
  Pool pool(std::move(options));
  Sysmon sysmon({&pool}, {});
  std::atomic<bool> over{false};
  AsyncMutex mutex;
  Crowd crowd(pool);
  crowd.Add("hog", HogUntil(over));
  Await([&] { return pool.without_p() == 1; });
  crowd.Add("locker", LockUntil(mutex, over));
  crowd.Add("last", SetFlag(over));
  crowd.WaitForAll();
}

Task<> SleepAndSet(std::atomic<bool>& flag) {
  co_await Sleep(kMillisecond);
  flag.store(true);
}
Task<> ReadAndSet(int fd, std::atomic<bool>& flag) {
  {
    PollFd poll(CurrentNetpoll(), fd);
    const Wake wake = co_await poll.Readable();
    EXPECT_EQ(wake, Wake::kReady);
  }
  flag.store(true);
}

// No P is taken here: each hog ends only once the waiter has run.
TEST(PoolWatchTest, TimersAreServedWhileAllPsAreBusy) {
  for (const size_t procs : {1, 2}) {
    Pool pool(WithSlice(procs, kForEver));
    Sysmon sysmon({&pool}, {});
    for (int round = 0; round < 3; ++round) {
      std::atomic<bool> over{false};
      Crowd crowd(pool);
      crowd.Add("sleeper", SleepAndSet(over));
      for (size_t i = 0; i < procs; ++i) crowd.Add("hog", HogUntil(over));
      crowd.WaitForAll();
    }
    EXPECT_EQ(pool.stats().handoffs.load(), 0u);
  }
}

TEST(PoolWatchTest, DescriptorsAreServedWhileAllPsAreBusy) {
  Pool pool(WithSlice(2, kForEver));
  Sysmon sysmon({&pool}, {});
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  std::atomic<bool> over{false};
  Crowd crowd(pool);
  crowd.Add("reader", ReadAndSet(fd, over));
  for (int i = 0; i < 2; ++i) crowd.Add("hog", HogUntil(over));
  Await([&] { return pool.stats().reliefs.load() > 0; });
  const uint64_t one = 1;
  EXPECT_EQ(write(fd, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  crowd.WaitForAll();
  close(fd);
}

TEST(PoolWatchTest, TheReliefGoesWhenAPIsIdle) {
  Pool pool(WithSlice(1, kForEver));
  Sysmon sysmon({&pool}, {});
  std::atomic<bool> over{false};
  Crowd crowd(pool);
  crowd.Add("hog", HogUntil(over));
  Await([&] { return pool.stats().reliefs.load() > 0; });
  over.store(true);
  Await([&] { return sysmon.asleep(); });  // only once the relief has gone
  EXPECT_EQ(pool.relief().possession().word(), Possession::kNobody);
  EXPECT_EQ(pool.idle(), 1);
}

int OwnNice() { return getpriority(PRIO_PROCESS, 0); }

Task<> HogUntilSetBack(Pool& pool, int& nice_behind, int& nice_inside) {
  Await([&] { return pool.stats().set_backs.load() > 0; });
  Await([&] { return (nice_behind = OwnNice()) == 19; });  // again, if somebody waited for a lock
  { const RuntimeScope scope; }
  nice_inside = OwnNice();
  co_return;
}
TEST(PoolWatchTest, AThreadThatGoesOnWithoutAPIsSetBackUntilItEnters) {
  if (BestSetBackMeans() != SetBackMeans::kNice) GTEST_SKIP() << "nice is not allowed here";
  Pool pool(WithSlice(1, kMillisecond));
  Sysmon sysmon({&pool}, {});
  const int before = OwnNice();
  int behind = 0, inside = 0;
  RunToEnd(pool, HogUntilSetBack(pool, behind, inside));
  EXPECT_EQ(behind, 19);
  EXPECT_EQ(inside, before);
}

}  // namespace
}  // namespace outrigger::scheduler
