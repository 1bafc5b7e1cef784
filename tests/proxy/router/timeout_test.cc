#include "proxy/router/timeout.h"

#include "tests/proxy/router/router_test.h"

namespace outrigger::proxy {
namespace {

using scheduler::kMillisecond;

class TimeoutTest : public HeadersTest {
 protected:
  RequestTimeouts Take(const Fields& fields, bool grpc = false) {
    return TakeTimeouts(action_, Fill(fields), grpc);
  }
  void Retry(Nanos per_try) {
    auto policy = std::make_shared<RetryPolicy>();
    policy->per_try_timeout = per_try;
    policy->per_try_idle_timeout = 7;
    action_.retry_policy = policy;
  }
  ClusterRoute action_;
};

TEST_F(TimeoutTest, IsTheRoutesAndTold) {
  EXPECT_EQ(Take({}).response, 15 * kSecond);
  EXPECT_EQ(Text(), "x-envoy-expected-rq-timeout-ms=15000;");
  action_.timeout = 0;
  EXPECT_EQ(Take({{"x-envoy-expected-rq-timeout-ms", "1"}}).response, 0);
  EXPECT_EQ(Text(), "x-envoy-expected-rq-timeout-ms=1;");
}

TEST_F(TimeoutTest, HeadersOverrideTheRoute) {
  EXPECT_EQ(Take({{"x-envoy-upstream-rq-timeout-ms", "20"}}).response, 20 * kMillisecond);
  EXPECT_EQ(Text(), "x-envoy-expected-rq-timeout-ms=20;");
  EXPECT_EQ(Take({{"x-envoy-upstream-rq-timeout-ms", "x"}}).response, 15 * kSecond);
  EXPECT_EQ(Take({{"x-envoy-upstream-rq-timeout-ms", "0"}}).response, 0);
  EXPECT_EQ(Text(), "");
  EXPECT_GT(Take({{"x-envoy-upstream-rq-timeout-ms", "18446744073709551615"}}).response, 0);
  EXPECT_EQ(Take({{"x-envoy-upstream-rq-per-try-timeout-ms", "5"}}).per_try, 5 * kMillisecond);
  EXPECT_EQ(Text(), "x-envoy-expected-rq-timeout-ms=5;");
}

TEST_F(TimeoutTest, ATryIsShorterThanTheWhole) {
  Retry(10 * kSecond);
  EXPECT_EQ(Take({}).per_try, 10 * kSecond);
  EXPECT_EQ(Text(), "x-envoy-expected-rq-timeout-ms=10000;");
  EXPECT_EQ(Take({}).per_try_idle, 7);
  Retry(15 * kSecond);
  EXPECT_EQ(Take({}).per_try, 0);
  action_.timeout = 0;
  EXPECT_EQ(Take({}).per_try, 15 * kSecond);
}

TEST_F(TimeoutTest, MaxStreamDurationTakesItsPlace) {
  action_.new_timeouts = true;
  EXPECT_EQ(Take({}).response, 0);
  EXPECT_EQ(Take({{"x-envoy-upstream-rq-timeout-ms", "20"}}).response, 20 * kMillisecond);
}

TEST_F(TimeoutTest, MaxGrpcTimeoutCapsTheCallers) {
  action_.max_grpc_timeout = 10 * kSecond;
  EXPECT_EQ(Take({{"grpc-timeout", "2S"}}).response, 15 * kSecond) << "not gRPC";
  EXPECT_EQ(Take({{"grpc-timeout", "2S"}}, true).response, 2 * kSecond);
  EXPECT_EQ(Text(), "grpc-timeout=2000m;x-envoy-expected-rq-timeout-ms=2000;");
  EXPECT_EQ(Take({{"grpc-timeout", "20S"}}, true).response, 10 * kSecond);
  EXPECT_EQ(Take({}, true).response, 10 * kSecond);
  action_.max_grpc_timeout_offset = kSecond;
  EXPECT_EQ(Take({{"grpc-timeout", "2S"}}, true).response, kSecond);
  EXPECT_EQ(Take({{"grpc-timeout", "500m"}}, true).response, 500 * kMillisecond);
  action_.max_grpc_timeout = 0;
  EXPECT_EQ(Take({}, true).response, 0);
}

TEST_F(TimeoutTest, AStreamLastsAsTheRouteOrTheListenerSays) {
  EXPECT_EQ(StreamDuration(action_, Fill({}), 0), std::nullopt);
  EXPECT_EQ(StreamDuration(action_, headers_, 5), 5);
  action_.max_stream_duration = 0;
  EXPECT_EQ(StreamDuration(action_, headers_, 5), std::nullopt);
  action_.max_stream_duration = 7;
  EXPECT_EQ(StreamDuration(action_, headers_, 5), 7);
  EXPECT_EQ(Text(), "");
}

TEST_F(TimeoutTest, AStreamMayLastAsGrpcTimeoutSays) {
  action_.max_stream_duration = 7 * kSecond;
  EXPECT_EQ(StreamDuration(action_, Fill({{"grpc-timeout", "1S"}}), 0), 7 * kSecond);
  action_.grpc_timeout_max = 3 * kSecond;
  EXPECT_EQ(StreamDuration(action_, Fill({{"grpc-timeout", "1S"}}), 0), kSecond);
  EXPECT_EQ(Text(), "grpc-timeout=1000m;");
  EXPECT_EQ(StreamDuration(action_, Fill({{"grpc-timeout", "1H"}}), 0), 3 * kSecond);
  EXPECT_EQ(StreamDuration(action_, Fill({{"grpc-timeout", "bad"}}), 0), 7 * kSecond);
  EXPECT_EQ(StreamDuration(action_, Fill({}), 0), 7 * kSecond);
  action_.grpc_timeout_max = 0;
  action_.grpc_timeout_offset = kSecond;
  EXPECT_EQ(StreamDuration(action_, Fill({{"grpc-timeout", "1M"}}), 0), 59 * kSecond);
  EXPECT_EQ(StreamDuration(action_, Fill({{"grpc-timeout", "1m"}}), 0), 0) << "at once";
}

}  // namespace
}  // namespace outrigger::proxy
