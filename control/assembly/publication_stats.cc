#include "control/assembly/publication_stats.h"

#include <algorithm>
#include <map>
#include <string>

namespace outrigger::control {

PublicationStats::PublicationStats(proxy::StatRegistry& registry)
    : registry_(registry),
      clusters_(proxy::ClusterTableStats::Make(registry)),
      listeners_(proxy::ListenerTableStats::Make(registry)) {}

void PublicationStats::OnSnapshot(const proxy::Snapshot* old, const proxy::Snapshot& now) {
  const proxy::Snapshot none;
  CountClusters(old ? *old : none, now);
  CountListeners(old ? *old : none, now);
}

void PublicationStats::SetBreakers(const proxy::Snapshot& now) {
  for (const auto& [name, cluster] : now.clusters) {
    SetBreaker(*cluster, /*high_priority=*/false);
    SetBreaker(*cluster, /*high_priority=*/true);
  }
}

void PublicationStats::SetBreaker(const proxy::Cluster& cluster, bool high_priority) {
  using proxy::Resource;
  const proxy::PermitCells& cells =
      high_priority ? cluster.breaker_cells->of_high : cluster.breaker_cells->of_default;
  if (cells.stocks.visited()) {
    const auto open = [&cells](Resource resource) {
      const uint64_t in_use = cells.InUse(resource);
      return in_use > 0 && in_use >= cells.limit(resource) ? 1 : 0;
    };
    const proxy::CircuitBreakerStats& stats =
        high_priority ? cluster.stats.high_circuit_breakers : cluster.stats.circuit_breakers;
    registry_.Set(stats.cx_open, open(Resource::kConnections));
    registry_.Set(stats.rq_pending_open, open(Resource::kPendingRequests));
    registry_.Set(stats.rq_open, open(Resource::kRequests));
    registry_.Set(stats.rq_retry_open, open(Resource::kRetries));
  }
  const auto& limits = high_priority ? cluster.high_circuit_breakers : cluster.circuit_breakers;
  if (!limits.track_remaining) return;
  const auto remaining = [&cells](Resource resource) {
    const auto left =
        static_cast<int64_t>(cells.limit(resource)) - static_cast<int64_t>(cells.InUse(resource));
    return std::max<int64_t>(left, 0);
  };
  const auto stats = proxy::BreakerRemainingStats::Make(registry_, cluster.name, high_priority);
  registry_.Set(stats.remaining_cx, remaining(Resource::kConnections));
  registry_.Set(stats.remaining_pending, remaining(Resource::kPendingRequests));
  registry_.Set(stats.remaining_rq, remaining(Resource::kRequests));
  registry_.Set(stats.remaining_retries, remaining(Resource::kRetries));
}

void PublicationStats::OnHosts(const proxy::Cluster& cluster, const proxy::HostSet& hosts) {
  const auto count = [&hosts](proxy::Host::Health health) {
    return std::count_if(hosts.hosts.begin(), hosts.hosts.end(),
                         [health](const auto& host) { return host->health == health; });
  };
  registry_.Inc(cluster.stats.membership_change);
  registry_.Set(cluster.stats.membership_total, static_cast<int64_t>(hosts.hosts.size()));
  registry_.Set(cluster.stats.membership_healthy, count(proxy::Host::Health::kHealthy));
  registry_.Set(cluster.stats.membership_degraded, count(proxy::Host::Health::kDegraded));
  registry_.Set(cluster.stats.membership_excluded, count(proxy::Host::Health::kDraining));
}

void PublicationStats::CountClusters(const proxy::Snapshot& old, const proxy::Snapshot& now) {
  for (const auto& [name, cluster] : now.clusters) {
    const auto before = old.clusters.find(name);
    if (before != old.clusters.end() && before->second == cluster) continue;
    registry_.Inc(before == old.clusters.end() ? clusters_.cluster_added
                                               : clusters_.cluster_modified);
    if (cluster->hosts) OnHosts(*cluster, *cluster->hosts);
  }
  for (const auto& [name, cluster] : old.clusters) {
    if (now.clusters.contains(name)) continue;
    registry_.Inc(clusters_.cluster_removed);
    OnHosts(*cluster, {});
  }
  registry_.Set(clusters_.active_clusters, static_cast<int64_t>(now.clusters.size()));
}

void PublicationStats::CountListeners(const proxy::Snapshot& old, const proxy::Snapshot& now) {
  std::map<std::string, const proxy::Listener*> before;
  for (const auto& listener : old.listeners) before[listener->name] = listener.get();
  for (const auto& listener : now.listeners) {
    const auto it = before.find(listener->name);
    if (it == before.end()) {
      registry_.Inc(listeners_.listener_added);
      continue;
    }
    if (it->second != listener.get()) registry_.Inc(listeners_.listener_modified);
    before.erase(it);
  }
  registry_.Add(listeners_.listener_removed, before.size());
  registry_.Set(listeners_.total_listeners_active, static_cast<int64_t>(now.listeners.size()));
}

}  // namespace outrigger::control
