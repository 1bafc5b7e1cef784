// listener.h: a listener and its HTTP connection manager as the data plane reads them.
// Durations are nanoseconds; 0 disables.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/access_log/config.h"
#include "proxy/snapshot/address.h"
#include "proxy/snapshot/cidr.h"
#include "proxy/snapshot/filters.h"
#include "proxy/snapshot/http_options.h"
#include "proxy/snapshot/route.h"
#include "proxy/stats/scopes.h"

namespace outrigger::proxy {

class TlsConfig;

// http_connection_manager.v3.HttpConnectionManager
struct HttpListenerOptions {
  enum class CodecType : uint8_t { kAuto, kHttp1, kHttp2 };
  enum class ServerHeader : uint8_t { kOverwrite, kAppendIfAbsent, kPassThrough };
  enum class ForwardClientCert : uint8_t {
    kSanitize,
    kForwardOnly,
    kAppendForward,
    kSanitizeSet,
    kAlwaysForwardOnly,
  };
  struct ClientCertDetails {
    bool cert = false;
    bool chain = false;
    bool subject = false;
    bool uri = false;
    bool dns = false;
  };
  std::string stat_prefix;
  CodecType codec = CodecType::kAuto;
  std::string server_name = "envoy";
  ServerHeader server_header = ServerHeader::kOverwrite;
  std::string via;
  ForwardClientCert forward_client_cert = ForwardClientCert::kSanitize;
  ClientCertDetails client_cert_details;  // set_current_client_cert_details
  bool use_remote_address = false;
  uint32_t xff_num_trusted_hops = 0;
  bool skip_xff_append = false;
  bool append_x_forwarded_port = false;
  std::vector<CidrRange> internal_ranges;  // internal_address_config.cidr_ranges
  bool internal_unix_sockets = false;
  bool generate_request_id = true;
  bool preserve_external_request_id = false;
  bool always_set_request_id_in_response = false;
  bool proxy_100_continue = false;
  bool strip_matching_host_port = false;
  bool strip_any_host_port = false;
  bool strip_trailing_host_dot = false;
  HeaderLimits request_headers;
  Http2Options http2;
  Nanos idle_timeout = 3600 * kSecond;
  Nanos max_connection_duration = 0;
  uint32_t max_requests_per_connection = 0;
  Nanos stream_idle_timeout = 300 * kSecond;
  Nanos max_stream_duration = 0;  // common_http_protocol_options
  Nanos request_timeout = 0;
  Nanos request_headers_timeout = 0;
  Nanos drain_timeout = 5 * kSecond;
  std::vector<AccessLogConfig> access_logs;
  std::shared_ptr<const RouteConfig> routes;
  FilterChain filters;
  HttpStats stats;  // handles, resolved when the listener was built
};

struct Listener {
  enum class Direction : uint8_t { kUnspecified, kInbound, kOutbound };
  std::string name;
  Address address;
  std::vector<Address> additional_addresses;
  Direction direction = Direction::kUnspecified;  // traffic_direction
  bool reuse_port = true;
  uint32_t tcp_backlog_size = 4096;
  uint32_t per_connection_buffer_limit_bytes = 1024 * 1024;
  uint64_t max_connections = 0;  // 0: no limit
  std::string stat_prefix;       // the address, unless it says otherwise
  // The filter chain's transport_socket; null: plain TCP.
  std::shared_ptr<const TlsConfig> tls;
  Nanos handshake_timeout = 15 * kSecond;  // transport_socket_connect_timeout
  HttpListenerOptions http;
  ListenerStats stats;
};

}  // namespace outrigger::proxy
