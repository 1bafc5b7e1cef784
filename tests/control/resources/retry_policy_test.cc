#include "control/resources/retry_policy.h"

#include <string>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using proxy::RetryOn;
using proxy::RetryPolicy;
using scheduler::kMillisecond;
using scheduler::kSecond;

const FieldPath kPath("x");

absl::StatusOr<std::shared_ptr<const RetryPolicy>> Parse(std::string_view yaml) {
  return ParseRetryPolicy(FromYaml<envoy::config::route::v3::RetryPolicy>(yaml), kPath);
}

RetryPolicy Good(std::string_view yaml) {
  const auto policy = Parse(yaml);
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? **policy : RetryPolicy();
}

std::string ErrorOf(std::string_view yaml) { return Message(Parse(yaml).status()); }

TEST(RetryPolicyTest, ReadsTheDefaults) {
  const RetryPolicy policy = Good("{}");
  EXPECT_EQ(policy.retry_on, 0u);
  EXPECT_EQ(policy.num_retries, 1u);
  EXPECT_EQ(policy.per_try_timeout, 0);
  EXPECT_EQ(policy.base_interval, 25 * kMillisecond);
  EXPECT_EQ(policy.max_interval, 250 * kMillisecond);
  EXPECT_FALSE(policy.avoid_previous_hosts);
  EXPECT_EQ(policy.host_selection_max_attempts, 1u);
}

TEST(RetryPolicyTest, ReadsTheWords) {
  EXPECT_EQ(Good("retry_on: '5xx,connect-failure , unavailable'").retry_on,
            RetryOn::k5xx | RetryOn::kConnectFailure | RetryOn::kUnavailable);
  EXPECT_EQ(Good("retry_on: nothing-known,reset").retry_on, uint32_t{RetryOn::kReset});
  const uint32_t all =
      Good(
          "retry_on: '5xx,gateway-error,connect-failure,refused-stream,retriable-4xx,"
          "retriable-status-codes,retriable-headers,reset,reset-before-request,"
          "envoy-ratelimited,http3-post-connect-failure,cancelled,deadline-exceeded,internal,"
          "resource-exhausted,unavailable'")
          .retry_on;
  EXPECT_EQ(all, 0xffffu);
}

TEST(RetryPolicyTest, ReadsTheRest) {
  const RetryPolicy policy = Good(R"(
num_retries: 0
per_try_timeout: 2s
per_try_idle_timeout: 1s
retriable_status_codes: [409, 503]
retriable_headers: [{name: x-again}]
retriable_request_headers: [{name: ":method", exact_match: GET}]
retry_host_predicate:
- name: envoy.retry_host_predicates.previous_hosts
  typed_config: {"@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate}
host_selection_retry_max_attempts: 5
)");
  EXPECT_EQ(policy.num_retries, 0u);
  EXPECT_EQ(policy.per_try_timeout, 2 * kSecond);
  EXPECT_EQ(policy.per_try_idle_timeout, kSecond);
  EXPECT_EQ(policy.retriable_status_codes, (std::vector<uint32_t>{409, 503}));
  EXPECT_EQ(policy.retriable_headers.at(0).key.name, "x-again");
  EXPECT_EQ(policy.retriable_request_headers.at(0).key.id, proxy::HeaderName::kMethod);
  EXPECT_TRUE(policy.avoid_previous_hosts);
  EXPECT_EQ(policy.host_selection_max_attempts, 5u);
}

TEST(RetryPolicyTest, ReadsTheBackOff) {
  const RetryPolicy base = Good("retry_back_off: {base_interval: 2s}");
  EXPECT_EQ(base.base_interval, 2 * kSecond);
  EXPECT_EQ(base.max_interval, 20 * kSecond);
  const RetryPolicy both = Good("retry_back_off: {base_interval: 0.0001s, max_interval: 3s}");
  EXPECT_EQ(both.base_interval, kMillisecond) << "at least";
  EXPECT_EQ(both.max_interval, 3 * kSecond);
}

TEST(RetryPolicyTest, NamesThePlaceOfAnError) {
  EXPECT_EQ(ErrorOf("retry_back_off: {base_interval: 2s, max_interval: 1s}"),
            "x: retry_back_off.max_interval: must be greater than or equal to the base_interval");
  EXPECT_EQ(ErrorOf("retry_back_off: {}"), "x: retry_back_off.base_interval: value is required");
  EXPECT_EQ(ErrorOf("per_try_timeout: -1s"),
            "x: per_try_timeout: value must be greater than or equal to 0s");
  EXPECT_EQ(ErrorOf("host_selection_retry_max_attempts: -1"),
            "x: host_selection_retry_max_attempts: value must be greater than or equal to 0");
  EXPECT_EQ(ErrorOf("retry_host_predicate: [{name: p}]"),
            "x: retry_host_predicate[0]: predicate \"p\" with type URL \"\" is not supported yet; "
            "envoy.retry_host_predicates.previous_hosts is");
  EXPECT_EQ(ErrorOf("retriable_headers: [{}]"),
            "x: retriable_headers[0].name: value length must be at least 1 characters");
}

}  // namespace
}  // namespace outrigger::control
