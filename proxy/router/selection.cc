#include "proxy/router/selection.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "proxy/router/matcher.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

std::string_view NamedBy(const HeaderKey& key, const Headers& request) {
  const Header* header = Find(request, key);
  return header ? header->value : std::string_view();
}

// The number that the request brings. Two of them say nothing: it has to be the same number
// throughout a mesh.
std::optional<uint64_t> RandomOf(const HeaderKey& key, const Headers& request) {
  const Header* first = Find(request, key);
  if (!first) return std::nullopt;
  const bool more = std::any_of(first + 1, request.end(),
                                [&key](const Header& header) { return Is(header, key); });
  uint64_t number = 0;
  if (more || !absl::SimpleAtoi(scheduler::ToAbsl(first->value), &number)) return std::nullopt;
  return number;
}

const WeightedCluster& Pick(const WeightedClusters& weighted, const Headers& request,
                            uint64_t random) {
  if (!weighted.random_header.empty()) {
    random = RandomOf(weighted.random_header, request).value_or(random);
  }
  uint64_t rest = random % weighted.total;
  for (const WeightedCluster& cluster : weighted.clusters) {
    if (rest < cluster.weight) return cluster;
    rest -= cluster.weight;
  }
  return weighted.clusters.back();  // not reached: the weights sum up to the total
}

}  // namespace

Selection Select(const RouteConfig& routes, const Headers& request, const RequestTraits& traits) {
  Selection selection;
  selection.host = FindVirtualHost(routes, request.Get(HeaderName::kAuthority));
  if (!selection.host) return selection;
  selection.route = FindRoute(routes, *selection.host, request, traits);
  if (!selection.route) return selection;
  selection.action = std::get_if<ClusterRoute>(&selection.route->action);
  if (!selection.action) return selection;
  const ClusterRoute& action = *selection.action;
  if (action.weighted) {
    const WeightedCluster& picked = Pick(*action.weighted, request, traits.random);
    selection.weighted = &picked;
    selection.cluster =
        picked.cluster.empty() ? NamedBy(picked.cluster_header, request) : picked.cluster;
  } else {
    selection.cluster =
        action.cluster.empty() ? NamedBy(action.cluster_header, request) : action.cluster;
  }
  return selection;
}

}  // namespace outrigger::proxy
