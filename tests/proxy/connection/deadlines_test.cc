#include "proxy/connection/deadlines.h"

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

TEST(DeadlinesTest, NothingIsDueByDefault) {
  const Deadlines none;
  EXPECT_EQ(none.Next(), scheduler::kNever);
  EXPECT_EQ(none.Due(1'000'000), ErrorCode::kNone);
}

TEST(DeadlinesTest, SaysWhichHasPassed) {
  Deadlines some{.request = 10, .duration = 20, .route = 30, .attempt = 40};
  EXPECT_EQ(some.Next(), 10);
  EXPECT_EQ(some.Due(9), ErrorCode::kNone);
  EXPECT_EQ(some.Due(10), ErrorCode::kRequestTimeout);
  some.request = scheduler::kNever;
  EXPECT_EQ(some.Due(25), ErrorCode::kMaxDuration);
  some.duration = scheduler::kNever;
  EXPECT_EQ(some.Due(50), ErrorCode::kTimeout) << "the whole before its parts";
  some.route = scheduler::kNever;
  EXPECT_EQ(some.Due(50), ErrorCode::kAttemptTimeout);
  some.attempt = scheduler::kNever;
  some.upstream_duration = 45;
  EXPECT_EQ(some.Due(50), ErrorCode::kUpstreamMaxDuration);
}

TEST(DeadlinesTest, IdlenessCountsFromTheLastProgress) {
  Deadlines idle{.idle_limit = 5, .progress = 100};
  EXPECT_EQ(idle.Next(), 105);
  EXPECT_EQ(idle.Due(104), ErrorCode::kNone);
  EXPECT_EQ(idle.Due(105), ErrorCode::kIdleTimeout);
  idle.progress = 103;
  EXPECT_EQ(idle.Due(105), ErrorCode::kNone);
}

}  // namespace
}  // namespace outrigger::proxy
