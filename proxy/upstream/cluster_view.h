// cluster_view.h: one version of a cluster's configuration, as a worker uses it.
#pragma once

#include <memory>
#include <utility>

#include "proxy/cluster/circuit_breaker.h"
#include "proxy/snapshot/cluster.h"
#include "proxy/upstream/local_ref.h"

namespace outrigger::proxy {

// What a request holds from its host's choice to its log line: the cluster's name and settings stay
// as they were, whatever is published meanwhile.
//
// Runs on: worker. Owner: counted. Thread-safety: confined.
class ClusterView : public LocallyCounted<ClusterView> {
 public:
  ClusterView(std::shared_ptr<const Cluster> cluster, int worker, int workers)
      : cluster_(std::move(cluster)),
        breaker_(cluster_->breaker_cells->of_default, worker, workers),
        high_breaker_(cluster_->breaker_cells->of_high, worker, workers) {}

  const Cluster& cluster() const { return *cluster_; }
  const std::shared_ptr<const Cluster>& cluster_ptr() const { return cluster_; }
  // Of the request's priority.
  CircuitBreaker& breaker(bool high_priority) { return high_priority ? high_breaker_ : breaker_; }

 private:
  const std::shared_ptr<const Cluster> cluster_;
  CircuitBreaker breaker_;
  CircuitBreaker high_breaker_;
};

// A permit of a circuit breaker, given back when this ends.
// Owner: who needs it. Thread-safety: confined.
class Permit {
 public:
  Permit() = default;
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() { GiveBack(); }

  // Holds none before. False: the limit is reached.
  bool TryTake(const LocalRef<ClusterView>& view, bool high_priority, Resource resource) {
    CircuitBreaker& breaker = view->breaker(high_priority);
    if (!breaker.TryTake(resource)) return false;
    view_ = view;
    breaker_ = &breaker;
    resource_ = resource;
    return true;
  }
  void GiveBack() {
    if (breaker_) std::exchange(breaker_, nullptr)->GiveBack(resource_);
  }

 private:
  LocalRef<ClusterView> view_;  // keeps the breaker
  CircuitBreaker* breaker_ = nullptr;
  Resource resource_ = Resource::kRequests;
};

}  // namespace outrigger::proxy
