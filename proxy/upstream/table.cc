#include "proxy/upstream/table.h"

#include <unordered_map>
#include <utility>

#include "proxy/cluster/lb/host_set.h"

namespace outrigger::proxy {
namespace {

// What makes a host of two sets the same one. A LOGICAL_DNS cluster has one, wherever it is now.
std::string_view IdentityOf(const Cluster& cluster, const Host& host) {
  return cluster.type == Cluster::Type::kLogicalDns ? std::string_view() : host.address.text;
}

}  // namespace

UpstreamCluster::UpstreamCluster(std::shared_ptr<const Cluster> cluster,
                                 std::shared_ptr<const HostSet> hosts, UpstreamServices services,
                                 uint32_t seed)
    : name_(cluster->name), services_(services), seed_(seed), hosts_(std::move(hosts)) {
  SetCluster(std::move(cluster));
}

UpstreamCluster::~UpstreamCluster() {
  for (auto& pool : pools_) pool->Retire();
}

void UpstreamCluster::SetCluster(std::shared_ptr<const Cluster> cluster) {
  if (view_ && cluster == view_->cluster_ptr()) return;
  view_ = MakeLocal<ClusterView>(std::move(cluster), services_.p.id(), services_.p.pool().procs());
  balancer_ = LoadBalancer::Make(view_->cluster().lb, seed_);
  if (view_->cluster().hosts) hosts_ = view_->cluster().hosts;
  SetHosts(hosts_ ? hosts_ : MakeHostSet({}, view_->cluster().lb));
}

void UpstreamCluster::SetHosts(std::shared_ptr<const HostSet> hosts) {
  const Cluster& cluster = view_->cluster();
  std::unordered_multimap<std::string_view, LocalRef<HostPool>> before;
  for (auto& pool : pools_) before.emplace(IdentityOf(cluster, pool->host()), std::move(pool));
  pools_.clear();
  LoadBalancer::Counters counters;
  for (const auto& host : hosts->hosts) {
    const auto same = before.find(IdentityOf(cluster, *host));
    if (same == before.end()) {
      pools_.push_back(MakeLocal<HostPool>(view_, host, services_));
    } else {
      pools_.push_back(std::move(same->second));
      before.erase(same);
      pools_.back()->Set(view_, host);
    }
    counters.push_back(&pools_.back()->counters());
  }
  for (auto& [identity, pool] : before) pool->Retire();
  hosts_ = hosts;
  balancer_->SetHosts(std::move(hosts), std::move(counters));
}

LocalRef<HostPool> UpstreamCluster::Pick(const PickCriteria& context) {
  if (hosts_->panic) services_.stats.Inc(view_->cluster().stats.lb_healthy_panic);
  const std::optional<uint32_t> host = balancer_->Pick(context);
  return host ? pools_[*host] : LocalRef<HostPool>();
}

void UpstreamTable::Apply(std::shared_ptr<const Snapshot> snapshot) {
  // Kept until the changed clusters have let go of its parts.
  const std::shared_ptr<const Snapshot> before = std::exchange(snapshot_, std::move(snapshot));
  const auto& clusters = snapshot_->clusters;
  for (auto it = found_hosts_.begin(); it != found_hosts_.end();) {
    const auto cluster = clusters.find(it->first);
    const auto here = it++;
    if (cluster == clusters.end() || cluster->second->hosts) found_hosts_.erase(here);
  }
  for (auto it = used_.begin(); it != used_.end();) {
    const auto cluster = clusters.find(it->first);
    const auto here = it++;
    if (cluster != clusters.end()) {
      here->second->SetCluster(cluster->second);
    } else {
      // The name it is found by is its own.
      const std::unique_ptr<UpstreamCluster> gone = std::move(here->second);
      used_.erase(here);
    }
  }
}

void UpstreamTable::SetHosts(const std::string& cluster, std::shared_ptr<const HostSet> hosts) {
  found_hosts_[cluster] = hosts;
  const auto used = used_.find(cluster);
  if (used != used_.end()) used->second->SetHosts(std::move(hosts));
}

UpstreamCluster* UpstreamTable::Create(std::string_view name) {
  if (!snapshot_) return nullptr;
  const auto cluster = snapshot_->clusters.find(name);
  if (cluster == snapshot_->clusters.end()) return nullptr;
  std::shared_ptr<const HostSet> hosts = cluster->second->hosts;
  if (!hosts) {
    const auto found = found_hosts_.find(name);
    if (found != found_hosts_.end()) hosts = found->second;
  }
  auto made =
      std::make_unique<UpstreamCluster>(cluster->second, std::move(hosts), services_, seed_);
  const std::string_view key = made->name();
  return used_.emplace(key, std::move(made)).first->second.get();
}

}  // namespace outrigger::proxy
