#include "proxy/router/retry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "proxy/router/matcher.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

constexpr std::pair<std::string_view, uint32_t> kWords[] = {
    {"5xx", RetryOn::k5xx},
    {"gateway-error", RetryOn::kGatewayError},
    {"connect-failure", RetryOn::kConnectFailure},
    {"refused-stream", RetryOn::kRefusedStream},
    {"retriable-4xx", RetryOn::kRetriable4xx},
    {"retriable-status-codes", RetryOn::kRetriableStatusCodes},
    {"retriable-headers", RetryOn::kRetriableHeaders},
    {"reset", RetryOn::kReset},
    {"reset-before-request", RetryOn::kResetBeforeRequest},
    {"envoy-ratelimited", RetryOn::kEnvoyRateLimited},
    {"http3-post-connect-failure", RetryOn::kHttp3PostConnectFailure},
    {"cancelled", RetryOn::kCancelled},
    {"deadline-exceeded", RetryOn::kDeadlineExceeded},
    {"internal", RetryOn::kInternal},
    {"resource-exhausted", RetryOn::kResourceExhausted},
    {"unavailable", RetryOn::kUnavailable},
};

constexpr std::string_view kRetryOn = "x-envoy-retry-on";
constexpr std::string_view kRetryGrpcOn = "x-envoy-retry-grpc-on";
constexpr std::string_view kMaxRetries = "x-envoy-max-retries";
constexpr std::string_view kRetriableCodes = "x-envoy-retriable-status-codes";
constexpr std::string_view kRetriableHeaderNames = "x-envoy-retriable-header-names";
constexpr std::string_view kRateLimited = "x-envoy-ratelimited";

// The number in a field; `none` if it is not one.
uint32_t NumberIn(std::string_view text, uint32_t none) {
  uint32_t number = none;
  return absl::SimpleAtoi(scheduler::ToAbsl(text), &number) ? number : none;
}

// By the numbers of gRPC's status codes.
uint32_t BitOfGrpcStatus(uint32_t status) {
  switch (status) {
    case 1:
      return RetryOn::kCancelled;
    case 4:
      return RetryOn::kDeadlineExceeded;
    case 8:
      return RetryOn::kResourceExhausted;
    case 13:
      return RetryOn::kInternal;
    case 14:
      return RetryOn::kUnavailable;
    default:
      return 0;
  }
}

bool ListHas(std::string_view list, uint32_t number) {
  for (absl::string_view word : absl::StrSplit(scheduler::ToAbsl(list), ',')) {
    uint32_t listed = 0;
    if (absl::SimpleAtoi(word, &listed) && listed == number) return true;
  }
  return false;
}

}  // namespace

uint32_t ParseRetryOn(std::string_view words) {
  uint32_t bits = 0;
  for (absl::string_view word : absl::StrSplit(scheduler::ToAbsl(words), ',')) {
    for (const auto& [name, bit] : kWords) {
      if (scheduler::ToStd(absl::StripAsciiWhitespace(word)) == name) bits |= bit;
    }
  }
  return bits;
}

Retry::Retry(const RetryPolicy* policy, Headers& request) : policy_(policy) {
  if (policy_) {
    on_ = policy_->retry_on;
    left_ = policy_->num_retries;
    const auto& wanted = policy_->retriable_request_headers;
    const bool matches =
        std::any_of(wanted.begin(), wanted.end(),
                    [&](const HeaderMatcher& matcher) { return Matches(matcher, request); });
    if (!wanted.empty() && !matches) on_ = 0;
  }
  // Callers that may not ask for these have lost them on the way in (PrepareRequest).
  const Header* const some = std::find_if(request.begin(), request.end(), [](const Header& header) {
    return header.id == HeaderName::kOther && header.name.starts_with("x-envoy-");
  });
  if (some != request.end()) {
    if (const Header* words = request.Find(kRetryOn)) on_ |= ParseRetryOn(words->value);
    if (const Header* words = request.Find(kRetryGrpcOn)) on_ |= ParseRetryOn(words->value);
    if (!policy_ && on_ != 0) left_ = 1;
    const Header* most = request.Find(kMaxRetries);
    if (most && on_ != 0) left_ = NumberIn(most->value, left_);
    if (const Header* codes = request.Find(kRetriableCodes)) retriable_codes_ = codes->value;
    for (std::string_view name :
         {kRetryOn, kRetryGrpcOn, kMaxRetries, kRetriableCodes, kRetriableHeaderNames}) {
      request.Remove(name);
    }
  }
  if (on_ == 0) left_ = 1;  // for what was not processed
}

Retry::Verdict Retry::Decide(bool wanted) {
  if (!wanted) return Verdict::kNo;
  if (left_ == 0) return asked_for() ? Verdict::kLimit : Verdict::kNo;
  --left_;
  ++count_;
  return Verdict::kYes;
}

Retry::Verdict Retry::OnError(const StreamError& error) {
  if (on_ == 0) {
    return Decide(error.retry && (error.code == ErrorCode::kRefused ||
                                  error.code == ErrorCode::kConnectionClosed));
  }
  uint32_t causes = RetryOn::kReset | RetryOn::k5xx | RetryOn::kGatewayError;
  switch (error.code) {
    case ErrorCode::kOverflow:  // by a limit of ours: more of it would not help
    case ErrorCode::kNoHealthyHost:
    case ErrorCode::kUpstreamMaxDuration:
      return Verdict::kNo;
    case ErrorCode::kRefused:
      causes |= RetryOn::kRefusedStream;
      break;
    case ErrorCode::kConnectFailure:
    case ErrorCode::kConnectTimeout:
      causes |= RetryOn::kConnectFailure | RetryOn::kResetBeforeRequest;
      break;
    default:
      break;
  }
  return Decide(on_ & causes);
}

Retry::Verdict Retry::OnResponse(const Headers& response) {
  if (on_ == 0) return Verdict::kNo;
  if (response.Find(kRateLimited)) return Decide(on_ & RetryOn::kEnvoyRateLimited);
  const uint32_t status = NumberIn(response.Get(HeaderName::kStatus), 0);
  uint32_t causes = 0;
  if (status >= 500 && status <= 599) causes |= RetryOn::k5xx;
  if (status >= 502 && status <= 504) causes |= RetryOn::kGatewayError;
  if (status == 409) causes |= RetryOn::kRetriable4xx;
  if (const Header* grpc = response.Find(HeaderName::kGrpcStatus)) {
    causes |= BitOfGrpcStatus(NumberIn(grpc->value, 0));
  }
  if (on_ & causes) return Decide(true);
  if (on_ & RetryOn::kRetriableStatusCodes) {
    if (ListHas(retriable_codes_, status)) return Decide(true);
    if (policy_ && std::count(policy_->retriable_status_codes.begin(),
                              policy_->retriable_status_codes.end(), status) > 0) {
      return Decide(true);
    }
  }
  if (!policy_ || !(on_ & RetryOn::kRetriableHeaders)) return Verdict::kNo;
  return Decide(
      std::any_of(policy_->retriable_headers.begin(), policy_->retriable_headers.end(),
                  [&](const HeaderMatcher& matcher) { return Matches(matcher, response); }));
}

Nanos Retry::Backoff(Random& random) const {
  if (on_ == 0) return 0;
  static const RetryPolicy kDefault;
  const RetryPolicy& policy = policy_ ? *policy_ : kDefault;
  Nanos most = policy.base_interval;
  for (uint32_t i = 1; i < count_ && most < policy.max_interval; ++i) most *= 2;
  most = std::min(most, policy.max_interval);
  return most <= 0 ? 0 : static_cast<Nanos>(random.Next() % static_cast<uint64_t>(most));
}

}  // namespace outrigger::proxy
