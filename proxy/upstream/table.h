// table.h: a worker's view of all clusters: by name, with the hosts of the moment, whose turn it is
// and the connection pools. What the snapshot says is shared; what happens to it is the worker's
// own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/cluster/round_robin.h"
#include "proxy/snapshot/snapshot.h"
#include "proxy/upstream/pool.h"

namespace outrigger::proxy {

// Runs on: worker. Owner: UpstreamTable. Thread-safety: confined.
class UpstreamCluster {
 public:
  UpstreamCluster(std::shared_ptr<const Cluster> cluster, UpstreamServices services, uint32_t seed);
  ~UpstreamCluster();

  const Cluster& cluster() const { return *cluster_; }
  void SetCluster(std::shared_ptr<const Cluster> cluster);
  // Hosts that are in both sets keep their connections; those that left finish and close.
  void SetHosts(std::shared_ptr<const HostSet> hosts);
  // The pool of the host whose turn it is; null if there is no host.
  std::shared_ptr<HostPool> Pick();
  size_t host_count() const { return pools_.size(); }

 private:
  std::shared_ptr<const Cluster> cluster_;
  const UpstreamServices services_;
  RoundRobin turn_;
  std::vector<std::shared_ptr<HostPool>> pools_;  // in the host set's order
};

// Runs on: worker. Owner: Shard. Thread-safety: confined.
class UpstreamTable {
 public:
  explicit UpstreamTable(UpstreamServices services, uint32_t seed)
      : services_(services), seed_(seed) {}

  // Takes over a snapshot's clusters: new ones appear, changed ones are updated, missing ones go.
  void Apply(const Snapshot& snapshot);
  void SetHosts(std::string_view cluster, std::shared_ptr<const HostSet> hosts);
  UpstreamCluster* Find(std::string_view name);

 private:
  const UpstreamServices services_;
  const uint32_t seed_;
  std::map<std::string, std::unique_ptr<UpstreamCluster>, std::less<>> clusters_;
};

}  // namespace outrigger::proxy
