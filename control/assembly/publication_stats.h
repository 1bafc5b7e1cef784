// publication_stats.h: what a publication changed, as Envoy counts it: cluster_manager.*,
// listener_manager.*, and each cluster's membership_*.
// In the flow: Publisher tells it of each snapshot and host set, under its own lock.
#pragma once

#include "proxy/snapshot/snapshot.h"

namespace outrigger::control {

// Runs on: any; cold. Owner: Publisher. Thread-safety: confined to the publisher's lock.
class PublicationStats {
 public:
  explicit PublicationStats(proxy::StatRegistry& registry);
  PublicationStats(const PublicationStats&) = delete;
  PublicationStats& operator=(const PublicationStats&) = delete;

  // `old` is null the first time.
  void OnSnapshot(const proxy::Snapshot* old, const proxy::Snapshot& now);
  // What the circuit breakers have given out at this moment.
  void SetBreakers(const proxy::Snapshot& now);
  void OnHosts(const proxy::Cluster& cluster, const proxy::HostSet& hosts);

 private:
  void SetBreaker(const proxy::Cluster& cluster, bool high_priority);
  void CountClusters(const proxy::Snapshot& old, const proxy::Snapshot& now);
  void CountListeners(const proxy::Snapshot& old, const proxy::Snapshot& now);

  proxy::StatRegistry& registry_;
  const proxy::ClusterTableStats clusters_;
  const proxy::ListenerTableStats listeners_;
};

}  // namespace outrigger::control
