// publisher.h: the configuration that holds now, and who wants to hear of the next one.
// In the flow: Builder and ClusterDns -> Publish...() -> subscribers, which post it to the workers.
// It builds nothing and knows no worker.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/assembly/publication_stats.h"
#include "proxy/snapshot/snapshot.h"
#include "scheduler/base/mutex.h"

namespace outrigger::control {

// The hosts of one cluster were replaced. Holds until the next one, or until the cluster goes.
struct HostUpdate {
  std::string cluster;
  std::shared_ptr<const proxy::HostSet> hosts;
};

// Called one at a time, in the order of publication, with the publisher's lock held: only queue
// (Pool::Post), never call back. A cluster's HostUpdate comes after the snapshot that has the
// cluster, and again after each snapshot that changed it.
struct Subscriber {
  std::function<void(std::shared_ptr<const proxy::Snapshot>)> on_snapshot;
  std::function<void(const HostUpdate&)> on_hosts;
};

// Runs on: any; cold. Owner: the process; outlives what its subscribers capture.
// Thread-safety: guarded by mutex_.
class Publisher {
 public:
  explicit Publisher(proxy::StatRegistry& stats) : stats_(stats) {}

  // Tells the new one the present state at once. Returns the id for Unsubscribe().
  uint64_t Subscribe(Subscriber subscriber);
  void Unsubscribe(uint64_t id);

  void Publish(std::shared_ptr<const proxy::Snapshot> snapshot);
  // Dropped if the snapshot has no such cluster, or one of fixed hosts: it went meanwhile.
  void PublishHosts(HostUpdate update);

  // Sets the gauges of what is counted elsewhere; for StatRegistry::BeforeReading().
  void RefreshStats();
  // Null before the first Publish().
  std::shared_ptr<const proxy::Snapshot> snapshot() const;
  // Of any cluster: the last update, else the snapshot's own; null if there is none yet.
  std::shared_ptr<const proxy::HostSet> HostsOf(const std::string& cluster) const;

 private:
  const proxy::Cluster* FindCluster(const std::string& name) const OUTRIGGER_REQUIRES(mutex_);

  mutable scheduler::Mutex mutex_;
  PublicationStats stats_ OUTRIGGER_GUARDED_BY(mutex_);
  uint64_t next_id_ OUTRIGGER_GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, Subscriber> subscribers_ OUTRIGGER_GUARDED_BY(mutex_);
  std::shared_ptr<const proxy::Snapshot> snapshot_ OUTRIGGER_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<const proxy::HostSet>> hosts_ OUTRIGGER_GUARDED_BY(mutex_);
};

}  // namespace outrigger::control
