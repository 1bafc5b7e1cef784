#include "scheduler/trace/hold.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace outrigger::scheduler {
namespace {

uint32_t StateOf(const G& g) { return g.state.load(std::memory_order_relaxed); }

TEST(HoldTest, TakesOnlyWhoIsParked) {
  G g;
  EXPECT_FALSE(TryHold(g)) << "it runs";
  EXPECT_EQ(StateOf(g), G::kRunning);
  ASSERT_TRUE(g.BeginWait("test"));
  EXPECT_FALSE(TryHold(g)) << "it is on its way into a wait";
  EXPECT_EQ(StateOf(g), G::kPreparing);
  ASSERT_TRUE(g.CommitWait());
  EXPECT_TRUE(TryHold(g));
  EXPECT_EQ(StateOf(g), G::kParked | WaitWord::kHeld);
  LetGo(g);
  EXPECT_EQ(StateOf(g), G::kParked);
}

TEST(HoldTest, IsKeptByWakeAndCancel) {
  G g;
  ASSERT_TRUE(g.ParkLocked("test"));
  ASSERT_TRUE(TryHold(g));
  g.MarkCancelled();
  EXPECT_EQ(g.TryClaim(Wake::kTimeout), G::Claim::kParked);
  EXPECT_TRUE(StateOf(g) & WaitWord::kHeld);
  EXPECT_EQ(g.FinishWait(), Wake::kTimeout);
  LetGo(g);
  EXPECT_FALSE(StateOf(g) & WaitWord::kHeld);
  EXPECT_TRUE(g.cancelled());
}

// The frame stands for what the G would free once it runs.
TEST(HoldTest, WhoRunsTheGWaitsForTheHolder) {
  constexpr int kRounds = 500;
  for (int round = 0; round < kRounds; ++round) {
    G g;
    auto frame = std::make_unique<int>(round);
    ASSERT_TRUE(g.ParkLocked("test"));
    ASSERT_TRUE(TryHold(g));
    std::atomic<bool> woken = false;
    std::thread runner([&] {
      g.TryClaim(Wake::kReady);
      woken.store(true, std::memory_order_relaxed);
      AwaitRelease(g);
      frame.reset();
    });
    while (!woken.load(std::memory_order_relaxed)) std::this_thread::yield();
    ASSERT_NE(frame, nullptr);
    ASSERT_EQ(*frame, round);
    LetGo(g);
    runner.join();
  }
}

}  // namespace
}  // namespace outrigger::scheduler
