// timeout.h: how long a request and its attempts may take, by its route and by what its own headers
// ask for; and what the upstream is told of that. Flow: selection -> [here] -> the exchange's
// timers. Pure; durations are nanoseconds, 0 is none.
#pragma once

#include <optional>

#include "proxy/codec/http/headers.h"
#include "proxy/snapshot/route.h"

namespace outrigger::proxy {

struct RequestTimeouts {
  Nanos response = 0;  // from the request's end to the response's
  Nanos per_try = 0;   // of one attempt, if less than the former
  Nanos per_try_idle = 0;
};

// Takes out of `request` the headers that override the route (x-envoy-upstream-rq-timeout-ms,
// x-envoy-upstream-rq-per-try-timeout-ms; from outside they do not come this far) and puts in what
// the upstream is to know: x-envoy-expected-rq-timeout-ms, and grpc-timeout under max_grpc_timeout.
RequestTimeouts TakeTimeouts(const ClusterRoute& action, Headers& request, bool grpc);

// How long the stream may last, from its begin: max_stream_duration or, with
// grpc_timeout_header_max, grpc-timeout, which then tells the upstream what came of it. 0 ends it
// at once; empty: no limit. `listener`: the connection manager's max_stream_duration, 0 if none.
std::optional<Nanos> StreamDuration(const ClusterRoute& action, Headers& request, Nanos listener);

}  // namespace outrigger::proxy
