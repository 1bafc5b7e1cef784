#include "control/process/signals.h"

#include <thread>

#include "gtest/gtest.h"

namespace outrigger::control {
namespace {

TEST(SignalsTest, EachSignalReachesTheWaiter) {
  BlockSignals();
  for (ProcessSignal signal :
       {ProcessSignal::kTerminate, ProcessSignal::kInterrupt, ProcessSignal::kReload}) {
    std::thread raiser([signal] { Raise(signal); });
    EXPECT_EQ(WaitForSignal(), signal);
    raiser.join();
  }
}

TEST(SignalsTest, AWaitHasAnEnd) {
  BlockSignals();
  EXPECT_EQ(WaitForSignal(scheduler::kMillisecond), std::nullopt);
}

}  // namespace
}  // namespace outrigger::control
