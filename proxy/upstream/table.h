// table.h: a worker's view of all clusters: by name, with the hosts of the moment, whose turn it is
// and the connection pools. What the snapshot says is shared; what happens to it is the worker's
// own, and made when the first request asks for it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster/lb/load_balancer.h"
#include "proxy/snapshot/name_map.h"
#include "proxy/snapshot/snapshot.h"
#include "proxy/upstream/pool.h"

namespace outrigger::proxy {

// Runs on: worker. Owner: UpstreamTable. Thread-safety: confined.
class UpstreamCluster {
 public:
  // `hosts`: null if they are not known yet.
  UpstreamCluster(std::shared_ptr<const Cluster> cluster, std::shared_ptr<const HostSet> hosts,
                  UpstreamServices services, uint32_t seed);
  ~UpstreamCluster();

  const std::string& name() const { return name_; }
  const LocalRef<ClusterView>& view() const { return view_; }
  void SetCluster(std::shared_ptr<const Cluster> cluster);
  // Hosts that are in both sets keep their connections; those that left finish and close.
  void SetHosts(std::shared_ptr<const HostSet> hosts);
  // The pool of the host that the load balancer chooses; null if there is none.
  LocalRef<HostPool> Pick(const PickCriteria& context);

 private:
  const std::string name_;
  const UpstreamServices services_;
  const uint32_t seed_;
  LocalRef<ClusterView> view_;
  std::unique_ptr<LoadBalancer> balancer_;
  std::shared_ptr<const HostSet> hosts_;
  std::vector<LocalRef<HostPool>> pools_;  // in the host set's order
};

// Runs on: worker. Owner: Shard. Thread-safety: confined.
class UpstreamTable {
 public:
  UpstreamTable(UpstreamServices services, uint32_t seed) : services_(services), seed_(seed) {}

  // Takes over a snapshot's clusters: changed ones are updated, missing ones go. Costs what is in
  // use here, not what exists.
  void Apply(std::shared_ptr<const Snapshot> snapshot);
  void SetHosts(const std::string& cluster, std::shared_ptr<const HostSet> hosts);
  // Null: there is no such cluster. The pointer is good until the worker's next turn.
  UpstreamCluster* Find(std::string_view name) {
    const auto found = used_.find(name);
    return found != used_.end() ? found->second.get() : Create(name);
  }

 private:
  UpstreamCluster* Create(std::string_view name);

  const UpstreamServices services_;
  const uint32_t seed_;
  std::shared_ptr<const Snapshot> snapshot_;
  NameMap<std::unique_ptr<UpstreamCluster>> used_;  // by their own name
  // Of clusters whose hosts are found at run time: also those that nobody used yet.
  OwnedNameMap<std::shared_ptr<const HostSet>> found_hosts_;
};

}  // namespace outrigger::proxy
