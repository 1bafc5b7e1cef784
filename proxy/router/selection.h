// selection.h: what a route table makes of a request, in one look: virtual host, route, cluster.
// Flow: connection -> [here] -> rewrite.h or redirect.h -> cluster. Pure; nothing is changed.
#pragma once

#include <string_view>

#include "proxy/router/route_table.h"

namespace outrigger::proxy {

// Points into the table and, for cluster_header, into the request's arena.
struct Selection {
  const VirtualHost* host = nullptr;
  const Route* route = nullptr;               // null: there is none
  const ClusterRoute* action = nullptr;       // null: the route answers by itself
  const WeightedCluster* weighted = nullptr;  // null: there is but one
  std::string_view cluster;                   // perhaps the name of none
};

Selection Select(const RouteConfig& routes, const Headers& request, const RequestTraits& traits);

}  // namespace outrigger::proxy
