#include "control/service/server_state.h"

#include "gtest/gtest.h"

namespace outrigger::control {
namespace {

TEST(ServerStateTest, OneDrainBeginsOfThoseThatAreAskedForAtOnce) {
  ServerState state;
  EXPECT_FALSE(state.BeginDrain());  // it does not serve yet
  state.Set(Phase::kLive);
  EXPECT_TRUE(state.BeginDrain());
  EXPECT_EQ(state.phase(), Phase::kDraining);
  EXPECT_FALSE(state.BeginDrain());
}

TEST(ServerStateTest, IsReadyWhileItServesAndNobodyFailedItsHealth) {
  ServerState state;
  EXPECT_FALSE(state.ready());
  state.Set(Phase::kLive);
  EXPECT_TRUE(state.ready());
  state.FailHealth(true);
  EXPECT_FALSE(state.ready());
}

}  // namespace
}  // namespace outrigger::control
