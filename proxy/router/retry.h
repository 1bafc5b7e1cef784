// retry.h: whether a failed attempt is made again, by the route's retry_policy and the request's
// own x-envoy-retry-* headers (Envoy's router filter). Decides; the exchange acts. Does not count
// permits (cluster/circuit_breaker.h) nor keep bodies.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/headers.h"
#include "proxy/codec/http/stream_error.h"
#include "proxy/snapshot/retry_policy.h"
#include "proxy/worker/random.h"

namespace outrigger::proxy {

// The words of retry_on or retry_grpc_on, comma-separated, as bits of RetryOn; others are ignored.
uint32_t ParseRetryOn(std::string_view words);

// Owner: Exchange. Thread-safety: confined.
class Retry {
 public:
  // Without a policy only that is tried again which the upstream certainly did not process: once,
  // and at once (RFC 9113 8.7). `policy`, if there is one, outlives this.
  // Takes the x-envoy-retry-* headers and x-envoy-max-retries out of `request`: they end here.
  Retry(const RetryPolicy* policy, Headers& request);

  // Whether the request may have to be sent once more, with what it has carried so far.
  bool possible() const { return left_ > 0; }
  // The route (or the request) asks for retries, so that being out of them is told (URX).
  bool asked_for() const { return on_ != 0; }

  enum class Verdict : uint8_t { kNo, kYes, kLimit };
  // An attempt ended before its response began. kAttemptTimeout counts as a reset by this side.
  Verdict OnError(const StreamError& error);
  // A response began.
  Verdict OnResponse(const Headers& response);
  // No more, for a reason of the exchange's.
  void GiveUp() { left_ = 0; }

  // How many attempts were made again.
  uint32_t count() const { return count_; }
  // How long to wait before the attempt that was last decided on: 0 without a policy, else random
  // below the base interval doubled each time (Envoy's jittered exponential back-off).
  Nanos Backoff(Random& random) const;

 private:
  Verdict Decide(bool wanted);

  const RetryPolicy* const policy_;
  uint32_t on_ = 0;  // of RetryOn
  uint32_t left_ = 0;
  uint32_t count_ = 0;
  std::string_view retriable_codes_;  // x-envoy-retriable-status-codes; in the request's arena
};

}  // namespace outrigger::proxy
