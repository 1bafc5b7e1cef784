// cluster.h: an upstream cluster and its hosts as the data plane reads them: config.cluster.v3.
// Durations are nanoseconds; 0 disables.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/snapshot/address.h"
#include "proxy/snapshot/http_options.h"
#include "proxy/stats/scopes.h"

namespace outrigger::proxy {

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
  Nanos max_stream_duration = 0;  // common_http_protocol_options
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

}  // namespace outrigger::proxy
