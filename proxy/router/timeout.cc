#include "proxy/router/timeout.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "proxy/grpc/status.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

using scheduler::kMillisecond;

// Of a header that says milliseconds; empty: not a number, or more than there is time.
std::optional<Nanos> Milliseconds(std::string_view text) {
  uint64_t ms = 0;
  if (!absl::SimpleAtoi(scheduler::ToAbsl(text), &ms)) return std::nullopt;
  constexpr uint64_t kMost = static_cast<uint64_t>(scheduler::kNever / kMillisecond) / 2;
  return static_cast<Nanos>(std::min(ms, kMost)) * kMillisecond;
}

std::optional<Nanos> GrpcTimeout(const Headers& request) {
  const Header* header = request.Find(HeaderName::kGrpcTimeout);
  return header ? grpc::ParseTimeout(header->value) : std::nullopt;
}

// As Envoy writes it: in milliseconds while they fit.
void SetGrpcTimeout(Headers& request, Nanos timeout) {
  const Nanos ms = timeout / kMillisecond;
  request.Set(HeaderName::kGrpcTimeout,
              ms <= 99'999'999 ? scheduler::Concat(ms, "m") : grpc::FormatTimeout(timeout));
}

// The older max_grpc_timeout: the caller's grpc-timeout, less an offset, up to a maximum.
Nanos CappedGrpcTimeout(const ClusterRoute& action, const Headers& request) {
  Nanos timeout = GrpcTimeout(request).value_or(0);
  const Nanos offset = action.max_grpc_timeout_offset.value_or(0);
  // An offset that leaves nothing would mean no limit.
  if (offset < timeout) timeout -= offset;
  const Nanos most = *action.max_grpc_timeout;
  return most > 0 && (timeout == 0 || timeout > most) ? most : timeout;
}

}  // namespace

RequestTimeouts TakeTimeouts(const ClusterRoute& action, Headers& request, bool grpc) {
  RequestTimeouts timeouts;
  const bool by_grpc = grpc && action.max_grpc_timeout && !action.new_timeouts;
  if (by_grpc) {
    timeouts.response = CappedGrpcTimeout(action, request);
  } else if (!action.new_timeouts) {
    timeouts.response = action.timeout;
  }
  if (action.retry_policy) {
    timeouts.per_try = action.retry_policy->per_try_timeout;
    timeouts.per_try_idle = action.retry_policy->per_try_idle_timeout;
  }
  if (const Header* header = request.Find(HeaderName::kXEnvoyUpstreamRqTimeoutMs)) {
    timeouts.response = Milliseconds(header->value).value_or(timeouts.response);
    request.Remove(HeaderName::kXEnvoyUpstreamRqTimeoutMs);
  }
  if (const Header* header = request.Find(HeaderName::kXEnvoyUpstreamRqPerTryTimeoutMs)) {
    timeouts.per_try = Milliseconds(header->value).value_or(timeouts.per_try);
    request.Remove(HeaderName::kXEnvoyUpstreamRqPerTryTimeoutMs);
  }
  if (timeouts.response > 0 && timeouts.per_try >= timeouts.response) timeouts.per_try = 0;
  const Nanos expected = timeouts.per_try > 0 ? timeouts.per_try : timeouts.response;
  if (expected > 0) {
    request.Set(HeaderName::kXEnvoyExpectedRqTimeoutMs,
                scheduler::ToStd(absl::AlphaNum(expected / kMillisecond).Piece()));
    if (by_grpc) SetGrpcTimeout(request, expected);
  }
  return timeouts;
}

std::optional<Nanos> StreamDuration(const ClusterRoute& action, Headers& request, Nanos listener) {
  const std::optional<Nanos> asked = action.grpc_timeout_max ? GrpcTimeout(request) : std::nullopt;
  if (!asked) {
    const Nanos duration = action.max_stream_duration.value_or(listener);
    if (duration <= 0) return std::nullopt;
    if (action.grpc_timeout_max) SetGrpcTimeout(request, duration);
    return duration;
  }
  const Nanos most = *action.grpc_timeout_max;
  const Nanos capped = most > 0 ? std::min(*asked, most) : *asked;
  const Nanos duration = std::max<Nanos>(0, capped - action.grpc_timeout_offset.value_or(0));
  SetGrpcTimeout(request, duration);
  return duration;
}

}  // namespace outrigger::proxy
