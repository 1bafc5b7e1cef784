// record.h: what an access log may say about one finished exchange. The connection manager fills it
// when a stream ends; formats read it at once. Views only: nothing here outlives the stream.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/headers.h"
#include "proxy/codec/http/response_flag.h"

namespace outrigger::proxy {

struct TlsPeer;

// Nanoseconds since the exchange's start; kUnset where it never came to that.
struct AccessTimes {
  static constexpr int64_t kUnset = -1;
  int64_t request_received = kUnset;   // the request's last byte came in
  int64_t request_sent = kUnset;       // its last byte went upstream
  int64_t response_first = kUnset;     // the upstream's first byte came in
  int64_t response_received = kUnset;  // the upstream's last byte came in
  int64_t end = kUnset;                // the response's last byte went out, or the stream broke
};

// Empty text, 0 and null mean: there is none (shown as "-", or as Envoy shows it).
struct AccessRecord {
  const Headers* request = nullptr;
  const Headers* response = nullptr;
  const Headers* response_trailers = nullptr;

  int64_t start_ns = 0;  // wall clock, nanoseconds since 1970
  AccessTimes times;

  int protocol = 0;           // 10, 11, 20
  int upstream_protocol = 0;  // likewise
  int response_code = 0;
  ResponseFlags flags;
  std::string_view response_code_details;  // "via_upstream"
  std::string_view connection_termination_details;
  std::string_view upstream_transport_failure_reason;

  uint64_t bytes_received = 0;  // request body
  uint64_t bytes_sent = 0;      // response body
  uint64_t connection_id = 0;
  uint64_t stream_id = 0;
  uint64_t upstream_connection_id = 0;
  uint32_t upstream_request_attempts = 0;

  // "10.0.0.1:80", "[::1]:80" or a path, as Address::text.
  std::string_view downstream_local;
  std::string_view downstream_remote;         // from x-forwarded-for where it is trusted
  std::string_view downstream_direct_remote;  // the peer of the socket
  std::string_view upstream_local;
  std::string_view upstream_host;

  std::string_view upstream_cluster;
  std::string_view route_name;
  std::string_view virtual_host;
  std::string_view requested_server_name;  // TLS SNI
  const TlsPeer* tls = nullptr;            // of the downstream connection
};

}  // namespace outrigger::proxy
