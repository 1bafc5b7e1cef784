// retry_policy.h: which attempts are made again, how often and when: config.route.v3.RetryPolicy as
// the data plane reads it. Durations are nanoseconds; 0: none.
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/snapshot/http_options.h"
#include "proxy/snapshot/matcher.h"

namespace outrigger::proxy {

// The words of retry_on, a bit each.
struct RetryOn {
  static constexpr uint32_t k5xx = 1 << 0;
  static constexpr uint32_t kGatewayError = 1 << 1;
  static constexpr uint32_t kConnectFailure = 1 << 2;
  static constexpr uint32_t kRefusedStream = 1 << 3;
  static constexpr uint32_t kRetriable4xx = 1 << 4;
  static constexpr uint32_t kRetriableStatusCodes = 1 << 5;
  static constexpr uint32_t kRetriableHeaders = 1 << 6;
  static constexpr uint32_t kReset = 1 << 7;
  static constexpr uint32_t kResetBeforeRequest = 1 << 8;
  static constexpr uint32_t kEnvoyRateLimited = 1 << 9;
  static constexpr uint32_t kHttp3PostConnectFailure = 1 << 10;
  static constexpr uint32_t kCancelled = 1 << 11;  // these by grpc-status
  static constexpr uint32_t kDeadlineExceeded = 1 << 12;
  static constexpr uint32_t kInternal = 1 << 13;
  static constexpr uint32_t kResourceExhausted = 1 << 14;
  static constexpr uint32_t kUnavailable = 1 << 15;
};

struct RetryPolicy {
  uint32_t retry_on = 0;  // of RetryOn
  uint32_t num_retries = 1;
  Nanos per_try_timeout = 0;
  Nanos per_try_idle_timeout = 0;
  std::vector<uint32_t> retriable_status_codes;
  std::vector<HeaderMatcher> retriable_headers;          // of the response; any of them
  std::vector<HeaderMatcher> retriable_request_headers;  // any of them, if there are some
  Nanos base_interval = 25 * scheduler::kMillisecond;    // retry_back_off
  Nanos max_interval = 250 * scheduler::kMillisecond;
  bool avoid_previous_hosts = false;         // retry_host_predicate: previous_hosts
  uint32_t host_selection_max_attempts = 1;  // host_selection_retry_max_attempts
};

}  // namespace outrigger::proxy
