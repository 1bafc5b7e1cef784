// The limits of an exchange's time: when each begins and ends, and what passing one counts as.
// Which has passed is for deadlines.h to say.
#include <utility>

#include "proxy/connection/exchange.h"
#include "proxy/router/timeout.h"

namespace outrigger::proxy {

void Exchange::RequestComplete(scheduler::Nanos when) {
  if (timeouts_.per_try > 0) deadlines_.attempt = shard_.Now() + timeouts_.per_try;
  deadlines_.attempt_idle_limit = timeouts_.per_try_idle;
  if (request_complete_ == 0) {
    request_complete_ = when;
    deadlines_.request = scheduler::kNever;
    // Envoy starts the route's clock when the whole request has come in.
    if (timeouts_.response > 0) deadlines_.route = when + timeouts_.response;
  }
  ArmTimer();
}

void Exchange::StartTimers(const ClusterRoute* action) {
  // Once: it takes the client's limits out of the request.
  if (std::exchange(timers_started_, true)) return ArmTimer();
  deadlines_.idle_limit = options_.stream_idle_timeout;
  if (action) {
    deadlines_.idle_limit = action->idle_timeout.value_or(deadlines_.idle_limit);
    const std::optional<Nanos> duration =
        StreamDuration(*action, down_.headers, options_.max_stream_duration);
    if (duration) deadlines_.duration = start_ + *duration;
  } else if (options_.max_stream_duration > 0) {
    deadlines_.duration = start_ + options_.max_stream_duration;
  }
  if (!down_.end_received && options_.request_timeout > 0) {
    deadlines_.request = start_ + options_.request_timeout;
  }
  ArmTimer();
}

void Exchange::StopUpstreamTimers() {
  deadlines_.route = deadlines_.attempt = deadlines_.upstream_duration = scheduler::kNever;
  deadlines_.attempt_idle_limit = 0;
}

// Lazy: a timer that fires early is set anew, which is rare; one that fires late would be wrong.
void Exchange::ArmTimer() {
  const scheduler::Nanos next = deadlines_.Next();
  if (next >= armed_) return;
  armed_ = next;
  shard_.p.netpoll().AddTimer(timer_, next);
}

void Exchange::StartRoute(const ClusterRoute& action) {
  timeouts_ = TakeTimeouts(action, down_.headers, grpc_);
  retry_.emplace(action.retry_policy.get(), down_.headers);
  if (down_.end_received && timeouts_.response > 0) {
    deadlines_.route = routed_ + timeouts_.response;
  }
  StartTimers(&action);
}

void Exchange::OnTimer() {
  armed_ = scheduler::kNever;
  timeout_ = deadlines_.Due(shard_.Now());
  if (shard_.Now() >= deadlines_.backoff) {
    deadlines_.backoff = scheduler::kNever;
    event_.Set();
  }
  if (!timed_out()) return ArmTimer();
  CountTimeout();
  event_.Set();
}

void Exchange::CountTimeout() {
  StatSlab& stats = shard_.stats;
  switch (timeout_) {
    case ErrorCode::kTimeout:
      if (pool_) stats.Inc(cluster().stats.upstream_rq_timeout);
      break;
    case ErrorCode::kAttemptTimeout:
      if (pool_) stats.Inc(cluster().stats.upstream_rq_per_try_timeout);
      break;
    case ErrorCode::kAttemptIdleTimeout:
      if (pool_) stats.Inc(cluster().stats.upstream_rq_per_try_idle_timeout);
      break;
    case ErrorCode::kUpstreamMaxDuration:
      if (pool_) stats.Inc(cluster().stats.upstream_rq_max_duration_reached);
      break;
    case ErrorCode::kIdleTimeout:
      stats.Inc(options_.stats.downstream_rq_idle_timeout);
      break;
    case ErrorCode::kRequestTimeout:
      stats.Inc(options_.stats.downstream_rq_timeout);
      break;
    case ErrorCode::kMaxDuration:
      stats.Inc(options_.stats.downstream_rq_max_duration_reached);
      break;
    default:
      break;
  }
}

}  // namespace outrigger::proxy
