// stream_error.h: why a stream ended early, as a value of three bytes. The one table that maps each
// code to its response flag, status and body is proxy/connection/local_reply.
#pragma once

#include <cstdint>

namespace outrigger::proxy {

enum class ErrorCode : uint8_t {
  kNone,
  kReset,             // RST_STREAM from the peer (cancel and unnamed codes)
  kRefused,           // REFUSED_STREAM, or beyond the last stream id of a GOAWAY: not processed
  kConnectionClosed,  // the connection went away under the stream
  kConnectFailure,
  kConnectTimeout,
  kProtocol,            // the peer broke HTTP
  kOverflow,            // a limit of ours: pending requests, connections, streams
  kTimeout,             // a deadline of ours
  kAttemptTimeout,      // per_try_timeout
  kAttemptIdleTimeout,  // per_try_idle_timeout
  kIdleTimeout,
  kRequestTimeout,       // the request did not come in whole in time
  kMaxDuration,          // of the stream, by listener or route
  kUpstreamMaxDuration,  // likewise, by cluster
  kHeadersTooLarge,
  kNoRoute,
  kNoCluster,
  kNoHealthyHost,
  kDrain,  // this process is going away
};

enum class Side : uint8_t { kDownstream, kUpstream, kLocal };

struct StreamError {
  ErrorCode code = ErrorCode::kNone;
  Side side = Side::kLocal;
  bool retry = false;  // the peer certainly did not process the request
  explicit operator bool() const { return code != ErrorCode::kNone; }
};

}  // namespace outrigger::proxy
