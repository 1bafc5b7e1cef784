#include "proxy/router/retry.h"

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

using Verdict = Retry::Verdict;

// What is expected here is Envoy's: docs "Router", x-envoy-retry-on, x-envoy-retry-grpc-on.
class RetryTest : public testing::Test {
 protected:
  Retry Make(std::string_view words) {
    policy_.retry_on = ParseRetryOn(words);
    return Retry(&policy_, request_);
  }
  static StreamError Error(ErrorCode code, bool retry = false) {
    return {code, Side::kUpstream, retry};
  }
  Headers& Response(std::string_view status, std::string_view name = {},
                    std::string_view value = {}) {
    response_.Clear();
    response_.Add(HeaderName::kStatus, status);
    if (!name.empty()) response_.Add(name, value);
    return response_;
  }
  bool Retries(std::string_view words, ErrorCode code) {
    return Make(words).OnError(Error(code)) == Verdict::kYes;
  }
  bool RetriesStatus(std::string_view words, std::string_view status) {
    return Make(words).OnResponse(Response(status)) == Verdict::kYes;
  }

  Arena arena_;
  Headers request_{arena_}, response_{arena_};
  RetryPolicy policy_;
};

TEST_F(RetryTest, WithoutAPolicyOnlyWhatWasNotProcessed) {
  Retry retry(nullptr, request_);
  EXPECT_FALSE(retry.asked_for());
  EXPECT_EQ(retry.OnError(Error(ErrorCode::kReset)), Verdict::kNo);
  EXPECT_EQ(retry.OnError(Error(ErrorCode::kRefused, /*retry=*/false)), Verdict::kNo);
  EXPECT_EQ(retry.OnError(Error(ErrorCode::kConnectionClosed, /*retry=*/false)), Verdict::kNo);
  EXPECT_EQ(Retry(nullptr, request_).OnError(Error(ErrorCode::kConnectionClosed, /*retry=*/true)),
            Verdict::kYes);
  EXPECT_EQ(retry.OnResponse(Response("503")), Verdict::kNo);
  EXPECT_EQ(retry.OnError(Error(ErrorCode::kRefused, /*retry=*/true)), Verdict::kYes);
  Random random(1);
  EXPECT_EQ(retry.Backoff(random), 0);
  EXPECT_EQ(retry.OnError(Error(ErrorCode::kRefused, /*retry=*/true)), Verdict::kNo) << "once";
}

TEST_F(RetryTest, EachWordHasItsErrors) {
  EXPECT_TRUE(Retries("connect-failure", ErrorCode::kConnectFailure));
  EXPECT_TRUE(Retries("connect-failure", ErrorCode::kConnectTimeout));
  EXPECT_FALSE(Retries("connect-failure", ErrorCode::kReset));
  EXPECT_TRUE(Retries("refused-stream", ErrorCode::kRefused));
  EXPECT_FALSE(Retries("refused-stream", ErrorCode::kConnectionClosed));
  EXPECT_TRUE(Retries("reset", ErrorCode::kConnectionClosed));
  EXPECT_TRUE(Retries("5xx", ErrorCode::kAttemptTimeout)) << "a reset would become one";
  EXPECT_TRUE(Retries("gateway-error", ErrorCode::kReset));
  EXPECT_TRUE(Retries("reset-before-request", ErrorCode::kConnectFailure));
  EXPECT_FALSE(Retries("reset-before-request", ErrorCode::kReset));
  EXPECT_FALSE(Retries("5xx,reset", ErrorCode::kOverflow)) << "a limit of ours";
  EXPECT_FALSE(Retries("retriable-4xx", ErrorCode::kReset));
}

TEST_F(RetryTest, EachWordHasItsResponses) {
  EXPECT_TRUE(RetriesStatus("5xx", "500"));
  EXPECT_FALSE(RetriesStatus("5xx", "499"));
  EXPECT_TRUE(RetriesStatus("gateway-error", "503"));
  EXPECT_FALSE(RetriesStatus("gateway-error", "501"));
  EXPECT_TRUE(RetriesStatus("retriable-4xx", "409"));
  EXPECT_FALSE(RetriesStatus("retriable-4xx", "404"));
  policy_.retriable_status_codes = {418};
  EXPECT_TRUE(RetriesStatus("retriable-status-codes", "418"));
  EXPECT_FALSE(RetriesStatus("retriable-status-codes", "419"));
  EXPECT_FALSE(RetriesStatus("5xx", "418"));
  policy_.retriable_headers.emplace_back().key.name = "x-again";
  EXPECT_EQ(Make("retriable-headers").OnResponse(Response("200", "x-again", "1")), Verdict::kYes);
  EXPECT_EQ(Make("retriable-headers").OnResponse(Response("200")), Verdict::kNo);
}

TEST_F(RetryTest, GrpcStatusCounts) {
  const auto retries = [this](std::string_view words, std::string_view status) {
    return Make(words).OnResponse(Response("200", "grpc-status", status)) == Verdict::kYes;
  };
  EXPECT_TRUE(retries("unavailable", "14"));
  EXPECT_TRUE(retries("cancelled,internal", "13"));
  EXPECT_TRUE(retries("cancelled", "1"));
  EXPECT_TRUE(retries("deadline-exceeded", "4"));
  EXPECT_TRUE(retries("resource-exhausted", "8"));
  EXPECT_FALSE(retries("unavailable", "13"));
  EXPECT_FALSE(retries("unavailable", "x"));
}

TEST_F(RetryTest, RateLimitsAreRetriedOnRequestOnly) {
  Headers& limited = Response("503", "x-envoy-ratelimited", "true");
  EXPECT_EQ(Make("5xx").OnResponse(limited), Verdict::kNo);
  EXPECT_EQ(Make("envoy-ratelimited").OnResponse(limited), Verdict::kYes);
}

TEST_F(RetryTest, ALimitIsTold) {
  policy_.num_retries = 2;
  Retry retry = Make("5xx");
  EXPECT_EQ(retry.OnResponse(Response("503")), Verdict::kYes);
  EXPECT_EQ(retry.OnError(Error(ErrorCode::kReset)), Verdict::kYes);
  EXPECT_EQ(retry.count(), 2u);
  EXPECT_FALSE(retry.possible());
  EXPECT_EQ(retry.OnResponse(Response("503")), Verdict::kLimit);
  EXPECT_EQ(retry.OnResponse(Response("200")), Verdict::kNo);
}

TEST_F(RetryTest, ARequestMayAskItself) {
  request_.Add("x-envoy-retry-on", "gateway-error, retriable-status-codes");
  request_.Add("x-envoy-retriable-status-codes", "418, 419");
  request_.Add("x-envoy-max-retries", "2");
  Retry retry(nullptr, request_);
  EXPECT_TRUE(request_.empty()) << "they end here";
  EXPECT_EQ(retry.OnResponse(Response("418")), Verdict::kYes);
  EXPECT_EQ(retry.OnResponse(Response("503")), Verdict::kYes);
  EXPECT_EQ(retry.OnResponse(Response("503")), Verdict::kLimit);
}

TEST_F(RetryTest, OnlyMatchingRequestsAreRetried) {
  policy_.retriable_request_headers.emplace_back().key.name = "x-safe";
  EXPECT_EQ(Make("5xx").OnResponse(Response("503")), Verdict::kNo);
  request_.Add("x-safe", "1");
  EXPECT_EQ(Make("5xx").OnResponse(Response("503")), Verdict::kYes);
}

TEST_F(RetryTest, WaitsDoubleUpToTheMost) {
  policy_.num_retries = 10;
  policy_.base_interval = 10;
  policy_.max_interval = 35;
  Retry retry = Make("5xx");
  Random random(1);
  for (const Nanos most : {10, 20, 35, 35}) {
    retry.OnResponse(Response("503"));
    Nanos longest = 0;
    for (int i = 0; i < 1000; ++i) longest = std::max(longest, retry.Backoff(random));
    EXPECT_LT(longest, most);
    EXPECT_GE(longest, most * 9 / 10);
  }
}

}  // namespace
}  // namespace outrigger::proxy
