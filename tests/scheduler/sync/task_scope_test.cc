#include "scheduler/sync/task_scope.h"

#include <memory>

#include "scheduler/sync/event.h"
#include "tests/scheduler/sync/sync_test.h"

namespace outrigger::scheduler {
namespace {

using TaskScopeTest = OneProcTest;
INSTANTIATE_TEST_SUITE_P(Policies, TaskScopeTest, testing::ValuesIn(kPolicies));

struct Counts {
  std::atomic<int> begun{0};
  std::atomic<int> cancelled{0};
  std::atomic<int> ended{0};
  std::atomic<int> unheard{0};  // scopes that were joined without having heard of a cancel
};

// Waits for what never comes, and takes its time to unwind.
Task<> WaitForCancel(Counts& counts) {
  ++counts.begun;
  const Wake wake = co_await Sleep(kNever);
  if (wake == Wake::kCancelled) ++counts.cancelled;
  for (int i = 0; i < 10; ++i) co_await Yield();
  ++counts.ended;
}

Task<> YieldThenEnd(Counts& counts) {
  for (int i = 0; i < 10; ++i) co_await Yield();
  ++counts.ended;
}

Task<> JoinAll() {
  Counts counts;
  for (int round = 0; round < 3; ++round) {
    TaskScope scope;
    for (int i = 0; i < 5; ++i) scope.Go("child", YieldThenEnd(counts));
    const TaskScope::End end = co_await scope.Join();
    EXPECT_EQ(end.wake, Wake::kReady);
    EXPECT_EQ(end.panicked, nullptr);
    EXPECT_EQ(counts.ended, 10 * round + 5);
    scope.Go("late", YieldThenEnd(counts));  // may go on being used
    for (int i = 0; i < 4; ++i) scope.Go("later", YieldThenEnd(counts));
    // The scope's last child does not end another wait of ours.
    const Wake other = co_await Sleep(kMillisecond);
    EXPECT_EQ(other, Wake::kTimeout);
    co_await scope.Join();
  }
}

TEST_P(TaskScopeTest, JoinsAllChildren) { Run(JoinAll()); }

Task<> JoinNone() {
  TaskScope scope;
  const TaskScope::End end = co_await scope.Join();
  EXPECT_EQ(end.wake, Wake::kReady);
}

TEST_P(TaskScopeTest, OneWithoutChildrenIsJoinedAtOnce) { Run(JoinNone()); }

Task<> JoinCancelled(Counts& counts, Wake& wake, int& ended) {
  TaskScope scope;
  for (int i = 0; i < 3; ++i) scope.Go("child", WaitForCancel(counts));
  const TaskScope::End end = co_await scope.Join();
  wake = end.wake;
  ended = counts.ended;
}

Task<> CancelInJoin() {
  Counts counts;
  Wake wake = Wake::kReady;
  int ended = 0;
  JoinHandle parent = Go("parent", JoinCancelled(counts, wake, ended));
  co_await YieldOften();
  EXPECT_EQ(counts.begun, 3);
  parent.Cancel();
  co_await Yield();
  parent.Cancel();  // the children unwind still
  co_await parent.Join();
  EXPECT_EQ(counts.cancelled, 3);
  EXPECT_EQ(ended, 3);
  EXPECT_EQ(wake, Wake::kCancelled);
}

TEST_P(TaskScopeTest, ACancelInJoinReachesTheChildrenWhichAreWaitedFor) { Run(CancelInJoin()); }

// Never waits until its children have heard of its cancel.
Task<> Busy(Counts& counts) {
  TaskScope outer;
  TaskScope inner;
  outer.Go("outer", WaitForCancel(counts));
  inner.Go("inner", WaitForCancel(counts));
  while (counts.ended != 2) co_await Yield();
  const TaskScope::End end = co_await inner.Join();
  EXPECT_EQ(end.wake, Wake::kCancelled);
  co_await outer.Join();
}

Task<> CancelBusy() {
  Counts counts;
  JoinHandle parent = Go("parent", Busy(counts));
  while (counts.begun != 2) co_await Yield();
  parent.Cancel();
  co_await parent.Join();
  EXPECT_EQ(counts.cancelled, 2);
}

TEST_P(TaskScopeTest, ACancelReachesTheChildrenOfAParentThatDoesNotWait) { Run(CancelBusy()); }

Task<> OpenWhenCancelled(Counts& counts) {
  CurrentG()->Cancel();
  for (int i = 0; i < 2; ++i) {  // the first on this G, and one after it
    TaskScope scope;
    scope.Go("child", WaitForCancel(counts));
    const TaskScope::End end = co_await scope.Join();
    EXPECT_EQ(end.wake, Wake::kCancelled);
  }
}

Task<> CancelBefore() {
  Counts counts;
  const JoinHandle parent = Go("parent", OpenWhenCancelled(counts));
  co_await parent.Join();
  EXPECT_EQ(counts.cancelled, 2);
}

TEST_P(TaskScopeTest, ChildrenOfACancelledGRunCancelled) { Run(CancelBefore()); }

Task<> CancelScope() {
  Counts counts;
  TaskScope scope;
  for (int i = 0; i < 3; ++i) scope.Go("child", WaitForCancel(counts));
  while (counts.begun != 3) co_await Yield();
  scope.Go("has not run", WaitForCancel(counts));
  scope.Cancel();
  scope.Go("too late", WaitForCancel(counts));
  const TaskScope::End end = co_await scope.Join();
  EXPECT_EQ(end.wake, Wake::kCancelled);
  EXPECT_EQ(counts.cancelled, 5);
  EXPECT_FALSE(CurrentG()->cancelled());
  const Wake wake = co_await Sleep(0);
  EXPECT_EQ(wake, Wake::kTimeout);
}

TEST_P(TaskScopeTest, CancelsItsChildrenAndNotItsOwner) { Run(CancelScope()); }

Task<> Expire() {
  Counts counts;
  TaskScope scope;
  scope.CancelAt(Now() + 3600 * kSecond);
  scope.CancelAt(Soon());
  scope.Go("child", WaitForCancel(counts));
  // Comes while we wait for something else.
  while (counts.ended != 1) co_await Yield();
  const TaskScope::End end = co_await scope.Join();
  EXPECT_EQ(end.wake, Wake::kTimeout);
  EXPECT_EQ(counts.cancelled, 1);
}

TEST_P(TaskScopeTest, ADeadlineCancelsTheChildren) { Run(Expire()); }

Task<> ExpireTooLate() {
  Counts counts;
  TaskScope scope;
  scope.CancelAt(Now() + kMillisecond);
  const TaskScope::End none = co_await scope.Join();
  EXPECT_EQ(none.wake, Wake::kReady);
  co_await SleepUntil(Now() + 2 * kMillisecond);
  const TaskScope::End end = co_await scope.Join();
  EXPECT_EQ(end.wake, Wake::kReady);  // it cut nobody short
  scope.Go("child", WaitForCancel(counts));
  const TaskScope::End late = co_await scope.Join();
  EXPECT_EQ(late.wake, Wake::kTimeout);
}

TEST_P(TaskScopeTest, ADeadlineIsNoFaultOfThoseWhoHadEnded) { Run(ExpireTooLate()); }

Task<> WithoutDeadline(Counts& counts, Wake& wake) {
  TaskScope scope;
  scope.CancelAt(Now() + 3600 * kSecond);
  scope.Go("grandchild", WaitForCancel(counts));
  const TaskScope::End end = co_await scope.Join();
  wake = end.wake;
}

Task<> ExpireAbove() {
  Counts counts;
  Wake wake = Wake::kReady;
  TaskScope scope;
  scope.CancelAt(Soon());
  scope.Go("child", WithoutDeadline(counts, wake));
  const TaskScope::End end = co_await scope.Join();
  EXPECT_EQ(end.wake, Wake::kTimeout);
  EXPECT_EQ(wake, Wake::kCancelled);
  EXPECT_EQ(counts.cancelled, 1);
}

TEST_P(TaskScopeTest, ADeadlineIsInherited) { Run(ExpireAbove()); }

Task<> PanicAfter(Counts& counts, int begun) {
  while (counts.begun != begun) co_await Yield();
  throw Panic("a bug");
}

Task<> JoinPanicked() {
  Counts counts;
  TaskScope scope;
  for (int i = 0; i < 2; ++i) scope.Go("sibling", WaitForCancel(counts));
  scope.Go("the bug", PanicAfter(counts, 2));
  const TaskScope::End end = co_await scope.Join();
  EXPECT_EQ(counts.cancelled, 2);
  EXPECT_EQ(end.wake, Wake::kCancelled);
  EXPECT_STREQ(end.panicked, "the bug");

  TaskScope alone;
  alone.Go("alone", PanicAfter(counts, 2));
  const TaskScope::End last = co_await alone.Join();
  EXPECT_NE(last.wake, Wake::kReady);
  EXPECT_STREQ(last.panicked, "alone");
}

TEST_P(TaskScopeTest, APanicOfAChildCancelsItsSiblings) {
  Run(JoinPanicked());
  pool_.Stop();
  EXPECT_EQ(pool_.processor(0).stats().panics, 2u);
}

Task<> Tree(Counts& counts, int depth) {
  ++counts.begun;
  TaskScope scope;
  if (depth == 0) {
    scope.Go("leaf", WaitForCancel(counts));
  } else {
    for (int i = 0; i < 3; ++i) scope.Go("tree", Tree(counts, depth - 1));
  }
  const TaskScope::End end = co_await scope.Join();
  if (end.wake == Wake::kCancelled) ++counts.cancelled;
  ++counts.ended;
}

constexpr int kLeaves = 27;
constexpr int kTreeSize = 1 + 3 + 9 + 27 + kLeaves;

Task<> CancelTree() {
  Counts counts;
  JoinHandle root = Go("root", Tree(counts, 3));
  while (counts.begun != kTreeSize) co_await Yield();
  root.Cancel();
  co_await root.Join();
  EXPECT_EQ(counts.cancelled, kTreeSize);
  EXPECT_EQ(counts.ended, kTreeSize);
}

TEST_P(TaskScopeTest, AWholeTreeUnwinds) { Run(CancelTree()); }

TEST_P(TaskScopeTest, StopUnwindsATree) {
  Counts counts;
  Spawn(pool_, "root", Tree(counts, 3));
  Await([&] { return counts.begun == kTreeSize; });
  pool_.Stop();
  // It cancels each G by itself: a leaf may have ended before its parent's turn comes.
  EXPECT_GE(counts.cancelled, kLeaves);
  EXPECT_EQ(counts.ended, kTreeSize);
}

Task<> Chain(Counts& counts, int depth) {
  TaskScope scope;
  if (depth == 0) {
    scope.Go("leaf", WaitForCancel(counts));
  } else {
    scope.Go("link", Chain(counts, depth - 1));
  }
  co_await scope.Join();
}

Task<> CancelChain() {
  Counts counts;
  JoinHandle root = Go("root", Chain(counts, 100'000));
  while (counts.begun == 0) co_await Yield();
  root.Cancel();
  co_await root.Join();
  EXPECT_EQ(counts.cancelled, 1);
}

TEST_P(TaskScopeTest, ADeepChainNeedsNoStack) { Run(CancelChain()); }

Task<> StartSibling(TaskScope& scope, Counts& counts) {
  scope.Go("sibling", YieldThenEnd(counts));
  co_return;
}

Task<> JoinSiblings() {
  Counts counts;
  TaskScope scope;
  scope.Go("child", StartSibling(scope, counts));
  const TaskScope::End end = co_await scope.Join();
  EXPECT_EQ(end.wake, Wake::kReady);
  EXPECT_EQ(counts.ended, 1);
}

TEST_P(TaskScopeTest, AChildMayStartASibling) { Run(JoinSiblings()); }

Task<> CancelOneByHandle() {
  Counts counts;
  TaskScope scope;
  JoinHandle loser = scope.Go("loser", WaitForCancel(counts));
  scope.Go("other", YieldThenEnd(counts));
  loser.Cancel();
  const TaskScope::End end = co_await scope.Join();
  EXPECT_EQ(end.wake, Wake::kReady);  // the scope was not cancelled
  EXPECT_EQ(counts.ended, 2);
}

TEST_P(TaskScopeTest, OneChildCanBeCancelled) { Run(CancelOneByHandle()); }

Task<> LeaveTooEarly(Counts& counts) {
  TaskScope scope;
  scope.Go("child", WaitForCancel(counts));
  co_await Yield();
}

TEST(TaskScopeDeathTest, LeavingLiveChildrenEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Pool pool(Options(Policy::kStealing, 1));
        Counts counts;
        RunToEnd(pool, LeaveTooEarly(counts));
      },
      "live_ == 0");
}

// Trees that are cancelled from another thread, by a deadline and by a panic, at any moment.
Task<> RandomTree(Counts& counts, int depth, int n) {
  ++counts.begun;
  {
    TaskScope scope;
    if (n % 3 == 0) scope.CancelAt(MonotonicNow() + n % 50 * 1000);
    if (depth > 0) {
      for (int i = 0; i < 3; ++i) scope.Go("tree", RandomTree(counts, depth - 1, n + i));
    } else {
      scope.Go("leaf", WaitForCancel(counts));
    }
    if (n % 7 == 0) co_await Yield();
    if (n % 11 == 0) scope.Cancel();
    const TaskScope::End end = co_await scope.Join();
    if (depth == 0 && end.wake == Wake::kReady) ++counts.unheard;
  }
  ++counts.ended;
  if (n % 97 == 96) throw Panic("a bug");
}

Task<> CancelAtAnyMoment(int rounds) {
  for (int i = 0; i < rounds; ++i) {
    Counts counts;
    JoinHandle root = Go("root", RandomTree(counts, 2, i));
    for (int wait = i % 20; wait > 0; --wait) co_await Yield();
    root.Cancel();
    root.Cancel();
    co_await root.Join();
    EXPECT_EQ(counts.begun, counts.ended);
    EXPECT_EQ(counts.unheard, 0);
  }
}

TEST(TaskScopeRaceTest, TreesMayBeCancelledAtAnyMoment) {
  Pool pool(Options(Policy::kStealing, 4));
  std::vector<std::promise<void>> ended(4);
  for (auto& each : ended) Spawn(pool, "test", RunAndTell(CancelAtAnyMoment(500), each));
  for (auto& each : ended) each.get_future().get();
}

Task<> ManyShortScopes(int n) {
  Counts counts;
  for (int i = 0; i < n; ++i) {
    auto scope = std::make_unique<TaskScope>();  // freed as soon as it has been joined
    scope->Go("one", YieldThenEnd(counts));
    if (i % 2 == 0) scope->Go("two", YieldThenEnd(counts));
    co_await scope->Join();
    scope.reset();
  }
}

TEST(TaskScopeRaceTest, ItsOwnerMayFreeItWhenJoined) {
  Pool pool(Options(Policy::kStealing, 4));
  std::vector<std::promise<void>> ended(4);
  for (auto& each : ended) Spawn(pool, "test", RunAndTell(ManyShortScopes(2'000), each));
  for (auto& each : ended) each.get_future().get();
}

TEST(TaskScopeRaceTest, APoolMayStopAtAnyMoment) {
  for (int i = 0; i < 30; ++i) {
    Counts counts;
    Pool pool(Options(Policy::kStealing, 3));
    Spawn(pool, "root", RandomTree(counts, 3, i));
    Await([&] { return counts.begun >= i; });
    pool.Stop();
    EXPECT_EQ(counts.begun, counts.ended);
  }
}

}  // namespace
}  // namespace outrigger::scheduler
