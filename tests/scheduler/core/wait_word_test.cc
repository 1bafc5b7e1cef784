#include "scheduler/core/wait_word.h"

#include "gtest/gtest.h"

namespace outrigger::scheduler {
namespace {

using Claim = WaitWord::Claim;

// The orders in which threads meet on it are tests/model's; here, what one thread sees. By turns
// confined and not: the two are to agree.
class WaitWordTest : public testing::TestWithParam<bool> {
 protected:
  bool confined() const { return GetParam(); }
  uint32_t phase() const { return word.load(std::memory_order_relaxed) & WaitWord::kPhaseMask; }
  WaitWord word;
};

INSTANTIATE_TEST_SUITE_P(Confined, WaitWordTest, testing::Bool());

TEST_P(WaitWordTest, AWaitGoesFromStepToStep) {
  EXPECT_EQ(word.TryClaim(Wake::kReady, confined()), Claim::kLost);
  ASSERT_TRUE(word.Begin(confined()));
  EXPECT_EQ(phase(), WaitWord::kPreparing);
  ASSERT_TRUE(word.Commit(confined()));
  EXPECT_EQ(phase(), WaitWord::kParked);
  EXPECT_EQ(word.TryClaim(Wake::kClosed, confined()), Claim::kParked);
  EXPECT_EQ(phase(), WaitWord::kWoken);
  EXPECT_EQ(word.TryClaim(Wake::kReady, confined()), Claim::kLost);
  EXPECT_EQ(word.reason(), Wake::kClosed);
}

TEST_P(WaitWordTest, AWakeWhileItPreparesRefusesTheCommit) {
  ASSERT_TRUE(word.Begin(confined()));
  EXPECT_EQ(word.TryClaim(Wake::kTimeout, confined()), Claim::kPreparing);
  EXPECT_FALSE(word.Commit(confined()));
  EXPECT_EQ(word.reason(), Wake::kTimeout);
}

TEST_P(WaitWordTest, TheNextWaitForgetsTheReasonOfTheLast) {
  ASSERT_TRUE(word.Park(confined()));
  ASSERT_EQ(word.TryClaim(Wake::kClosed, confined()), Claim::kParked);
  ASSERT_TRUE(word.Park(confined()));
  EXPECT_EQ(phase(), WaitWord::kParked);
  EXPECT_EQ(word.TryClaim(Wake::kReady, confined()), Claim::kParked);
  EXPECT_EQ(word.reason(), Wake::kReady);
}

TEST_P(WaitWordTest, ACancelStaysAndRefusesEveryWait) {
  EXPECT_FALSE(word.cancelled());
  ASSERT_TRUE(word.Begin(confined()));
  word.Cancel(confined());
  EXPECT_TRUE(word.cancelled());
  // By itself it ends no wait; its caller claims it.
  ASSERT_TRUE(word.Commit(confined()));
  EXPECT_EQ(word.TryClaim(Wake::kCancelled, confined()), Claim::kParked);
  EXPECT_TRUE(word.cancelled());
  EXPECT_FALSE(word.Begin(confined()));
  EXPECT_FALSE(word.Park(confined()));
  EXPECT_EQ(word.reason(), Wake::kCancelled);
}

TEST_P(WaitWordTest, TheEndIsSeenBesideTheRest) {
  word.Cancel(confined());
  EXPECT_FALSE(word.done());
  word.MarkDone(confined());
  EXPECT_TRUE(word.done());
  EXPECT_TRUE(word.cancelled());
}

}  // namespace
}  // namespace outrigger::scheduler
