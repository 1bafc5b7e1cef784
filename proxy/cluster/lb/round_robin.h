// round_robin.h: ROUND_ROBIN: the next host in turn, in proportion to the weights.
#pragma once

#include <array>

#include "proxy/cluster/lb/weighted_turns.h"

namespace outrigger::proxy {

class RoundRobin final : public WeightedTurns {
 public:
  explicit RoundRobin(uint32_t seed) : WeightedTurns(seed), next_{seed, seed} {}

 private:
  double Weight(uint32_t host) const override { return hosts().hosts[host]->weight; }
  uint32_t PickEqual(bool degraded, Random&) override {
    const std::vector<uint32_t>& group = Group(degraded);
    return group[next_[degraded]++ % group.size()];
  }

  // Of the preferred hosts and of the degraded ones. The turn outlives a change of hosts.
  std::array<uint32_t, 2> next_;
};

}  // namespace outrigger::proxy
