// round_robin.h: picks the next host in turn, in proportion to the weights (smooth weighted round
// robin: a heavy host's turns are spread, not bunched). Each worker has its own turn.
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/snapshot/cluster.h"

namespace outrigger::proxy {

// Owner: UpstreamCluster. Thread-safety: confined.
class RoundRobin {
 public:
  // `seed`: where to start, so that workers do not all begin at the first host.
  explicit RoundRobin(uint32_t seed) : next_(seed) {}

  // Takes the hosts' weights; keeps the turn.
  void SetHosts(const std::vector<std::shared_ptr<const Host>>& hosts);
  // Index of the host to use; hosts must not be empty.
  size_t Pick();

 private:
  struct Turn {
    int64_t weight;
    int64_t current;
  };
  std::vector<Turn> turns_;
  int64_t total_ = 0;
  bool equal_ = true;
  uint32_t next_;
};

}  // namespace outrigger::proxy
