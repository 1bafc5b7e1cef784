#include "scheduler/sync/event.h"

#include <memory>

#include "tests/scheduler/sync/sync_test.h"

namespace outrigger::scheduler {
namespace {

using EventTest = OneProcTest;
INSTANTIATE_TEST_SUITE_P(Policies, EventTest, testing::ValuesIn(kPolicies));

Task<> WaitFor(Event& event, int& ready) {
  const Wake wake = co_await event.Wait();
  if (wake == Wake::kReady) ++ready;
}

Task<> SetAndReset() {
  Event event;
  int ready = 0;
  std::vector<JoinHandle> waiters;
  for (int i = 0; i < 3; ++i) waiters.push_back(Go("wait", WaitFor(event, ready)));
  co_await YieldOften();
  EXPECT_EQ(ready, 0);
  event.Set();
  event.Set();
  co_await JoinEach(waiters);
  EXPECT_EQ(ready, 3);
  co_await WaitFor(event, ready);  // it stays set
  EXPECT_EQ(ready, 4);
  event.Reset();
  EXPECT_FALSE(event.is_set());
  const Wake late = co_await event.Wait(Soon());
  EXPECT_EQ(late, Wake::kTimeout);
}

TEST_P(EventTest, StaysSetUntilReset) { Run(SetAndReset()); }

Task<> CancelOneOfTwo() {
  Event event;
  int ready = 0;
  JoinHandle gone = Go("gone", WaitFor(event, ready));
  JoinHandle stays = Go("stays", WaitFor(event, ready));
  co_await YieldOften();
  gone.Cancel();
  event.Set();  // gone is queued, but in the list still
  co_await gone.Join();
  co_await stays.Join();
  EXPECT_EQ(ready, 1);
}

TEST_P(EventTest, ACancelEndsTheWaitOfOne) { Run(CancelOneOfTwo()); }

Task<> SetIt(Event& event) {
  event.Set();
  co_return;
}

// The waiter frees the event as soon as it may.
Task<> ShortLived(int n) {
  for (int i = 0; i < n; ++i) {
    auto event = std::make_unique<Event>();
    const JoinHandle setter = Go("set", SetIt(*event));
    if (i % 2 == 0) {
      co_await event->Wait();
    } else {
      const Wake wake = co_await event->Wait(Now() + kSecond);
      EXPECT_EQ(wake, Wake::kReady);
    }
    event.reset();
    co_await setter.Join();
  }
}

TEST(EventRaceTest, TheWaiterMayFreeIt) {
  Pool pool(Options(Policy::kStealing, 4));
  std::vector<std::promise<void>> ended(4);
  for (auto& each : ended) Spawn(pool, "test", RunAndTell(ShortLived(3'000), each));
  for (auto& each : ended) each.get_future().get();
}

}  // namespace
}  // namespace outrigger::scheduler
