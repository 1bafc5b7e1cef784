// cluster_dns.h: keeps the hosts of STRICT_DNS and LOGICAL_DNS clusters as DNS has them.
// In the flow: a published snapshot -> Update() -> one coroutine a name asks the Resolver again and
// again -> a changed HostSet goes to the Publisher.
// A look-up that fails leaves the hosts as they are; an answer without addresses takes those of a
// STRICT_DNS cluster away, as Envoy does. A LOGICAL_DNS cluster has one host: the first address.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/assembly/publisher.h"
#include "control/dns/resolver.h"
#include "proxy/worker/random.h"
#include "scheduler/base/mutex.h"

namespace outrigger::control {

// Runs on: Gs of `pool` (stealing); public calls any. Owner: the process; destroyed after the pool
// stopped, before resolver, publisher and stats. Thread-safety: guarded by mutex_.
class ClusterDns {
 public:
  ClusterDns(scheduler::Pool& pool, Resolver& resolver, Publisher& publisher,
             proxy::StatRegistry& stats);
  ClusterDns(const ClusterDns&) = delete;
  ClusterDns& operator=(const ClusterDns&) = delete;

  // Resolves the DNS clusters of `snapshot` from now on, and no others; those that it shares
  // with the snapshot before go on undisturbed. Call it after Publisher::Publish(snapshot).
  void Update(const proxy::Snapshot& snapshot);

  // Calls `done` once: when each cluster that readiness waits for has tried all its names, or after
  // `bound` nanoseconds. On the caller's thread or on the pool; never if the pool stops first.
  // One waits at a time.
  void WhenInitialised(scheduler::Nanos bound, std::function<void()> done);

 private:
  // One DNS name of a cluster.
  struct Name {
    std::vector<proxy::Address> addresses;  // of the last good answer
    bool tried = false;
    uint32_t failures = 0;  // since the last good answer
    scheduler::JoinHandle g;
  };
  // One cluster that is being resolved.
  struct Watch {
    std::shared_ptr<const proxy::Cluster> cluster;
    std::vector<Name> names;                      // as cluster->dns_names
    size_t untried = 0;                           // names without a first result
    std::shared_ptr<const proxy::HostSet> hosts;  // as published last
    bool inherited = false;                       // `hosts` are of the cluster's former version
    bool retired = false;
  };

  static scheduler::Task<> Refresh(ClusterDns& self, std::shared_ptr<Watch> watch, size_t index);
  static scheduler::Task<> Expire(ClusterDns& self, scheduler::Nanos bound);

  // Takes in one result. Returns how long to wait before the next look-up.
  scheduler::Nanos Apply(Watch& watch, size_t index, const absl::StatusOr<DnsAnswer>& answer);
  void PublishIfChanged(Watch& watch) OUTRIGGER_REQUIRES(mutex_);
  std::shared_ptr<Watch> Start(std::shared_ptr<const proxy::Cluster> cluster, const Watch* before)
      OUTRIGGER_REQUIRES(mutex_);
  static void Retire(Watch& watch);
  bool Initialised() const OUTRIGGER_REQUIRES(mutex_);
  void Notify();

  scheduler::Pool& pool_;
  Resolver& resolver_;
  Publisher& publisher_;
  proxy::StatRegistry& stats_;

  scheduler::Mutex mutex_;
  proxy::Random random_ OUTRIGGER_GUARDED_BY(mutex_){0};
  std::map<std::string, std::shared_ptr<Watch>> watches_ OUTRIGGER_GUARDED_BY(mutex_);
  std::function<void()> when_initialised_ OUTRIGGER_GUARDED_BY(mutex_);
  scheduler::JoinHandle expire_ OUTRIGGER_GUARDED_BY(mutex_);
};

}  // namespace outrigger::control
