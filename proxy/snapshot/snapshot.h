// snapshot.h: the whole configuration as the data plane reads it: plain, validated, immutable
// structs, built on the control pool and shared by all workers. No proto, no mutex, no thread here.
// Field comments name the xDS field when the name differs. Durations are nanoseconds; 0 disables.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/access_log/config.h"
#include "proxy/snapshot/address.h"
#include "proxy/stats/scopes.h"
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
  Nanos keepalive_interval = 0;  // connection_keepalive.interval
  Nanos keepalive_timeout = 0;
};

struct HeaderLimits {
  uint32_t max_bytes =
      60 * 1024;             // max_request_headers_kb: name + value + 32 a field (RFC 9113 6.5.2)
  uint32_t max_count = 100;  // common_http_protocol_options.max_headers_count
};

struct DirectResponse {
  uint32_t status = 200;
  std::string body;
};

struct Redirect {
  uint32_t status = 301;
  bool https = false;
  std::string host;  // empty: keep
  std::optional<uint32_t> port;
  std::string path;            // path_redirect; empty: keep
  std::string prefix_rewrite;  // replaces the matched prefix
  bool strip_query = false;
};

struct ClusterRoute {
  std::string cluster;
  Nanos timeout = 15 * kSecond;
  std::optional<Nanos> idle_timeout;  // overrides the connection manager's stream idle timeout
  std::string prefix_rewrite;         // empty: none
  std::string host_rewrite_literal;   // empty: none
  uint32_t cluster_not_found_status = 503;
};

struct Route {
  enum class Match : uint8_t { kPrefix, kPath };
  std::string name;
  Match match = Match::kPrefix;
  std::string path;  // what is matched
  bool case_sensitive = true;
  std::variant<ClusterRoute, DirectResponse, Redirect> action;
};

struct VirtualHost {
  std::string name;
  std::vector<std::string> domains;  // as configured
  std::vector<Route> routes;
};

// Virtual host by Host header: exact, then the longest suffix ("*.x"), the longest prefix ("x.*"),
// then "*" (config.route.v3.VirtualHost.domains).
struct RouteConfig {
  std::string name;
  std::vector<VirtualHost> virtual_hosts;
  // Indices into virtual_hosts, built once by the control pool. Keys in lower case.
  std::map<std::string, uint32_t, std::less<>> exact;
  std::map<std::string, uint32_t, std::less<>> suffix;  // key without "*": ".x"
  std::map<std::string, uint32_t, std::less<>> prefix;  // key without "*": "x."
  std::optional<uint32_t> any;
  bool ignore_port_in_host_matching = false;
  bool validate_clusters = true;  // a route to an unknown cluster: an error, else a 503 NC
};

// http_connection_manager.v3.HttpConnectionManager
struct HttpListenerOptions {
  enum class CodecType : uint8_t { kAuto, kHttp1, kHttp2 };
  enum class ServerHeader : uint8_t { kOverwrite, kAppendIfAbsent, kPassThrough };
  std::string stat_prefix;
  CodecType codec = CodecType::kAuto;
  std::string server_name = "envoy";
  ServerHeader server_header = ServerHeader::kOverwrite;
  std::string via;
  bool use_remote_address = false;
  uint32_t xff_num_trusted_hops = 0;
  bool skip_xff_append = false;
  bool generate_request_id = true;
  bool preserve_external_request_id = false;
  HeaderLimits request_headers;
  Http2Options http2;
  Nanos idle_timeout = 3600 * kSecond;
  Nanos max_connection_duration = 0;
  Nanos stream_idle_timeout = 300 * kSecond;
  Nanos request_timeout = 0;
  Nanos request_headers_timeout = 0;
  Nanos drain_timeout = 5 * kSecond;
  std::vector<AccessLogConfig> access_logs;
  std::shared_ptr<const RouteConfig> routes;
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
  HttpListenerOptions http;
  ListenerStats stats;
};

// One upstream host. Its place in memory is its identity: unchanged hosts keep their connections.
struct Host {
  Address address;
  std::string hostname;  // the name it was resolved from, if any
  uint32_t weight = 1;
};

// The hosts of a cluster at one moment. Replaced as a whole (DNS, later EDS and health).
struct HostSet {
  std::vector<std::shared_ptr<const Host>> hosts;
};

// config.cluster.v3.CircuitBreakers.Thresholds, default priority
struct CircuitBreakers {
  uint32_t max_connections = 1024;
  uint32_t max_pending_requests = 1024;
  uint32_t max_requests = 1024;
  uint32_t max_retries = 3;
};

struct DnsName {
  std::string name;
  std::string hostname;  // endpoint.hostname; the name if that is empty
  uint32_t port = 0;
  uint32_t weight = 1;
};

struct Cluster {
  enum class Type : uint8_t { kStatic, kStrictDns };
  enum class DnsFamily : uint8_t { kAuto, kV4Only, kV6Only, kV4Preferred, kAll };
  std::string name;
  Type type = Type::kStatic;
  Nanos connect_timeout = 5 * kSecond;
  bool http2 = false;  // explicit_http_config.http2_protocol_options
  Http2Options http2_options;
  HeaderLimits response_headers;
  Nanos idle_timeout = 3600 * kSecond;
  uint32_t max_requests_per_connection = 0;
  CircuitBreakers circuit_breakers;
  uint32_t per_connection_buffer_limit_bytes = 1024 * 1024;
  std::shared_ptr<const HostSet> hosts;  // kStatic: all; kStrictDns: null until resolved
  std::vector<DnsName> dns_names;        // kStrictDns
  DnsFamily dns_family = DnsFamily::kAuto;
  Nanos dns_refresh = 5 * kSecond;
  bool respect_dns_ttl = false;
  Nanos dns_failure_refresh = 0;      // dns_failure_refresh_rate.base_interval; 0: dns_refresh
  Nanos dns_failure_refresh_max = 0;  // what it doubles up to
  bool wait_for_warm = true;          // wait_for_warm_on_init: readiness waits for the first answer
  ClusterStats stats;
};

// Owner: shared by the publisher and every worker that still uses it. Thread-safety: immutable.
struct Snapshot {
  uint64_t version = 0;
  std::vector<std::shared_ptr<const Listener>> listeners;
  std::map<std::string, std::shared_ptr<const Cluster>, std::less<>> clusters;
};

}  // namespace outrigger::proxy
