#include "proxy/upstream/table.h"

#include <algorithm>

namespace outrigger::proxy {

UpstreamCluster::UpstreamCluster(std::shared_ptr<const Cluster> cluster, UpstreamServices services,
                                 uint32_t seed)
    : cluster_(std::move(cluster)), services_(services), turn_(seed) {
  if (cluster_->hosts) SetHosts(cluster_->hosts);
}

UpstreamCluster::~UpstreamCluster() {
  for (auto& pool : pools_) pool->Retire();
}

void UpstreamCluster::SetCluster(std::shared_ptr<const Cluster> cluster) {
  if (cluster == cluster_) return;
  cluster_ = std::move(cluster);
  for (auto& pool : pools_) pool->SetCluster(cluster_);
  if (cluster_->hosts) SetHosts(cluster_->hosts);
}

void UpstreamCluster::SetHosts(std::shared_ptr<const HostSet> hosts) {
  std::vector<std::shared_ptr<HostPool>> next;
  for (const auto& host : hosts->hosts) {
    auto kept = std::find_if(pools_.begin(), pools_.end(), [&](const auto& pool) {
      return pool && pool->host_ptr()->address == host->address;
    });
    if (kept != pools_.end()) {
      next.push_back(std::move(*kept));
    } else {
      next.push_back(std::make_shared<HostPool>(cluster_, host, services_));
    }
  }
  std::swap(pools_, next);
  turn_.SetHosts(hosts->hosts);
  for (auto& gone : next) {
    if (gone) gone->Retire();
  }
}

std::shared_ptr<HostPool> UpstreamCluster::Pick() {
  return pools_.empty() ? nullptr : pools_[turn_.Pick()];
}

void UpstreamTable::Apply(const Snapshot& snapshot) {
  std::erase_if(clusters_,
                [&](const auto& entry) { return !snapshot.clusters.contains(entry.first); });
  for (const auto& [name, cluster] : snapshot.clusters) {
    auto& entry = clusters_[name];
    if (entry) {
      entry->SetCluster(cluster);
    } else {
      entry = std::make_unique<UpstreamCluster>(cluster, services_, seed_);
    }
  }
}

void UpstreamTable::SetHosts(std::string_view cluster, std::shared_ptr<const HostSet> hosts) {
  if (UpstreamCluster* found = Find(cluster)) found->SetHosts(std::move(hosts));
}

UpstreamCluster* UpstreamTable::Find(std::string_view name) {
  const auto found = clusters_.find(name);
  return found == clusters_.end() ? nullptr : found->second.get();
}

}  // namespace outrigger::proxy
