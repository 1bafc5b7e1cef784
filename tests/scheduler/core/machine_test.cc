#include "scheduler/core/machine.h"

#include "gtest/gtest.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

TEST(MachineTest, ScopesNest) {
  MachineCell cell(3);
  machine.cell = &cell;
  cell.Adopt(nullptr);
  cell.Leave();  // a G runs
  EXPECT_FALSE(cell.gate.inside());
  {
    const RuntimeScope outer;
    EXPECT_TRUE(cell.gate.inside());
    { const RuntimeScope inner; }
    EXPECT_TRUE(cell.gate.inside());
  }
  EXPECT_FALSE(cell.gate.inside());
  machine.cell = nullptr;
}

TEST(MachineTest, ScopesAreNothingOnOtherThreads) {
  const RuntimeScope scope;
  EXPECT_EQ(machine.cell, nullptr);
}

TEST(MachineTest, LearnsInsideThatItsPHasGoneOrThatItWasOnlyAsked) {
  Pool pool(Options(Policy::kStealing, 1));
  pool.Stop();
  Processor& p = pool.relief();  // nobody's
  MachineCell cell(0);
  machine.cell = &cell;
  p.possession().Give(Possession::HeldBy(0));
  cell.Adopt(&p);
  cell.Leave();
  ASSERT_TRUE(p.possession().Ask(Possession::HeldBy(0)));
  { const RuntimeScope scope; }
  EXPECT_EQ(machine.p, &p);
  EXPECT_TRUE(p.possession().StillHeldBy(Possession::HeldBy(0)));
  ASSERT_TRUE(p.possession().Ask(Possession::HeldBy(0)));
  ASSERT_TRUE(p.possession().Take(Possession::HeldBy(0), Possession::HeldBy(1)));
  { const RuntimeScope scope; }
  EXPECT_EQ(machine.p, nullptr);
  machine.cell = nullptr;
}

}  // namespace
}  // namespace outrigger::scheduler
