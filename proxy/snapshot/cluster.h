// cluster.h: an upstream cluster and its hosts as the data plane reads them: config.cluster.v3.
// Durations are nanoseconds; 0 disables.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/snapshot/address.h"
#include "proxy/snapshot/http_options.h"
#include "proxy/snapshot/shared_cells.h"
#include "proxy/stats/scopes.h"

namespace outrigger::proxy {

class TlsConfig;

// One upstream host. Its place in memory is its identity: unchanged hosts keep their connections.
struct Host {
  // kDraining: as if it were not there, but in a panic.
  enum class Health : uint8_t { kHealthy, kDegraded, kUnhealthy, kDraining };
  Address address;
  std::string hostname;  // the name it was resolved from, if any
  uint32_t weight = 1;
  Health health = Health::kHealthy;
  std::string hash_key = {};  // metadata's envoy.lb hash_key; empty: none
  mutable PerWorker<HostCounters> counters = {};
};

// lb_policy and its settings, or the first known entry of load_balancing_policy.
struct LbOptions {
  enum class Policy : uint8_t { kRoundRobin, kLeastRequest, kRandom, kRingHash, kMaglev };
  enum class HashFunction : uint8_t { kXxHash, kMurmurHash2 };
  Policy policy = Policy::kRoundRobin;
  HashFunction hash_function = HashFunction::kXxHash;
  bool use_hostname_for_hashing = false;
  uint32_t healthy_panic_percent = 50;
  uint32_t choice_count = 2;         // kLeastRequest
  double active_request_bias = 1.0;  // kLeastRequest
  uint64_t min_ring_size = 1024;     // kRingHash
  uint64_t max_ring_size = 8 << 20;  // kRingHash
  uint64_t table_size = 65537;       // kMaglev; a prime
  bool operator==(const LbOptions& other) const = default;
  // The choice goes by the request's hash.
  bool hashes() const { return policy == Policy::kRingHash || policy == Policy::kMaglev; }
};

// A place on the ring of RING_HASH, and whose it is.
struct RingPoint {
  uint64_t hash;
  uint32_t host;
};

// The hosts of a cluster at one moment. Replaced as a whole (DNS, later EDS and health).
// proxy/cluster/lb/host_set.h makes it.
struct HostSet {
  std::vector<std::shared_ptr<const Host>> hosts;
  // Who gets requests, as indices into `hosts`: the healthy ones, or all in a panic; and what share
  // of the requests. The degraded ones get the rest.
  std::vector<uint32_t> preferred;
  std::vector<uint32_t> degraded;
  uint32_t preferred_percent = 100;
  bool panic = false;           // too few are healthy for health to count (healthy_panic_threshold)
  std::vector<RingPoint> ring;  // RING_HASH: by hash
  std::vector<uint32_t> maglev;  // MAGLEV: index by hash
};

// config.cluster.v3.CircuitBreakers.Thresholds
struct CircuitBreakers {
  uint32_t max_connections = 1024;
  uint32_t max_pending_requests = 1024;
  uint32_t max_requests = 1024;
  uint32_t max_retries = 3;
  bool track_remaining = false;
  // In the order of Resource.
  ResourceLimits limits() const {
    return {max_connections, max_pending_requests, max_requests, max_retries};
  }
};

// The circuit breakers' permits, of default and of high priority.
struct BreakerCells {
  PermitCells of_default;
  PermitCells of_high;
};

struct DnsName {
  std::string name;
  std::string hostname;  // endpoint.hostname; the name if that is empty
  uint32_t port = 0;
  uint32_t weight = 1;
  Host::Health health = Host::Health::kHealthy;
  std::string hash_key = {};
};

struct Cluster {
  enum class Type : uint8_t { kStatic, kStrictDns, kLogicalDns };
  enum class DnsFamily : uint8_t { kAuto, kV4Only, kV6Only, kV4Preferred, kAll };
  std::string name;
  Type type = Type::kStatic;
  Nanos connect_timeout = 5 * kSecond;
  std::shared_ptr<const TlsConfig> tls;  // transport_socket; null: plain TCP
  bool http2 = false;           // explicit_http_config.http2_protocol_options; else HTTP/1.1
  bool as_downstream = false;   // use_downstream_protocol_config: by the request's own version
  bool http1_trailers = false;  // http_protocol_options.enable_trailers
  Http2Options http2_options;
  HeaderLimits response_headers;
  Nanos idle_timeout = 3600 * kSecond;
  Nanos max_stream_duration = 0;  // common_http_protocol_options
  uint32_t max_requests_per_connection = 0;
  LbOptions lb;
  CircuitBreakers circuit_breakers;
  CircuitBreakers high_circuit_breakers;  // of requests of high priority
  // Goes on from a version of the cluster to the next, with the new one's limits.
  std::shared_ptr<BreakerCells> breaker_cells = std::make_shared<BreakerCells>();
  uint32_t per_connection_buffer_limit_bytes = 1024 * 1024;
  std::shared_ptr<const HostSet> hosts;  // kStatic: all; else null until resolved
  std::vector<DnsName> dns_names;        // kStrictDns; kLogicalDns: one
  DnsFamily dns_family = DnsFamily::kAuto;
  Nanos dns_refresh = 5 * kSecond;
  Nanos dns_jitter = 0;  // up to so much is added to each pause
  bool respect_dns_ttl = false;
  Nanos dns_failure_refresh = 0;      // dns_failure_refresh_rate.base_interval; 0: dns_refresh
  Nanos dns_failure_refresh_max = 0;  // what it doubles up to
  bool wait_for_warm = true;          // wait_for_warm_on_init: readiness waits for the first answer
  ClusterStats stats;

  // What a request goes by that came by HTTP/2, or did not.
  bool UsesHttp2(bool came_by_http2) const { return as_downstream ? came_by_http2 : http2; }
  // This version's limits hold from now on.
  void TakeOverBreakers() const {
    breaker_cells->of_default.SetLimits(circuit_breakers.limits());
    breaker_cells->of_high.SetLimits(high_circuit_breakers.limits());
  }
};

}  // namespace outrigger::proxy
