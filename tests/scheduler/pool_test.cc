#include "scheduler/pool.h"

#include <sched.h>

#include <atomic>
#include <future>

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"
#include "scheduler/sync/semaphore.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

Task<int> Add(int a, int b) { co_return a + b; }

Task<> SetSum(std::promise<int>& sum) {
  int total = 0;
  for (int i = 0; i < 10; ++i) total += co_await Add(i, 1);
  sum.set_value(total);
}

TEST(TaskTest, AwaitsReturnValues) {
  Pool pool(Options(Policy::kStealing, 1));
  std::promise<int> sum;
  pool.Go("sum", SetSum(sum));
  EXPECT_EQ(sum.get_future().get(), 55);
}

Task<> Loop(int awaits, std::promise<int>& done) {
  int total = 0;
  for (int i = 0; i < awaits; ++i) total += co_await Add(1, 0);
  done.set_value(total);
}

// Symmetric transfer without tail calls would use one stack frame an await.
TEST(TaskTest, TenMillionAwaitsDoNotGrowTheStack) {
  Pool pool(Options(Policy::kStealing, 1));
  std::promise<int> done;
  pool.Go("loop", Loop(10'000'000, done));
  EXPECT_EQ(done.get_future().get(), 10'000'000);
}

Task<> Count(std::atomic<int>& count) {
  count.fetch_add(1);
  co_return;
}

Task<> SpawnMany(int n, std::atomic<int>& count, std::promise<void>& done) {
  std::vector<JoinHandle> handles;
  for (int i = 0; i < n; ++i) handles.push_back(Go("count", Count(count)));
  for (const JoinHandle& handle : handles) co_await handle.Join();
  done.set_value();
}

TEST(PoolTest, StealingPoolRunsEachSpawnOnce) {
  for (size_t procs : {1, 2, 4}) {
    Pool pool(Options(Policy::kStealing, procs));
    std::atomic<int> count{0};
    std::promise<void> done;
    pool.Go("spawner", SpawnMany(100'000, count, done));
    done.get_future().get();
    EXPECT_EQ(count.load(), 100'000);
  }
}

Task<> Panics() {
  throw Panic("seeded");
  co_return;
}

Task<> CatchesPanic(std::promise<std::string>& what) {
  try {
    co_await Panics();
  } catch (const Panic& panic) {
    what.set_value(panic.what());
  }
}

TEST(PoolTest, PanicReachesTheAwaiterAndEndsOnlyItsTask) {
  Pool pool(Options(Policy::kStealing, 1));
  std::promise<std::string> what;
  pool.Go("catches", CatchesPanic(what));
  EXPECT_EQ(what.get_future().get(), "seeded");
  pool.Go("panics", Panics());
  std::atomic<int> count{0};
  std::promise<void> done;
  pool.Go("spawner", SpawnMany(10, count, done));
  done.get_future().get();
  pool.Stop();
  EXPECT_EQ(pool.processor(0).stats().panics.load(), 1u);
}

Task<> SleepFor(Nanos duration, std::promise<Wake>& result) {
  result.set_value(co_await Sleep(duration));
}

TEST(PoolTest, SleepEndsNotBeforeItsTime) {
  Pool pool(Options(Policy::kStealing, 2));
  std::promise<Wake> result;
  const Nanos before = MonotonicNow();
  pool.Go("sleep", SleepFor(20 * kMillisecond, result));
  EXPECT_EQ(result.get_future().get(), Wake::kTimeout);
  EXPECT_GE(MonotonicNow() - before, 20 * kMillisecond);
}

TEST(PoolTest, CancelEndsASleep) {
  Pool pool(Options(Policy::kStealing, 2));
  std::promise<Wake> result;
  JoinHandle handle = pool.Go("sleep", SleepFor(3600 * kSecond, result));
  handle.Cancel();
  EXPECT_EQ(result.get_future().get(), Wake::kCancelled);
}

TEST(PoolTest, StopCancelsWhatStillWaits) {
  for (Policy policy : {Policy::kStealing, Policy::kPinned}) {
    Pool pool(Options(policy, 2));
    std::promise<Wake> result;
    if (policy == Policy::kPinned) {
      ASSERT_TRUE(pool.Post(1, [&] { pool.Go("sleep", SleepFor(3600 * kSecond, result)); }));
    } else {
      pool.Go("sleep", SleepFor(3600 * kSecond, result));
    }
    std::promise<Wake> unused;
    pool.Stop();
    EXPECT_EQ(result.get_future().get(), Wake::kCancelled);
    EXPECT_EQ(pool.live(), 0);
  }
}

Task<> YieldMany(int times, std::atomic<int>& running) {
  for (int i = 0; i < times; ++i) co_await Yield();
  running.fetch_sub(1);
}

TEST(PoolTest, YieldersAllFinish) {
  for (size_t procs : {1, 2}) {
    std::atomic<int> running{50};
    {
      Pool pool(Options(Policy::kStealing, procs));
      for (int i = 0; i < 50; ++i) pool.Go("yield", YieldMany(1000, running));
      pool.Stop();
    }
    EXPECT_EQ(running.load(), 0);
  }
}

TEST(PoolTest, ThreadsCarryPoolNameAndAffinity) {
  const CpuSet all = *CpuSet::OfThisProcess();
  const int cpu = *all.begin();
  PoolOptions options = Options(Policy::kPinned, 1);
  options.affinity[0] = CpuSet{cpu};
  Pool pool(std::move(options));
  std::promise<std::pair<std::string, int>> seen;
  ASSERT_TRUE(pool.Post(0, [&] {
    char name[16];
    pthread_getname_np(pthread_self(), name, sizeof(name));
    cpu_set_t set;
    sched_getaffinity(0, sizeof(set), &set);
    seen.set_value({name, CPU_ISSET(cpu, &set) ? CPU_COUNT(&set) : -1});
  }));
  EXPECT_EQ(seen.get_future().get(), (std::pair<std::string, int>{"data:0", 1}));
}

Task<> Nothing() { co_return; }

Task<> SpawnMany(size_t n, uint32_t& queued, uint32_t& global) {
  std::vector<JoinHandle> handles;
  for (size_t i = 0; i < n; ++i) handles.push_back(Go("child", Nothing()));
  queued = CurrentPool().processor(0).queued();
  global = CurrentPool().global_queue_size();
  for (const JoinHandle& each : handles) co_await each.Join();
}

TEST(PoolTest, ByTheArticlesRulesHalfOfALongQueueGoesToTheGlobalOne) {
  for (const bool article : {false, true}) {
    PoolOptions options = Options(Policy::kStealing, 1);
    Pool pool(article ? WithArticleRules(std::move(options)) : std::move(options));
    EXPECT_EQ(pool.slice(), (article ? 20 : 10) * kMillisecond);
    uint32_t queued = 0, global = 0;
    RunToEnd(pool, SpawnMany(100, queued, global));
    EXPECT_EQ(queued + global, 99u);  // and one in run-next
    if (article) {
      EXPECT_LE(queued, 16u);
    } else {
      EXPECT_EQ(global, 0u);
    }
  }
}

// Two that wake each other by turns, so that one of them is always the next to run; one that
// yields, so that the ring is never empty; and one from outside, in the global queue.
struct Turns {
  Semaphore ping{0}, pong{0};
  std::atomic<bool> queued = false, over = false;
  std::atomic<int> yields = 0, outside = 0;
};

Task<> YieldUntilOver(Turns& turns) {
  while (!turns.over.load()) {
    turns.yields.fetch_add(1);
    co_await Yield();
  }
}

Task<> AnswerUntilOver(Turns& turns) {
  while (!turns.over.load()) {
    co_await turns.pong.Acquire();
    turns.ping.Release();
  }
}

Task<> PlayByTurns(Turns& turns, int rounds_with_outside) {
  const JoinHandle pong = Go("pong", AnswerUntilOver(turns));
  const JoinHandle yields = Go("yields", YieldUntilOver(turns));
  while (rounds_with_outside > 0) {
    if (turns.queued.load()) --rounds_with_outside;
    turns.pong.Release();
    co_await turns.ping.Acquire();
  }
  EXPECT_EQ(turns.outside.load(), 1);
  EXPECT_GT(turns.yields.load(), 5);
  turns.over.store(true);
  turns.pong.Release();
  co_await pong.Join();
  co_await yields.Join();
}

TEST(PoolTest, APairThatWakesEachOtherStarvesNeitherItsRingNorTheGlobalQueue) {
  Pool pool(Options(Policy::kStealing, 1));
  Turns turns;
  std::promise<void> ended;
  pool.Go("ping", RunAndTell(PlayByTurns(turns, 1'000), ended));
  Await([&] { return turns.yields.load() > 0; });
  pool.Go("outside", Count(turns.outside));
  turns.queued.store(true);
  ended.get_future().get();
}

}  // namespace
}  // namespace outrigger::scheduler
