// route.h: config.route.v3 as the data plane reads it: which request goes where, and what becomes
// of it on the way. Plain and validated; the matching is proxy/router's. Durations are nanoseconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/snapshot/http_options.h"

namespace outrigger::proxy {

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

}  // namespace outrigger::proxy
