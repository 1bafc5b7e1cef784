#include "scheduler/trace/coroutine_dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/scheduler.h"
#include "scheduler/sync/condition.h"
#include "scheduler/sync/event.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

Task<int> Fetch(Event& event) {
  const Wake wake = co_await event.Wait();
  co_return static_cast<int>(wake);
}
Task<> Serve(Event& event) { EXPECT_GE(co_await Fetch(event), 0); }

Task<> Lock(AsyncMutex& mutex) {
  const Wake wake = co_await mutex.Lock();
  if (wake == Wake::kReady) mutex.Unlock();
}
Task<> WaitForChange(AsyncMutex& mutex, Condition& changed) {
  const Wake wake = co_await mutex.Lock();
  if (wake != Wake::kReady) co_return;
  AsyncMutexHold hold(mutex);
  EXPECT_EQ(co_await changed.Wait(hold), Wake::kCancelled);
}

Task<> Hog(std::atomic<bool>& stop) {
  while (!stop.load()) std::this_thread::yield();
  co_return;
}

Task<> Churn(std::atomic<int>& ended) {
  for (int i = 0; i < 50; ++i) co_await Sleep(1'000);
  ++ended;
}

// `dump` once the G is parked there.
std::string DumpWhen(Pool& pool, const std::string& has) {
  std::string dump;
  Await([&] {
    dump = DumpCoroutines(pool);
    return dump.find(has) != std::string::npos;
  });
  return dump;
}

TEST(CoroutineDumpTest, SaysWhatEachWaitsForAndWhoAwaitsWhom) {
  Event event;
  Pool pool(Options(Policy::kStealing, 2));
  Spawn(pool, "server", Serve(event));
  const std::string dump = DumpWhen(pool, "[event]");
  EXPECT_THAT(dump, HasSubstr("pool control: 1 coroutines\nP0 runs "));
  EXPECT_THAT(dump, ContainsRegex("\n\ncoroutine server 0x[0-9a-f]+ \\[event\\]:\n"
                                  "\t[^\n]*Fetch[^\n]*\n"
                                  "\t[^\n]*Serve[^\n]*\n$"));
}

TEST(CoroutineDumpTest, SeesThroughTheHooksOfMutexAndCondition) {
  AsyncMutex mutex;
  Condition changed;
  Pool pool(Options(Policy::kStealing, 1));
  JoinHandle waiter = Spawn(pool, "waiter", WaitForChange(mutex, changed));
  EXPECT_THAT(DumpWhen(pool, "[condition]"), ContainsRegex("condition\\]:\n\t[^\n]*WaitForChange"));
  waiter.Cancel();
  Await([&] { return waiter.done(); });
  ASSERT_TRUE(mutex.TryLock());
  JoinHandle locker = Spawn(pool, "locker", Lock(mutex));
  EXPECT_THAT(DumpWhen(pool, "[mutex]"), ContainsRegex("mutex\\]:\n\t[^\n]*Lock"));
  mutex.Unlock();
  pool.Stop();
}

TEST(CoroutineDumpTest, WhoRunsHasNoChain) {
  std::atomic<bool> stop = false;
  Pool pool(Options(Policy::kStealing, 1));
  JoinHandle hog = Spawn(pool, "hog", Hog(stop));
  const std::string dump = DumpWhen(pool, "P0 runs hog\n");
  EXPECT_THAT(dump, ContainsRegex("coroutine hog 0x[0-9a-f]+ \\[runnable or running\\]:\n$"));
  hog.Cancel();
  EXPECT_THAT(DumpCoroutines(pool), HasSubstr("[runnable or running, cancelled]"));
  stop.store(true);
}

TEST(CoroutineDumpTest, APinnedPTellsOfItsOwn) {
  Event event;
  Pool pool(Options(Policy::kPinned, 2));
  Spawn(pool, "pinned", Serve(event));
  const std::string dump = DumpWhen(pool, "[event]");
  EXPECT_THAT(dump, testing::StartsWith("pool data: 1 coroutines\nP0 runs "));
  EXPECT_THAT(dump, ContainsRegex("\nof P0, 1:\n\ncoroutine pinned 0x[0-9a-f]+ \\[event\\]:\n"
                                  "\t[^\n]*Fetch[^\n]*\n"
                                  "\t[^\n]*Serve[^\n]*\n"
                                  "\nof P1, 0:\n$"));
}

TEST(CoroutineDumpTest, APinnedPThatIsBusyIsNamed) {
  std::atomic<bool> stop = false;
  Pool pool(Options(Policy::kPinned, 1));
  Spawn(pool, "hog", Hog(stop));
  EXPECT_THAT(DumpWhen(pool, "did not answer"),
              HasSubstr("P0 did not answer within 200 ms: it runs hog\n"));
  stop.store(true);
}

TEST(CoroutineDumpTest, APinnedPTellsOfSoMany) {
  Event event;
  Pool pool(Options(Policy::kPinned, 1));
  for (size_t i = 0; i < kMostOfAPinnedP + 1; ++i) Spawn(pool, "pinned", Serve(event));
  EXPECT_THAT(DumpCoroutines(pool),
              HasSubstr("pool data: 501 coroutines\nP0 runs nothing\n\nof P0, 500:\n"));
}

TEST(CoroutineDumpTest, MayBeTakenAtAnyMoment) {
  constexpr int kGs = 50;
  std::atomic<int> ended = 0;
  Pool pool(Options(Policy::kStealing, 2));
  for (int i = 0; i < kGs; ++i) pool.Go("churn", Churn(ended));
  while (ended.load() < kGs) EXPECT_THAT(DumpCoroutines(pool), HasSubstr("pool control: "));
  pool.Stop();
}

}  // namespace
}  // namespace outrigger::scheduler
