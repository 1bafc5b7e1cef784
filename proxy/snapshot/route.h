// route.h: config.route.v3 as the data plane reads it: which request goes where, and what becomes
// of it on the way. Plain and validated; the matching is proxy/router's. Durations are nanoseconds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proxy/snapshot/filters.h"
#include "proxy/snapshot/hash_policy.h"
#include "proxy/snapshot/header_mutation.h"
#include "proxy/snapshot/http_options.h"
#include "proxy/snapshot/matcher.h"
#include "proxy/snapshot/retry_policy.h"

namespace outrigger::proxy {

class PathIndex;

struct DirectResponse {
  uint32_t status = 200;
  std::string body;
};

struct Redirect {
  uint32_t status = 301;
  std::string scheme;  // scheme_redirect, https_redirect; empty: keep, as the next ones
  std::string host;
  std::optional<uint32_t> port;
  std::string path;            // path_redirect
  std::string prefix_rewrite;  // replaces what was matched
  std::shared_ptr<const RegexRewrite> regex_rewrite;
  bool strip_query = false;
};

// One of several clusters, taken with the probability of its weight in their sum.
struct WeightedCluster {
  std::string cluster;  // empty: cluster_header
  HeaderKey cluster_header;
  uint32_t weight = 0;
  std::string host_rewrite_literal;                // empty: none
  std::shared_ptr<const HeaderMutations> request;  // null: none
  std::shared_ptr<const HeaderMutations> response;
  std::shared_ptr<const FilterOverrides> filters;  // its route's and its own; null: none
};

struct WeightedClusters {
  std::vector<WeightedCluster> clusters;
  uint64_t total = 0;       // the sum of the weights
  HeaderKey random_header;  // header_name: the request brings the random number; empty: none
};

// route.v3.RouteAction. The cluster is one of `cluster`, `cluster_header` and `weighted`.
struct ClusterRoute {
  std::string cluster;
  HeaderKey cluster_header;
  std::shared_ptr<const WeightedClusters> weighted;
  uint32_t cluster_not_found_status = 503;
  bool high_priority = false;

  std::string prefix_rewrite;  // empty: none, as the next ones
  std::shared_ptr<const RegexRewrite> regex_rewrite;
  std::string host_rewrite_literal;
  HeaderKey host_rewrite_header;
  std::shared_ptr<const RegexRewrite> host_rewrite_path_regex;
  bool auto_host_rewrite = false;  // to the host name of the endpoint picked
  bool append_x_forwarded_host = false;

  Nanos timeout = 15 * kSecond;
  std::optional<Nanos> idle_timeout;  // overrides the connection manager's stream idle timeout
  std::optional<Nanos> max_stream_duration;  // likewise
  bool new_timeouts = false;  // max_stream_duration is there: it takes the place of `timeout`
  std::optional<Nanos> grpc_timeout_max;         // grpc_timeout_header_max; 0: as the header says
  std::optional<Nanos> grpc_timeout_offset;      // grpc_timeout_header_offset
  std::optional<Nanos> max_grpc_timeout;         // the older form of the former
  std::optional<Nanos> max_grpc_timeout_offset;  // and of the latter: grpc_timeout_offset

  std::shared_ptr<const RetryPolicy> retry_policy;  // its own, or the virtual host's; null: none
  std::vector<HashPolicy> hash_policies;
};

// What a match asks for beyond the path.
struct RouteConditions {
  std::vector<HeaderMatcher> headers;
  std::vector<QueryMatcher> query_parameters;
  bool grpc = false;
  std::optional<Fraction> runtime_fraction;
};

struct Route {
  enum class Match : uint8_t { kPrefix, kPath, kPathSeparatedPrefix, kRegex };
  std::string name;
  Match match = Match::kPrefix;
  bool case_sensitive = true;
  std::string path;  // what is matched, save kRegex
  Regex regex;
  std::shared_ptr<const RouteConditions> conditions;  // null: none
  std::variant<ClusterRoute, DirectResponse, Redirect> action;
  // The table's, the virtual host's and its own.
  MutationList request_mutations;
  MutationList response_mutations;
  // per_request_buffer_limit_bytes, its own or the virtual host's: what may be kept for a retry.
  uint32_t request_buffer_limit = UINT32_MAX;
  std::shared_ptr<const FilterOverrides> filters;  // typed_per_filter_config of all levels, or null
};

struct VirtualHost {
  std::string name;
  std::vector<Route> routes;
  std::shared_ptr<const PathIndex> index;  // over `routes`; null where a look at each is as good
  bool include_request_attempt_count = false;
  bool include_attempt_count_in_response = false;
  bool include_is_timeout_retry_header = false;
};

// Virtual hosts by the part of a name that a wildcard leaves, all of one length.
struct WildcardHosts {
  size_t length = 0;
  absl::flat_hash_map<std::string, uint32_t> hosts;
};

// Virtual host by Host header (config.route.v3.VirtualHost.domains): exact, then the longest suffix
// ("*.x"), the longest prefix ("x.*"), then "*".
struct RouteConfig {
  std::string name;
  std::vector<VirtualHost> virtual_hosts;
  // Indices into virtual_hosts, built once by the control pool. Keys in lower case.
  absl::flat_hash_map<std::string, uint32_t> exact;
  std::vector<WildcardHosts> suffix;  // key without "*": ".x"; longest first
  std::vector<WildcardHosts> prefix;  // key without "*": "x."; longest first
  std::optional<uint32_t> any;
  bool ignore_port_in_host_matching = false;
  bool ignore_path_parameters = false;  // ignore_path_parameters_in_path_matching
  bool validate_clusters = true;        // a route to an unknown cluster: an error, else a 503 NC
  std::vector<HeaderKey> internal_only_headers;  // not believed from outside
};

}  // namespace outrigger::proxy
