#include "scheduler/signals.h"

#include <unistd.h>

#include <csignal>

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

class SignalFdTest : public testing::TestWithParam<Policy> {
 protected:
  // Before the pool's threads, and once for the test's.
  static bool Block() {
    OUTRIGGER_CHECK(BlockSignals({SIGUSR1, SIGUSR2}).ok());
    return true;
  }
  const bool blocked_ = Block();
  Pool pool_{Options(GetParam(), 2)};
};
INSTANTIATE_TEST_SUITE_P(Policies, SignalFdTest, testing::ValuesIn(kPolicies));

// Counts until USR2 comes.
Task<> CountUsr1(std::atomic<bool>& open, std::atomic<int>& count) {
  auto signals = SignalFd::Open({SIGUSR1, SIGUSR2});
  OUTRIGGER_CHECK(signals.ok());
  open.store(true);
  while (true) {
    const SignalFd::Taken taken = co_await (*signals)->Next();
    EXPECT_EQ(taken.wake, Wake::kReady);
    if (taken.signal != SIGUSR1) break;
    ++count;
  }
}

TEST_P(SignalFdTest, GivesEachSignalToTheOneWhoWaits) {
  std::atomic<bool> open{false};
  std::atomic<int> count{0};
  std::promise<void> ended;
  kill(getpid(), SIGUSR1);  // pending before it is opened
  Spawn(pool_, "signals", RunAndTell(CountUsr1(open, count), ended));
  Await([&] { return open.load(); });
  for (int i = 1; i <= 50; ++i) {
    Await([&] { return count.load() == i; });
    kill(getpid(), i < 50 ? SIGUSR1 : SIGUSR2);
  }
  ended.get_future().get();
  EXPECT_EQ(count, 50);
}

Task<> WaitAndKeep(Nanos timeout, SignalFd::Taken& taken, std::atomic<bool>& open) {
  auto signals = SignalFd::Open({SIGUSR1});
  OUTRIGGER_CHECK(signals.ok());
  open.store(true);
  taken = co_await (*signals)->Next(timeout == kNever ? kNever : Now() + timeout);
}

TEST_P(SignalFdTest, AWaitEndsByDeadlineOrCancel) {
  std::atomic<bool> open{false};
  SignalFd::Taken taken;
  RunToEnd(pool_, WaitAndKeep(kMillisecond, taken, open));
  EXPECT_EQ(taken.wake, Wake::kTimeout);
  open.store(false);
  Spawn(pool_, "signals", WaitAndKeep(kNever, taken, open));
  Await([&] { return open.load(); });
  pool_.Stop();
  EXPECT_EQ(taken.wake, Wake::kCancelled);
}

Task<> OpenWrongly() {
  const auto loose = SignalFd::Open({SIGUSR1, SIGWINCH});
  EXPECT_EQ(loose.status().code(), absl::StatusCode::kFailedPrecondition);
  const auto none = SignalFd::Open({12345});
  EXPECT_EQ(none.status().code(), absl::StatusCode::kInvalidArgument);
  co_return;
}

TEST_P(SignalFdTest, RefusesSignalsThatAreNotBlocked) {
  RunToEnd(pool_, OpenWrongly());
  EXPECT_EQ(BlockSignals({12345}).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace outrigger::scheduler
