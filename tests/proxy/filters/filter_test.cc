#include "proxy/filters/filter.h"

#include "tests/proxy/filters/filter_test.h"

namespace outrigger::proxy {
namespace {

TEST_F(FilterTest, AFilterThatSaysNothingLetsEverythingPass) {
  const FilterChain chain = {Chained(std::make_shared<Filter>())};
  FilterRequest request(netpoll_, slab_);
  ChainRun& run = request.Start(chain);
  EXPECT_EQ(run.OnRequest(), FilterVerdict::kContinue);
  EXPECT_FALSE(run.wants_request_body());
  EXPECT_FALSE(run.wants_response_body());
  request.up.headers.Add(HeaderName::kStatus, "200");
  run.OnResponse(request.up.headers);
  EXPECT_EQ(TextOf(request.up.headers), ":status=200;");
}

TEST_F(FilterTest, AnEventTimerWakesTheRequest) {
  const FilterChain chain = {Chained(std::make_shared<Filter>())};
  FilterRequest request(netpoll_, slab_);
  ChainRun& run = request.Start(chain);
  {
    EventTimer timer(run);
    timer.Set(0);
    EXPECT_FALSE(request.event.Wait("").await_ready());
    netpoll_.Poll(/*block=*/false);
    EXPECT_TRUE(request.event.Wait("").await_ready());
    timer.Set(0);
  }
  netpoll_.Poll(/*block=*/false);
  EXPECT_FALSE(request.event.Wait("").await_ready()) << "gone with its owner";
}

}  // namespace
}  // namespace outrigger::proxy
