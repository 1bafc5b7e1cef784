#include "scheduler/scheduler.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

class WaitsTest : public testing::TestWithParam<Policy> {
 protected:
  Pool pool_{Options(GetParam(), 1)};
};
INSTANTIATE_TEST_SUITE_P(Policies, WaitsTest, testing::ValuesIn(kPolicies));

Task<> YieldAndWrite(std::string& out, char letter) {
  for (int i = 0; i < 3; ++i) {
    out += letter;
    co_await Yield();
  }
}

Task<> TwoYielders(std::string& out) {
  JoinHandle a = Go("a", YieldAndWrite(out, 'a'));
  co_await Yield();  // a has begun
  JoinHandle b = Go("b", YieldAndWrite(out, 'b'));
  co_await a.Join();
  co_await b.Join();
}

TEST_P(WaitsTest, YieldersTakeTurns) {
  std::string out;
  RunToEnd(pool_, TwoYielders(out));
  EXPECT_TRUE(out == "aababb" || out == "ababab") << out;
}

Task<> YieldUntilCancelled(int& yields) {
  while (!CurrentG()->cancelled()) {
    ++yields;
    co_await Yield();
  }
}

Task<> CancelAYielder(int& yields) {
  JoinHandle yielder = Go("yield", YieldUntilCancelled(yields));
  while (yields < 10) co_await Yield();
  yielder.Cancel();
  co_await yielder.Join();
}

TEST_P(WaitsTest, ACancelLeavesItsMarkOnAYielder) {
  int yields = 0;
  RunToEnd(pool_, CancelAYielder(yields));
  EXPECT_GE(yields, 10);
}

Task<> SleepAndWrite(Nanos deadline, std::string& out, char letter) {
  const Wake wake = co_await SleepUntil(deadline);
  EXPECT_EQ(wake, Wake::kTimeout);
  EXPECT_GE(MonotonicNow(), deadline);
  out += letter;
}

Task<> ThreeSleepers(std::string& out) {
  const Nanos now = MonotonicNow();
  JoinHandle c = Go("c", SleepAndWrite(now + 60 * kMillisecond, out, 'c'));
  JoinHandle a = Go("a", SleepAndWrite(now - kSecond, out, 'a'));
  JoinHandle b = Go("b", SleepAndWrite(now + 20 * kMillisecond, out, 'b'));
  for (JoinHandle* handle : {&a, &b, &c}) co_await handle->Join();
}

TEST_P(WaitsTest, SleepersWakeInTheOrderOfTheirDeadlines) {
  std::string out;
  RunToEnd(pool_, ThreeSleepers(out));
  EXPECT_EQ(out, "abc");
}

Task<> SleepFor(Nanos duration, std::vector<Wake>& wakes) {
  for (int i = 0; i < 2; ++i) {
    const Wake wake = co_await Sleep(duration);
    wakes.push_back(wake);
  }
}

Task<> CancelASleeper(bool once_it_sleeps, std::vector<Wake>& wakes) {
  JoinHandle sleeper = Go("sleep", SleepFor(kNever, wakes));
  if (once_it_sleeps) {
    for (int i = 0; i < 10; ++i) co_await Yield();
  }
  sleeper.Cancel();
  co_await sleeper.Join();
}

TEST_P(WaitsTest, ACancelEndsASleepBeforeAndWhileItLasts) {
  for (bool once_it_sleeps : {false, true}) {
    std::vector<Wake> wakes;
    RunToEnd(pool_, CancelASleeper(once_it_sleeps, wakes));
    EXPECT_EQ(wakes, (std::vector<Wake>{Wake::kCancelled, Wake::kCancelled}));
  }
}

Task<> ReadTheClock(Nanos& seen) {
  seen = Now();
  co_return;
}

TEST_P(WaitsTest, NowIsTheMonotonicClock) {
  const Nanos before = MonotonicNow();
  Nanos seen = 0;
  RunToEnd(pool_, ReadTheClock(seen));
  EXPECT_LE(seen, MonotonicNow());
  EXPECT_GE(seen, before - kSecond);  // of the turn's start
}

class SignalTest : public testing::Test {
 protected:
  Pool pool_{Options(Policy::kPinned, 1)};
};

Task<> AwaitSignal(Signal& signal, std::vector<Wake>& wakes, int times) {
  for (int i = 0; i < times; ++i) {
    const Wake wake = co_await signal.Wait("test");
    wakes.push_back(wake);
  }
}

Task<> SetBeforeAndDuring(std::vector<Wake>& wakes) {
  Signal signal;
  signal.Set();
  signal.Set();  // one flag: the second adds nothing
  JoinHandle waiter = Go("wait", AwaitSignal(signal, wakes, 2));
  for (int i = 0; i < 5; ++i) co_await Yield();
  EXPECT_EQ(wakes.size(), 1u);
  signal.Set();
  signal.Set();
  co_await waiter.Join();
}

TEST_F(SignalTest, EndsAWaitWhetherSetBeforeOrDuringIt) {
  std::vector<Wake> wakes;
  RunToEnd(pool_, SetBeforeAndDuring(wakes));
  EXPECT_EQ(wakes, (std::vector<Wake>{Wake::kReady, Wake::kReady}));
}

Task<> SetAfterACancel(std::vector<Wake>& wakes) {
  Signal signal;
  JoinHandle gone = Go("gone", AwaitSignal(signal, wakes, 1));
  for (int i = 0; i < 5; ++i) co_await Yield();
  gone.Cancel();
  signal.Set();  // the cancel has won: the flag stays for the next waiter
  co_await gone.Join();
  JoinHandle next = Go("next", AwaitSignal(signal, wakes, 1));
  co_await next.Join();
}

TEST_F(SignalTest, AFlagThatACancelledWaiterDidNotTakeStays) {
  std::vector<Wake> wakes;
  RunToEnd(pool_, SetAfterACancel(wakes));
  EXPECT_EQ(wakes, (std::vector<Wake>{Wake::kCancelled, Wake::kReady}));
}

Task<> CancelFirst(std::vector<Wake>& wakes) {
  Signal signal;
  JoinHandle gone = Go("gone", AwaitSignal(signal, wakes, 2));
  gone.Cancel();
  co_await gone.Join();
}

TEST_F(SignalTest, ACancelledGDoesNotWait) {
  std::vector<Wake> wakes;
  RunToEnd(pool_, CancelFirst(wakes));
  EXPECT_EQ(wakes, (std::vector<Wake>{Wake::kCancelled, Wake::kCancelled}));
}

}  // namespace
}  // namespace outrigger::scheduler
