// echo.h: the built-in upstream's StreamHandler: answers a request with its own body and trailers.
// For demos, tests and benches.
#pragma once

#include "proxy/connection/connection_manager.h"

namespace outrigger::proxy {

// 200 with the request's body, content type and trailers; what was received is told in headers
// "x-echo-method", "x-echo-path" and "x-echo-header-<name>" for each further request header.
// Query parameters of the path change the answer (each optional, for tests):
//   status=N, body_bytes=N (instead of the echo), plain=1 (tells nothing), delay_ms=N (up to 60 s),
//   reset=1, trailer=TEXT.
// A gRPC request is answered as a gRPC server would: its messages come back, grpc-status 0.
scheduler::Task<> Echo(ConnectionManager& connection, Stream& stream);

}  // namespace outrigger::proxy
