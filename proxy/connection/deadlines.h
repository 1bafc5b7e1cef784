// deadlines.h: every limit of time of one exchange, so that one timer serves them all. Says which
// one has passed; what then becomes of the exchange is exchange.h's.
#pragma once

#include <algorithm>

#include "proxy/codec/http/stream_error.h"
#include "scheduler/timer/timer_heap.h"

namespace outrigger::proxy {

// Value. Moments on the worker's clock; kNever where nothing limits.
struct Deadlines {
  using Nanos = scheduler::Nanos;

  Nanos request = scheduler::kNever;            // request_timeout: the whole request is in
  Nanos duration = scheduler::kNever;           // max_stream_duration of listener or route
  Nanos route = scheduler::kNever;              // the route's timeout
  Nanos attempt = scheduler::kNever;            // per_try_timeout
  Nanos upstream_duration = scheduler::kNever;  // max_stream_duration of the cluster
  Nanos backoff = scheduler::kNever;            // the next attempt is due; never itself a failure
  Nanos idle_limit = 0;                         // stream_idle_timeout; 0: none
  Nanos attempt_idle_limit = 0;                 // per_try_idle_timeout; 0: none
  Nanos progress = 0;                           // when bytes last moved

  Nanos idle() const { return idle_limit > 0 ? progress + idle_limit : scheduler::kNever; }
  Nanos attempt_idle() const {
    return attempt_idle_limit > 0 ? progress + attempt_idle_limit : scheduler::kNever;
  }
  Nanos Next() const {
    return std::min(
        {request, duration, route, attempt, upstream_duration, backoff, idle(), attempt_idle()});
  }
  // kNone: none has passed.
  ErrorCode Due(Nanos now) const {
    if (now < Next()) return ErrorCode::kNone;
    if (now >= duration) return ErrorCode::kMaxDuration;
    if (now >= route) return ErrorCode::kTimeout;
    if (now >= attempt) return ErrorCode::kAttemptTimeout;
    if (now >= attempt_idle()) return ErrorCode::kAttemptIdleTimeout;
    if (now >= upstream_duration) return ErrorCode::kUpstreamMaxDuration;
    if (now >= request) return ErrorCode::kRequestTimeout;
    return now >= idle() ? ErrorCode::kIdleTimeout : ErrorCode::kNone;
  }
};

}  // namespace outrigger::proxy
