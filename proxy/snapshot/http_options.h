// http_options.h: what both sides of HTTP are set to: config.core.v3's protocol options and header
// limits. Durations are nanoseconds; 0 disables.
#pragma once

#include <cstdint>

#include "scheduler/timer/timer_heap.h"

namespace outrigger::proxy {

using scheduler::kSecond;
using scheduler::Nanos;

// config.core.v3.Http2ProtocolOptions
struct Http2Options {
  uint32_t max_concurrent_streams = 1024;
  uint32_t initial_stream_window_size = 64 * 1024;
  uint32_t initial_connection_window_size = 1024 * 1024;
  uint32_t hpack_table_size = 4096;
  uint32_t max_outbound_frames = 10000;
  uint32_t max_outbound_control_frames = 1000;
  uint32_t max_consecutive_inbound_frames_with_empty_payload = 1;
  uint32_t max_inbound_priority_frames_per_stream = 100;
  uint32_t max_inbound_window_update_frames_per_data_frame_sent = 10;
  // override_stream_error_on_invalid_http_message: false ends the connection (Envoy's default; ours
  // is that a bad request costs its own stream, docs/decisions/0012).
  bool stream_error_on_invalid_http_message = true;
  Nanos keepalive_interval = 0;  // connection_keepalive.interval
  Nanos keepalive_timeout = 0;
  double keepalive_jitter = 0.15;     // share of the interval; interval_jitter
  Nanos keepalive_idle_interval = 0;  // connection_idle_interval
};

struct HeaderLimits {
  uint32_t max_bytes =
      60 * 1024;             // max_request_headers_kb: name + value + 32 a field (RFC 9113 6.5.2)
  uint32_t max_count = 100;  // common_http_protocol_options.max_headers_count
};

}  // namespace outrigger::proxy
