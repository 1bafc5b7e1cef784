#include "scheduler/core/possession.h"

#include "gtest/gtest.h"

namespace outrigger::scheduler {
namespace {

constexpr uint32_t kFirst = Possession::HeldBy(0), kSecond = Possession::HeldBy(1);

TEST(PossessionTest, GoesFromOneToTheNextWhenNobodyObjects) {
  Possession p;
  EXPECT_EQ(p.word(), Possession::kNobody);
  p.Give(kFirst);
  EXPECT_TRUE(p.StillHeldBy(kFirst));
  ASSERT_TRUE(p.Ask(kFirst));
  EXPECT_FALSE(p.StillHeldBy(kFirst));  // the M finds the question
  EXPECT_TRUE(p.Take(kFirst, kSecond));
  EXPECT_FALSE(p.Keep(kFirst));  // and later, that it came too late
  EXPECT_TRUE(p.StillHeldBy(kSecond));
}

TEST(PossessionTest, StaysWithAnMThatComesInTime) {
  Possession p;
  p.Give(kFirst);
  ASSERT_TRUE(p.Ask(kFirst));
  EXPECT_TRUE(p.Keep(kFirst));
  EXPECT_FALSE(p.Take(kFirst, kSecond));
  p.Undo(kFirst);  // there is nothing left to undo
  EXPECT_TRUE(p.StillHeldBy(kFirst));
}

TEST(PossessionTest, AQuestionIsUndone) {
  Possession p;
  p.Give(kFirst);
  ASSERT_TRUE(p.Ask(kFirst));
  p.Undo(kFirst);
  EXPECT_TRUE(p.StillHeldBy(kFirst));
  EXPECT_FALSE(p.Ask(kSecond));  // who does not have it is not asked
}

TEST(PossessionTest, AQuestionThatWasUndoneBeforeTheAnswerChangesNothing) {
  Possession p;
  p.Give(kFirst);
  ASSERT_TRUE(p.Ask(kFirst));
  ASSERT_FALSE(p.StillHeldBy(kFirst));
  p.Undo(kFirst);
  EXPECT_TRUE(p.Keep(kFirst));
  EXPECT_TRUE(p.StillHeldBy(kFirst));
}

TEST(PossessionTest, IsGivenToTheNextInOneStep) {
  Possession p;
  p.Give(kFirst);
  ASSERT_TRUE(p.Ask(kFirst));
  EXPECT_TRUE(p.Quit(kFirst, kSecond));
  EXPECT_FALSE(p.Take(kFirst, kFirst));
  EXPECT_TRUE(p.StillHeldBy(kSecond));
}

TEST(PossessionTest, IsGivenUpAskedForOrNot) {
  for (const bool asked : {false, true}) {
    Possession p;
    p.Give(kFirst);
    if (asked) {
      ASSERT_TRUE(p.Ask(kFirst));
    }
    EXPECT_TRUE(p.Quit(kFirst));
    EXPECT_EQ(p.word(), Possession::kNobody);
  }
}

TEST(RuntimeGateTest, AnMBeginsInside) {
  RuntimeGate gate;
  EXPECT_TRUE(gate.inside());
  gate.Leave();
  EXPECT_FALSE(gate.inside());
  gate.Enter();
  EXPECT_TRUE(gate.inside());
}

}  // namespace
}  // namespace outrigger::scheduler
