#include "control/assembly/publisher.h"

#include <utility>

namespace outrigger::control {

using scheduler::MutexLock;

uint64_t Publisher::Subscribe(Subscriber subscriber) {
  MutexLock lock(mutex_);
  if (snapshot_) {
    subscriber.on_snapshot(snapshot_);
    for (const auto& [cluster, hosts] : hosts_) subscriber.on_hosts({cluster, hosts});
  }
  subscribers_.emplace(next_id_, std::move(subscriber));
  return next_id_++;
}

void Publisher::Unsubscribe(uint64_t id) {
  MutexLock lock(mutex_);
  subscribers_.erase(id);
}

void Publisher::Publish(std::shared_ptr<const proxy::Snapshot> snapshot) {
  MutexLock lock(mutex_);
  const std::shared_ptr<const proxy::Snapshot> old = std::exchange(snapshot_, std::move(snapshot));
  stats_.OnSnapshot(old.get(), *snapshot_);
  for (const auto& [id, subscriber] : subscribers_) subscriber.on_snapshot(snapshot_);
  for (auto it = hosts_.begin(); it != hosts_.end();) {
    const auto& [name, hosts] = *it;
    const proxy::Cluster* cluster = FindCluster(name);
    if (!cluster || cluster->type == proxy::Cluster::Type::kStatic) {
      it = hosts_.erase(it);
      continue;
    }
    // A changed cluster starts anew in the workers. Until DNS has answered for it, the hosts that
    // served so far still do.
    if (cluster != old->clusters.at(name).get()) {
      for (const auto& [id, subscriber] : subscribers_) subscriber.on_hosts({name, hosts});
    }
    ++it;
  }
}

void Publisher::PublishHosts(HostUpdate update) {
  MutexLock lock(mutex_);
  const proxy::Cluster* cluster = FindCluster(update.cluster);
  // It became one of fixed hosts while its name was resolved.
  if (!cluster || cluster->type == proxy::Cluster::Type::kStatic) return;
  // A logical host that moves is still the same member.
  const auto before = hosts_.find(update.cluster);
  const bool moved = cluster->type == proxy::Cluster::Type::kLogicalDns && before != hosts_.end() &&
                     !before->second->hosts.empty();
  if (!moved) stats_.OnHosts(*cluster, *update.hosts);
  hosts_[update.cluster] = update.hosts;
  for (const auto& [id, subscriber] : subscribers_) subscriber.on_hosts(update);
}

void Publisher::RefreshStats() {
  MutexLock lock(mutex_);
  if (snapshot_) stats_.SetBreakers(*snapshot_);
}

std::shared_ptr<const proxy::Snapshot> Publisher::snapshot() const {
  MutexLock lock(mutex_);
  return snapshot_;
}

std::shared_ptr<const proxy::HostSet> Publisher::HostsOf(const std::string& cluster) const {
  MutexLock lock(mutex_);
  if (const auto it = hosts_.find(cluster); it != hosts_.end()) return it->second;
  const proxy::Cluster* found = FindCluster(cluster);
  return found ? found->hosts : nullptr;
}

const proxy::Cluster* Publisher::FindCluster(const std::string& name) const {
  if (!snapshot_) return nullptr;
  const auto it = snapshot_->clusters.find(name);
  return it == snapshot_->clusters.end() ? nullptr : it->second.get();
}

}  // namespace outrigger::control
