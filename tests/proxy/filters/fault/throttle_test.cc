#include "proxy/filters/fault/throttle.h"

#include "tests/proxy/filters/filter_test.h"

namespace outrigger::proxy::fault {
namespace {

using scheduler::kMillisecond;
using scheduler::kSecond;
using scheduler::Nanos;

class ThrottleTest : public FilterTest {
 protected:
  // 100 KiB a second.
  ThrottleTest() {
    request_.Start({Chained(std::make_shared<Filter>())});
    throttle_.emplace(request_.stream(), 100);
  }
  // How much passes of what waits.
  size_t Pass(Nanos now) {
    const size_t before = to_.bytes();
    BodyFlow flow{from_, to_, request_.down.trailers, true};
    throttle_->Pass(flow, start_ + now);
    return to_.bytes() - before;
  }

  FilterRequest request_{netpoll_, slab_};
  const Nanos start_ = netpoll_.Now();
  SliceQueue from_;
  SliceQueue to_;
  std::optional<Throttle> throttle_;
};

TEST_F(ThrottleTest, AnIntervalsWorthAtATime) {
  from_.PushCopy(std::string(20'000, 'x'));
  EXPECT_EQ(Pass(0), 5120u);
  EXPECT_EQ(Pass(49 * kMillisecond), 0u) << "not yet, whoever asks";
  EXPECT_EQ(Pass(50 * kMillisecond), 5120u);
  EXPECT_EQ(Pass(150 * kMillisecond), 20'000u - 2 * 5120u) << "late, and the rest";
  EXPECT_EQ(TextOf(to_), std::string(20'000, 'x'));
}

TEST_F(ThrottleTest, AfterAPauseASecondsWorthAtMost) {
  from_.PushCopy(std::string(300'000, 'x'));
  EXPECT_EQ(Pass(100 * kSecond), 102'400u);
}

TEST_F(ThrottleTest, WhatIsLessThanIsDuePassesAtOnce) {
  from_.PushCopy("abc");
  EXPECT_EQ(Pass(0), 3u);
  from_.PushCopy("def");
  EXPECT_EQ(Pass(0), 3u);
  EXPECT_EQ(TextOf(to_), "abcdef");
}

}  // namespace
}  // namespace outrigger::proxy::fault
