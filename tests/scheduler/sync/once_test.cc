#include "scheduler/sync/once.h"

#include "tests/scheduler/sync/sync_test.h"

namespace outrigger::scheduler {
namespace {

using OnceTest = OneProcTest;
INSTANTIATE_TEST_SUITE_P(Policies, OnceTest, testing::ValuesIn(kPolicies));

Task<> CountSlowly(int& count) {
  co_await YieldOften();
  ++count;
}

Task<> DoAndSee(Once& once, int& count) {
  const Wake wake = co_await once.Do([&count] { return CountSlowly(count); });
  EXPECT_EQ(wake, Wake::kReady);
  EXPECT_EQ(count, 1);
}

Task<> AllAsk() {
  Once once;
  int count = 0;
  std::vector<JoinHandle> asking;
  for (int i = 0; i < 4; ++i) asking.push_back(Go("ask", DoAndSee(once, count)));
  co_await JoinEach(asking);
  EXPECT_TRUE(once.done());
  co_await DoAndSee(once, count);
}

TEST_P(OnceTest, TheWorkIsDoneOnceAndAllWaitForIt) { Run(AllAsk()); }

TEST(OnceRaceTest, TheWorkIsDoneOnceWhoeverAsks) {
  Pool pool(Options(Policy::kStealing, 4));
  for (int i = 0; i < 100; ++i) RunToEnd(pool, AllAsk());
}

Task<> WaitForEvent(Event& event) { co_await event.Wait(); }

Task<> DoOn(Once& once, Event& event) {
  co_await once.Do([&event] { return WaitForEvent(event); });
}

Task<> Late() {
  Once once;
  Event event;
  const JoinHandle slow = Go("slow", DoOn(once, event));
  co_await YieldOften();
  const Wake late = co_await once.Do([&event] { return WaitForEvent(event); }, Soon());
  EXPECT_EQ(late, Wake::kTimeout);
  EXPECT_FALSE(once.done());
  event.Set();
  co_await slow.Join();
  EXPECT_TRUE(once.done());
}

TEST_P(OnceTest, WhoWaitsForTheWorkMayGiveUp) { Run(Late()); }

Task<> Fail() {
  throw Panic("test");
  co_return;
}

Task<> DoFail(Once& once) {
  co_await once.Do([] { return Fail(); });
}

Task<> APanicCounts() {
  Once once;
  const JoinHandle failing = Go("fail", DoFail(once));
  co_await failing.Join();
  EXPECT_TRUE(once.done());
}

TEST_P(OnceTest, WorkThatPanickedIsDone) { Run(APanicCounts()); }

}  // namespace
}  // namespace outrigger::scheduler
