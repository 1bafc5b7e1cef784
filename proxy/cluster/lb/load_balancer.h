// load_balancer.h: which host a request goes to, by the cluster's policy, exactly as Envoy chooses.
// In the flow: router -> UpstreamCluster::Pick() -> [here] -> pool. It sees hosts by their index in
// the HostSet; it opens nothing and waits for nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "proxy/snapshot/cluster.h"
#include "proxy/worker/random.h"

namespace outrigger::proxy {

// What a choice may go by. Value; lives for one Pick().
struct PickCriteria {
  Random& random;
  std::optional<uint64_t> hash = std::nullopt;  // of the route's hash policy
  // Retries: hosts that were tried (the host predicate previous_hosts), and how often to choose
  // anew for another one (host_selection_retry_max_attempts). The last choice stands.
  std::span<const std::shared_ptr<const Host>> avoid = {};
  uint32_t attempts = 0;
};

// One worker's choice for one cluster. Tables are the HostSet's, built once for all workers; here
// is whose turn it is.
//
// Runs on: worker. Owner: UpstreamCluster. Thread-safety: confined.
class LoadBalancer {
 public:
  // By the worker, of each host in the set's order.
  using Counters = std::vector<const HostCounters*>;

  // `seed`: where turns begin, so that workers do not all begin at the first host.
  static std::unique_ptr<LoadBalancer> Make(const LbOptions& options, uint32_t seed);
  virtual ~LoadBalancer() = default;

  void SetHosts(std::shared_ptr<const HostSet> hosts, Counters counters);
  // Index into the host set's hosts; nothing: there is none to choose.
  std::optional<uint32_t> Pick(const PickCriteria& context);

 protected:
  virtual std::optional<uint32_t> PickOnce(const PickCriteria& context, uint32_t attempt) = 0;
  virtual void OnHosts() {}

  const HostSet& hosts() const { return *hosts_; }
  static std::optional<uint32_t> PickAny(const std::vector<uint32_t>& group, Random& random) {
    if (group.empty()) return std::nullopt;
    return group[random.Below(group.size())];
  }
  uint64_t ActiveRequests(uint32_t host) const {
    return counters_[host]->rq_active.load(std::memory_order_relaxed);
  }
  // Requests are for the preferred hosts, or by their share for the degraded ones.
  bool ForDegraded(Random& random) const {
    return hosts_->preferred_percent < 100 && random.Below(100) >= hosts_->preferred_percent;
  }
  const std::vector<uint32_t>& Group(bool degraded) const {
    return degraded ? hosts_->degraded : hosts_->preferred;
  }

 private:
  std::shared_ptr<const HostSet> hosts_;
  Counters counters_;
};

}  // namespace outrigger::proxy
