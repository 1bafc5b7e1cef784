#include "scheduler/trace/pool_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/scheduler.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

using testing::HasSubstr;
using testing::Not;

Task<> Nothing() { co_return; }

TEST(PoolTraceTest, HasTheRunsOfEachStealingPool) {
  Pool control(Options(Policy::kStealing, 2));
  Pool data(Options(Policy::kPinned, 1));
  RunToEnd(control, Nothing());
  RunToEnd(data, Nothing());
  const std::string trace = TracePools({&control, &data});
  for (const char* part : {"\"control\"", "\"control:1\"", "\"relief\"", "\"test\""}) {
    EXPECT_THAT(trace, HasSubstr(part));
  }
  EXPECT_THAT(trace, Not(HasSubstr("data")));
}

}  // namespace
}  // namespace outrigger::scheduler
